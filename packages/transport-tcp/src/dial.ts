import type { OnReadOpts, Socket } from 'node:net';
import { onAbort } from '@rpcxjs/core';
import type { Address, Connection, DialOptions } from '@rpcxjs/core';
import { connectFailed, errorCode, hungUpInHandshake } from './node-error.ts';
import { SocketConnection } from './socket-connection.ts';
import type { SocketEnds } from './socket-connection.ts';
import { staticOnread } from './static-read.ts';

/** How to make one connection over a Node socket. */
export interface SocketDial {
  readonly address: Address;
  readonly connectTimeoutMs: number;
  /** Set when a TLS handshake follows. */
  readonly handshakeTimeoutMs?: number | undefined;
  readonly closeTimeoutMs: number;
  readonly resets: boolean;
  /** Begins to connect. The socket must have been made with this `onread` and, unless a handshake follows, with `allowHalfOpen`. */
  open(onread: OnReadOpts): Socket;
  /** Asked once, when the socket is connected. */
  ends(socket: Socket): SocketEnds;
}

/** Connects a Node socket and wraps it. Rejects with CONNECT_FAILED, or with the signal's reason; the signal means nothing once connected. */
export function dialSocket(dial: SocketDial, options: DialOptions): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const { signal, runtime: { clock } } = options;
    if (signal?.aborted) {
      reject(signal.reason as Error); // whatever the caller aborted with is what the caller gets
      return;
    }
    let connection: SocketConnection | undefined;
    let socket: Socket;
    try {
      socket = dial.open(staticOnread((chunk) => connection?.receive(chunk)));
    } catch (cause) {
      reject(connectFailed(cause, dial.address));
      return;
    }
    let shaking = false;
    let unlink = (): void => {};
    const settle = (): void => {
      timer.cancel();
      unlink();
      socket.off('error', failed).off('close', failed).off('connect', connected).off('secureConnect', succeeded);
    };
    const giveUp = (error: Error): void => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const failed = (cause: unknown): void => {
      const cut = shaking && ['ECONNRESET', 'EPIPE'].includes(errorCode(cause) ?? '');
      giveUp(connectFailed(cause instanceof Error ? cause : new Error('the socket was closed before it was connected'), dial.address, cut ? hungUpInHandshake : undefined));
    };
    const expire = (what: string, afterMs: number): (() => void) => () => {
      giveUp(connectFailed(new Error(`${what} took longer than ${afterMs} ms: is the host up, and does a firewall drop the packets?`), dial.address));
    };
    const succeeded = (): void => {
      settle();
      // Nothing is read before start(): what comes early stays with the kernel, which holds the sender back.
      socket.pause();
      const ends = dial.ends(socket);
      // The system knows of no peer any more that has gone by now.
      connection = new SocketConnection(socket, { ...ends, remote: ends.remote ?? dial.address, clock, closeTimeoutMs: dial.closeTimeoutMs, resets: dial.resets });
      resolve(connection);
    };
    const connected = (): void => {
      if (dial.handshakeTimeoutMs === undefined) {
        succeeded();
        return;
      }
      shaking = true;
      timer.cancel();
      timer = clock.setTimer(expire('the TLS handshake', dial.handshakeTimeoutMs), dial.handshakeTimeoutMs);
    };
    let timer = clock.setTimer(expire('the connection', dial.connectTimeoutMs), dial.connectTimeoutMs);
    socket.once('error', failed).once('close', failed).once('connect', connected);
    if (dial.handshakeTimeoutMs !== undefined) socket.once('secureConnect', succeeded);
    if (signal !== undefined) unlink = onAbort(signal, (reason) => giveUp(reason as Error)); // the caller's own
  });
}
