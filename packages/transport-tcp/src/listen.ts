import type { ListenOptions as BindOptions, Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { onAbort } from '@rpcxjs/core';
import type { Address, Clock, Connection, Listener, ListenOptions, Logger } from '@rpcxjs/core';
import { adviceFor, errorCode, listenFailed } from './node-error.ts';
import { SocketConnection } from './socket-connection.ts';
import type { SocketEnds } from './socket-connection.ts';
import { readAccepted } from './static-read.ts';

/** How to take connections from a Node server. */
export interface SocketListen {
  readonly address: Address;
  /** Plain: made with `allowHalfOpen` and `pauseOnConnect`. TLS: with neither, for a client that leaves in its handshake must not stay. */
  readonly server: Server;
  readonly secure: boolean;
  readonly bind: BindOptions;
  readonly closeTimeoutMs: number;
  readonly resets: boolean;
  /** Asked once for each connection. */
  ends(socket: Socket): SocketEnds;
  /** The address that was really bound. */
  bound(server: Server): Address;
}

/** Binds the server and wraps what it accepts. Rejects with LISTEN_FAILED, or with the signal's reason; the signal means nothing once bound. */
export function listenSocket(listen: SocketListen, options: ListenOptions): Promise<Listener> {
  const { server } = listen;
  return new Promise((resolve, reject) => {
    const { signal, runtime: { logger } } = options;
    if (signal?.aborted) {
      reject(signal.reason as Error); // whatever the caller aborted with is what the caller gets
      return;
    }
    let unlink = (): void => {};
    const failed = (cause: Error): void => {
      unlink();
      reject(listenFailed(cause, listen.address));
    };
    server.once('error', failed);
    const endHandshakes = accepting(listen, options);
    if (signal !== undefined) {
      const giveUp = (reason: Error): void => {
        server.off('error', failed).on('error', () => {}).close();
        reject(reason);
      };
      unlink = onAbort(signal, (reason) => giveUp(reason as Error)); // the caller's own
    }
    server.listen(listen.bind, () => {
      unlink();
      if (signal?.aborted) return;
      server.off('error', failed);
      const address = listen.bound(server);
      server.on('error', (cause) => logger.error({ address, code: errorCode(cause) }, `a connection could not be accepted: ${adviceFor(cause) ?? cause.message}`));
      resolve(listener(server, address, endHandshakes));
    });
  });
}

function listener(server: Server, address: Address, endHandshakes: () => void): Listener {
  let open = true;
  // The port is free when `close` returns. Its callback would wait for the accepted connections, which belong to somebody else.
  const close = (): Promise<void> => {
    if (open) {
      open = false;
      server.close();
      endHandshakes();
    }
    return Promise.resolve();
  };
  return { address, close, [Symbol.asyncDispose]: close };
}

/** Hands accepted sockets over; returns what ends those that are still in their handshake. */
function accepting(listen: SocketListen, options: ListenOptions): () => void {
  const { server } = listen;
  const take = (socket: Socket): void => options.accept(connectionOf(socket, {
    ...listen.ends(socket), clock: options.runtime.clock, closeTimeoutMs: listen.closeTimeoutMs, resets: listen.resets,
  }));
  if (!listen.secure) {
    server.on('connection', take);
    return () => {};
  }
  // Node gives no way from a TLS socket to the socket below it, so the remote address, which is the same and unique, is the key.
  const handshakes = new Map<string, Socket>();
  const key = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;
  server.on('connection', (socket: Socket) => {
    const name = key(socket);
    handshakes.set(name, socket);
    socket.once('close', () => handshakes.delete(name));
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    handshakes.delete(key(socket));
    take(socket);
  });
  server.on('tlsClientError', (cause: Error, socket: TLSSocket) => {
    warnOfHandshake(cause, { remote: socket.remoteAddress, refused: socket.authorizationError }, options.runtime.logger);
    // After a handshake that took too long, Node leaves the socket open for this listener to end.
    socket.destroy();
  });
  return () => {
    for (const socket of handshakes.values()) socket.destroy();
  };
}

/** What is needed to make a connection of an accepted socket. */
export interface SocketAccepted extends SocketEnds {
  readonly clock: Clock;
  /** How long the other side may take to end after `close()`, in milliseconds; then the connection is destroyed. */
  readonly closeTimeoutMs: number;
  /** True for plain TCP, which can be cut with a reset; TLS and pipes cannot. */
  readonly resets: boolean;
}

/**
 * Makes a connection of a socket that somebody else accepted, an HTTP server for example. The socket must have no other reader; bytes that
 * were put back into it (`unshift`) come first. It is paused until `start`.
 */
export function connectionOf(socket: Socket, accepted: SocketAccepted): Connection {
  socket.pause();
  // Assigned before a byte can come, except bytes that came with the TLS handshake.
  let connection: SocketConnection | undefined;
  const early: Uint8Array[] = [];
  readAccepted(socket, (chunk) => {
    if (connection === undefined) early.push(new Uint8Array(chunk));
    else connection.receive(chunk);
  });
  connection = new SocketConnection(socket, accepted);
  for (const chunk of early) connection.receive(chunk);
  return connection;
}

export interface FailedHandshake {
  readonly remote: string | undefined;
  /** Set by Node when the client's certificate was refused; its types promise an Error, what comes is the code. */
  readonly refused: unknown;
}

/** One line for each handshake that failed; port scans and probes that only connect and leave are not worth a warning. */
export function warnOfHandshake(cause: Error, { remote, refused }: FailedHandshake, logger: Logger): void {
  const code = typeof refused === 'string' ? refused : errorCode(cause);
  const fields = { remote, code };
  if (code === 'ECONNRESET' || code === 'EPIPE') logger.debug(fields, 'a client left during its TLS handshake');
  else logger.warn(fields, `a TLS handshake failed: ${adviceFor({ code }) ?? cause.message}`);
}
