import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Server as TlsServer, type TLSSocket } from 'node:tls';
import { onAbort, splitHostPort, type Address, type Listener, type ListenOptions, type Logger } from '@rpcxjs/core';
import { listenFailed, renewTls, warnOfHandshake } from '@rpcxjs/transport-tcp';
import { Handshakes } from './handshakes.ts';
import { answer, takeUpgrades, takenPaths, type Upgrades } from './upgrades.ts';
import type { ResolvedWebSocketOptions } from './ws-options.ts';

/** Listens on a port of its own. Rejects with LISTEN_FAILED, or with the signal's reason. */
export async function listenWebSocket(address: Address, options: ResolvedWebSocketOptions, given: ListenOptions): Promise<Listener> {
  const server = ownServer(address, options, given.runtime.logger);
  // Requests that do not ask for a WebSocket get an answer that says so.
  server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(426, { upgrade: 'websocket', connection: 'close', 'content-type': 'text/plain' }).end(`this is an rpcx server: it takes WebSockets at ${options.path}\n`);
  });
  server.on('clientError', (cause: Error, socket: Duplex) => {
    given.runtime.logger.debug({ err: cause.message }, 'a client did not speak HTTP');
    answer(socket, 400, `this is an rpcx server: it takes WebSockets at ${options.path}`);
  });
  server.on('tlsClientError', (cause: Error, socket: TLSSocket) => {
    warnOfHandshake(cause, { remote: socket.remoteAddress, refused: socket.authorizationError }, given.runtime.logger);
    socket.destroy();
  });
  const handshakes = new Handshakes({ clock: given.runtime.clock, most: options.maxHandshakes, timeoutMs: options.handshakeTimeoutMs });
  server.on('connection', (socket: Socket) => handshakes.enter(socket));
  const stop = takeUpgrades(server, { address, options, given }, handshakes);
  await bind(server, address, given.signal);
  const close = (): Promise<void> => {
    stop();
    server.close();
    handshakes.close();
    return Promise.resolve();
  };
  return { address: boundAddress(address, server), close, [Symbol.asyncDispose]: close };
}

/** Takes the WebSockets at our path of a server that is the caller's. One that does not listen yet is made to, and closed with the listener. Rejects as `listenWebSocket`. */
export async function listenBehind(server: Server, behind: Upgrades): Promise<Listener> {
  const { address, options: { path }, given: { signal } } = behind;
  // The other way round TLS may have ended before it.
  if (server instanceof TlsServer && address.network !== 'wss') throw new TypeError(`webSocket: ${address.network} behind a server of https; listen on wss@${address.host}`);
  const opens = !(await listens(server, behind));
  if (opens) await bind(server, address, signal);
  const bound = boundAddress(address, server);
  if (takenPaths(server).includes(path)) throw listenFailed(new Error(`the WebSockets at ${path} of this server are taken already: close that listener, or set another path`), address);
  const stop = takeUpgrades(server, behind);
  const close = (): Promise<void> => {
    stop();
    if (opens && server.listening) server.close();
    return Promise.resolve();
  };
  return { address: bound, close, [Symbol.asyncDispose]: close };
}

// An IP address is looked up in a turn of the loop, a name of this machine in a few.
const lookupMs = 10;

/** Whether the server listens, or is about to: `listen()` of a host takes a moment. */
function listens(server: Server, { address, given: { signal, runtime: { clock } } }: Upgrades): Promise<boolean> {
  if (server.listening) return Promise.resolve(true);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error); // whatever the caller aborted with is what the caller gets
      return;
    }
    const settle = (): void => {
      timer.cancel();
      unlink();
      server.off('listening', succeeded).off('error', failed);
    };
    const succeeded = (): void => {
      settle();
      resolve(true);
    };
    const failed = (cause: Error): void => {
      settle();
      reject(listenFailed(cause, address));
    };
    const timer = clock.setTimer(() => {
      settle();
      resolve(false);
    }, lookupMs);
    server.once('listening', succeeded).once('error', failed);
    const unlink = signal === undefined ? (): void => {} : onAbort(signal, (reason) => {
      settle();
      reject(reason);
    });
  });
}

function ownServer(address: Address, { tls, handshakeTimeoutMs }: ResolvedWebSocketOptions, logger: Logger): Server {
  const timeouts = { headersTimeout: handshakeTimeoutMs, requestTimeout: handshakeTimeoutMs, connectionsCheckingInterval: Math.min(handshakeTimeoutMs, 1000), keepAliveTimeout: 1 };
  if (address.network !== 'wss') return createHttpServer({ ...timeouts, noDelay: true });
  const { given, secrets } = tls?.current(logger) ?? {};
  if (tls === undefined || given?.cert === undefined) throw new TypeError('webSocket: a wss server needs tls.cert and tls.key');
  const asks = given.clientCertificate ?? 'ignore';
  const server = createHttpsServer({ ...timeouts, ...secrets, noDelay: true, handshakeTimeout: handshakeTimeoutMs, requestCert: asks !== 'ignore', rejectUnauthorized: asks === 'require' });
  renewTls(server, tls, logger);
  return server;
}

function bind(server: Server, address: Address, signal: AbortSignal | undefined): Promise<void> {
  const { host, port } = splitHostPort(address.host);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error); // as above
      return;
    }
    const failed = (cause: Error): void => {
      unlink();
      reject(listenFailed(cause, address));
    };
    const unlink = signal === undefined ? (): void => {} : onAbort(signal, (reason) => {
      server.off('error', failed).on('error', () => {}).close();
      reject(reason);
    });
    server.once('error', failed);
    server.listen(host === '' ? { port } : { host, port }, () => {
      unlink();
      if (signal?.aborted) return;
      server.off('error', failed).on('error', () => {});
      resolve();
    });
  });
}

function boundAddress(asked: Address, server: Server): Address {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw listenFailed(new Error(`the server listens on ${bound ?? 'nothing'}, which is no TCP port: let it listen on one`), asked);
  const name = bound.address.replace(/^::ffff:(?=\d+\.)/, '');
  const host = `${name.includes(':') ? `[${name}]` : name}:${bound.port}`;
  const { port } = splitHostPort(asked.host);
  if (port !== 0 && port !== bound.port) throw listenFailed(new Error(`the server listens on ${host} already: listen on ${asked.network}@${host}`), asked);
  return { network: asked.network, host };
}
