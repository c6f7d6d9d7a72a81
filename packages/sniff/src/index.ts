// For everybody.
export { sniff, sniffStats } from './sniff.ts';
export type { Sniffed, SniffStats } from './sniff.ts';
export type { SniffOptions } from './sniff-options.ts';
export { isConnect, isGob, isHttp, isJson, isRpcx, isTls } from './matchers.ts';
export type { Matcher, Verdict } from './matchers.ts';
export { serveHttp } from './serve-http.ts';
export type { ServeHttpOptions } from './serve-http.ts';
export { acceptTls } from './accept-tls.ts';
export type { AcceptTlsOptions } from './accept-tls.ts';

// For another server that works on streams.
export { ConnectionDuplex } from './connection-duplex.ts';
