import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Address, ListenOptions } from '@rpcxjs/core';
import { afterAnswers, socketEnds } from '@rpcxjs/transport-tcp';
import { WebSocketServer } from 'ws';
import type { Handshakes } from './handshakes.ts';
import { originRefusal } from './origin.ts';
import { WsConnection } from './ws-connection.ts';
import type { ResolvedWebSocketOptions } from './ws-options.ts';

/** What the upgrades to WebSocket need. */
export interface Upgrades {
  readonly address: Address;
  readonly options: ResolvedWebSocketOptions;
  readonly given: ListenOptions;
}

/** The paths of our own listeners for `upgrade`. */
const paths = new WeakMap<object, string>();

/** Those paths of an HTTP server at which WebSockets are taken; undefined stands for a listener of somebody else. */
export function takenPaths(server: Server): (string | undefined)[] {
  return server.listeners('upgrade').map((listener) => paths.get(listener));
}

/** Returns a function that stops it. With `handshakes` the server is our own. */
export function takeUpgrades(server: Server, { address, options, given }: Upgrades, handshakes?: Handshakes): () => void {
  const { clock } = given.runtime;
  const { maxMessageBytes, pingMs, closeTimeoutMs, path } = options;
  const upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false, skipUTF8Validation: true, maxPayload: maxMessageBytes, clientTracking: false });
  upgrades.on('wsClientError', (cause, socket) => answer(socket, 400, cause.message));
  const take = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const asked = pathOf(request);
    if (asked !== path) {
      // Of several listeners the first answers with 404; where somebody else listens too, the request may be for them.
      const taken = takenPaths(server);
      if (server.listeners('upgrade')[0] === take && !taken.includes(undefined) && !taken.includes(asked)) answer(socket, 404, `WebSockets are taken at ${taken.join(' and ')}`);
      return;
    }
    afterAnswers(socket as Socket, () => open(request, socket, head)); // an HTTP server's are sockets
  };
  const open = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const refused = refusal(request, { address, options, given });
    if (refused !== undefined) {
      answer(socket, ...refused);
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (opened) => {
      const below = socket as Socket; // an HTTP server's are sockets
      handshakes?.done(below);
      const { local, remote, certificate } = socketEnds(address.network, below);
      given.accept(new WsConnection(opened, { local, remote, certificate, below, clock, pingMs, closeTimeoutMs }));
    });
  };
  paths.set(take, path);
  server.on('upgrade', take);
  return () => void server.off('upgrade', take);
}

/** Status and text when a request may not become a WebSocket. A function of the caller that throws lets nobody in, and harms nobody else. */
function refusal(request: IncomingMessage, { options, given: { runtime: { logger } } }: Upgrades): readonly [number, string] | undefined {
  const { origin, host } = request.headers;
  try {
    const text = originRefusal(request, options.origins);
    if (text === undefined) return undefined;
    logger.warn({ origin, host }, text);
    return [403, text];
  } catch (error) {
    logger.error({ origin, host, err: error }, 'the function origins failed, so the page may not connect');
    return [500, 'whether this page may connect could not be decided'];
  }
}

/** As it was sent. A URL would have to be valid, and who asks may send anything. */
function pathOf({ url = '' }: IncomingMessage): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}

/** Answers in plain text and hangs up, whether the other side does or not. */
export function answer(socket: Duplex, status: number, text: string): void {
  socket.on('error', () => {});
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = `${text}\n`;
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}
