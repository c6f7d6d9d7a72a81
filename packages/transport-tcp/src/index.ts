// For everybody.
export { tcp } from './tcp.ts';
export type { TcpOptions, TcpTlsOptions } from './tcp-options.ts';

// For transports over other Node sockets.
export { dialSocket } from './dial.ts';
export type { SocketDial } from './dial.ts';
export { listenSocket } from './listen.ts';
export type { SocketListen } from './listen.ts';
export type { SocketEnds } from './socket-connection.ts';
export { adviceFor, connectFailed, connectionLost, errorCode, listenFailed } from './node-error.ts';
