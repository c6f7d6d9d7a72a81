// For everybody.
export { tcp } from './tcp.ts';
export type { TcpOptions } from './tcp-options.ts';
export type { TcpTlsOptions } from './tls-options.ts';

// For transports over other Node sockets.
export { dialSocket } from './dial.ts';
export type { SocketDial } from './dial.ts';
export { connectionOf, listenSocket, warnOfHandshake } from './listen.ts';
export type { FailedHandshake, SocketAccepted, SocketListen } from './listen.ts';
export { takenBytes } from './socket-connection.ts';
export type { SocketEnds } from './socket-connection.ts';
export { checkTls } from './option-checks.ts';
export { adviceFor, connectFailed, connectionLost, errorCode, listenFailed } from './node-error.ts';
export { socketEnds } from './tcp.ts';

// For transports over other transports: those whose connections begin with words of their own.
export { PeekedConnection } from './peeked-connection.ts';
export type { PeekedEnds, Peeker } from './peeked-connection.ts';
export { WaitingRoom } from './waiting-room.ts';
export type { Dismissal, WaitingRoomOptions } from './waiting-room.ts';
export { afterAnswers } from './after-answers.ts';
export { TlsEnd } from './tls-end.ts';
export { renewTls } from './tls-server.ts';
export { resolveTls, tlsSource } from './tls-source.ts';
export type { ResolvedTls, TlsReader, TlsSource } from './tls-source.ts';
export type { TlsEndOptions, TlsEndpoints, TlsEndTarget } from './tls-end.ts';
