import { formatAddress, onAbort, RpcError, type Connection, type Dialer } from '@rpcxjs/core';
import { BrowserConnection, type PageSocket } from './browser-connection.ts';

export interface BrowserWebSocketOptions {
  /** Where the server takes WebSockets. @default '/_rpcx_', as in Go */
  readonly path?: string | undefined;
}

/** The global WebSocket that pages, workers, Deno, Bun and Node from 22 on have. */
interface PageGlobals {
  readonly WebSocket?: new (url: string) => PageSocket;
}

/**
 * Dials `ws@host:port` and `wss@host:port` with the WebSocket that the page has. A browser does not say why a connection did not come about, so the
 * error lists what to check. It cannot hold back a server either: what arrives is delivered.
 */
export function webSocket({ path = '/_rpcx_' }: BrowserWebSocketOptions = {}): Dialer {
  if (path[0] !== '/') throw new TypeError(`webSocket: path is ${path}: it begins with a slash`);
  return {
    networks: ['ws', 'wss'],
    dial: (address, { signal, runtime }) => new Promise<Connection>((resolve, reject) => {
      const { WebSocket } = globalThis as PageGlobals;
      const url = `${address.network}://${address.host}${path}`;
      const failed = (why: string, cause?: unknown): void => {
        reject(new RpcError('unavailable', `no WebSocket to ${url}: ${why}`, { reason: 'CONNECT_FAILED', sent: false, address: formatAddress(address), cause }));
      };
      if (signal?.aborted) {
        reject(signal.reason as Error); // whatever the caller aborted with is what the caller gets
        return;
      }
      if (WebSocket === undefined) {
        failed('there is no WebSocket here; in Node before 22 import @rpcxjs/transport-ws');
        return;
      }
      // A URL would take these for a user, a path or a zone, and go elsewhere.
      if (/[/?#@\\%]/.test(address.host)) {
        failed(`the address is host:port, and ${JSON.stringify(address.host)} is none`);
        return;
      }
      let socket: PageSocket;
      try {
        socket = new WebSocket(url);
      } catch (cause) {
        failed(`${cause as Error}; the address is host:port, and a page of https may dial wss only`, cause);
        return;
      }
      socket.binaryType = 'arraybuffer';
      let unlink = (): void => {};
      socket.addEventListener('open', () => {
        unlink();
        if (signal?.aborted !== true) resolve(new BrowserConnection(socket, address, runtime.clock));
      });
      // Node 22 has no `close` for one that was never open.
      socket.addEventListener('error', () => {
        unlink();
        failed("is the server running, does it take this page's origin at this path, and is its certificate trusted?");
      });
      if (signal !== undefined) {
        unlink = onAbort(signal, (reason) => {
          reject(reason);
          socket.close();
        });
      }
    }),
  };
}
