import { onAbort, splitHostPort } from '@rpcxjs/core';
import type { Address, Listener, ListenOptions } from '@rpcxjs/core';
import { listenFailed } from '@rpcxjs/transport-tcp';
import type { ResolvedHttpConnectOptions } from './http-connect-options.ts';
import { AttachedServer } from './web-server.ts';
import type { WebServer } from './web-server.ts';

/** Takes the CONNECTs of a path of an HTTP server. One that does not listen yet is made to, and then closed with the listener. */
export async function listenBehind(server: WebServer, address: Address, { path, handshakeTimeoutMs, closeTimeoutMs }: ResolvedHttpConnectOptions, options: ListenOptions): Promise<Listener> {
  const { signal, runtime: { clock } } = options;
  signal?.throwIfAborted();
  let behind: AttachedServer;
  try {
    behind = AttachedServer.of(server);
    if (!behind.add(path, { clock, timeoutMs: handshakeTimeoutMs, closeTimeoutMs, accept: (connection) => options.accept(connection) })) {
      throw new Error(`the path ${path} of this HTTP server is taken by another httpConnect: give one of them another path`);
    }
  } catch (cause) {
    throw listenFailed(cause, address);
  }
  try {
    const opens = !(await listens(server, options));
    if (opens) await open(server, address, signal);
    const bound = boundAddress(server, address);
    const close = async (): Promise<void> => {
      behind.remove(path);
      if (opens && server.listening) server.close();
    };
    return { address: bound, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    behind.remove(path);
    throw error;
  }
}

// An IP address is looked up in a turn of the loop, a name of this machine in a few.
const lookupMs = 10;

/** Whether the server listens, or is about to: `listen()` of a host takes a moment. */
function listens(server: WebServer, { signal, runtime: { clock } }: ListenOptions): Promise<boolean> {
  if (server.listening) return Promise.resolve(true);
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      timer.cancel();
      unlink();
      server.off('listening', listening);
    };
    const listening = (): void => {
      settle();
      resolve(true);
    };
    const timer = clock.setTimer(() => {
      settle();
      resolve(false);
    }, lookupMs);
    server.once('listening', listening);
    const unlink = signal === undefined ? (): void => {} : onAbort(signal, (reason) => {
      settle();
      reject(reason);
    });
  });
}

function open(server: WebServer, address: Address, signal: AbortSignal | undefined): Promise<void> {
  const { host, port } = splitHostPort(address.host);
  return new Promise((resolve, reject) => {
    let unlink = (): void => {};
    const settle = (): void => {
      unlink();
      server.off('error', failed).off('listening', listening);
    };
    const failed = (cause: Error): void => {
      settle();
      reject(listenFailed(cause, address));
    };
    const listening = (): void => {
      settle();
      resolve();
    };
    server.once('error', failed).once('listening', listening);
    if (signal !== undefined) {
      unlink = onAbort(signal, (reason) => {
        settle();
        server.close();
        reject(reason);
      });
    }
    server.listen(host === '' ? { port } : { host, port });
  });
}

function boundAddress(server: WebServer, asked: Address): Address {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw listenFailed(new Error(`the HTTP server listens on ${bound ?? 'nothing'}, which is no TCP port: let it listen on one`), asked);
  const host = bound.address.includes(':') ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
  const { port } = splitHostPort(asked.host);
  if (port !== 0 && port !== bound.port) throw listenFailed(new Error(`the HTTP server listens on ${host} already: listen on http@${host}`), asked);
  return { network: asked.network, host };
}
