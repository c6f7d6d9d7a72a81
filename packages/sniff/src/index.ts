// For everybody.
export { sniff, sniffStats } from './sniff.ts';
export type { Sniffed, SniffStats } from './sniff.ts';
export type { SniffOptions } from './sniff-options.ts';
export { isConnect, isGob, isHttp, isJson, isRpcx, isTls } from './matchers.ts';
export type { Matcher, Verdict } from './matchers.ts';
