import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { consoleLogger, formatAddress, parseAddress, systemClock } from '@rpcxjs/core';
import type { Acceptor, Address, Clock, Connection, Listener, Logger, Runtime, ServerPlugin } from '@rpcxjs/core';
import { WaitingRoom } from '@rpcxjs/transport-tcp';
import { ConnectionDuplex } from './connection-duplex.ts';

/** Options of `serveHttp()`. */
export interface ServeHttpOptions {
  /** Plugins that judge connections (`acceptConnection`, `connectionClosed`): those of the rpcx server, so that they hold for HTTP too. @default none */
  readonly plugins?: readonly ServerPlugin[] | undefined;
  /** Stops the listening while it is on its way. @default none */
  readonly signal?: AbortSignal | undefined;
  /** Where warnings go. @default the console */
  readonly logger?: Logger | undefined;
  /** What time limits are measured with. @default the system's */
  readonly clock?: Clock | undefined;
}

// As long as an rpcx server gives its plugins, and as many as it takes connections.
const askTimeoutMs = 10_000;
const mostAsked = 16_384;
const told = new WeakSet<HttpServer | HttpsServer>();

/**
 * Gives the connections of an acceptor to a server of `node:http` or `node:https`, which need not listen itself: its routes, upgrades and
 * time limits hold as ever. Closing the returned listener stops that; the connections that the server has are the server's, as is its `close()`.
 *
 *     await serveHttp(ports.http, createServer(app), 'tcp@:8972');
 */
export async function serveHttp(acceptor: Acceptor, server: HttpServer | HttpsServer, address: Address | string, options: ServeHttpOptions = {}): Promise<Listener> {
  if (typeof acceptor?.listen !== 'function') throw new TypeError('serveHttp: the first argument has no listen(); give an acceptor, such as one of sniff()');
  if (typeof server?.emit !== 'function') throw new TypeError('serveHttp: the second argument is no server; give what createServer() of node:http or node:https returned');
  const { plugins = [], signal, logger = consoleLogger(), clock = systemClock } = options;
  const runtime: Runtime = { clock, logger };
  const room = new WaitingRoom({ clock, timeoutMs: askTimeoutMs, most: mostAsked });
  const accept = (connection: Connection): void => {
    const stream = new ConnectionDuplex(connection, clock, (reason) => observeEnd(plugins, connection, { reason, logger }));
    server.emit('connection', stream);
  };
  const where = typeof address === 'string' ? parseAddress(address) : address;
  const listener = await acceptor.listen(where, {
    runtime, signal,
    accept: (connection) => void (plugins.length === 0 ? accept(connection) : judge(connection, plugins, { room, logger, accept })),
  });
  // Its limits for slow requests run from this event on (lib/_http_server.js, setupConnectionsTracking).
  if (!server.listening && !told.has(server)) {
    told.add(server);
    server.emit('listening');
  }
  const close = async (): Promise<void> => {
    await listener.close();
    room.close();
  };
  return { address: listener.address, close, [Symbol.asyncDispose]: close };
}

interface Judging {
  readonly room: WaitingRoom;
  readonly logger: Logger;
  accept(connection: Connection): void;
}

/** As the rpcx server does it: one plugin after the other, and each may refuse. */
async function judge(connection: Connection, plugins: readonly ServerPlugin[], { room, logger, accept }: Judging): Promise<void> {
  let inside = true;
  const remote = connection.remote === undefined ? undefined : formatAddress(connection.remote);
  const leave = room.enter(connection, (why) => {
    inside = false;
    if (why === 'late') logger.warn({ remote, afterMs: askTimeoutMs }, 'a plugin took too long to accept a connection, which is refused');
    connection.abort();
  });
  let current: Connection | undefined = connection;
  for (const plugin of plugins) {
    if (plugin.acceptConnection === undefined) continue;
    try {
      current = await plugin.acceptConnection(current);
    } catch (error) {
      logger.warn({ plugin: plugin.name, error }, 'a plugin failed to accept a connection, which is refused');
      current = undefined;
    }
    if (current === undefined || !inside) break;
  }
  leave();
  if (current !== undefined && inside) accept(current);
  else (current ?? connection).abort();
}

interface End {
  readonly reason: Error | undefined;
  readonly logger: Logger;
}

function observeEnd(plugins: readonly ServerPlugin[], connection: Connection, { reason, logger }: End): void {
  for (const plugin of plugins) {
    try {
      plugin.connectionClosed?.(connection, reason);
    } catch (error) {
      logger.warn({ plugin: plugin.name, error }, 'a plugin threw in connectionClosed');
    }
  }
}
