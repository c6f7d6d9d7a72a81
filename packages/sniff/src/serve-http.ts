import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { isIP } from 'node:net';
import type { AddressInfo } from 'node:net';
import { consoleLogger, formatAddress, parseAddress, splitHostPort, systemClock } from '@rpcxjs/core';
import type { Acceptor, Address, Clock, Connection, Listener, Logger, Runtime, ServerPlugin } from '@rpcxjs/core';
import { checkNames } from '@rpcxjs/core/options';
import { WaitingRoom } from '@rpcxjs/transport-tcp';
import { ConnectionDuplex } from './connection-duplex.ts';

type WebServer = HttpServer | HttpsServer;

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

// The same time that an rpcx server gives its plugins, and the same number of connections.
const askTimeoutMs = 10_000;
const mostAsked = 16_384;
/** The addresses of servers that do not listen themselves. */
const reached = new WeakMap<WebServer, Address[]>();

/**
 * Gives the connections of an acceptor to a server of `node:http` or `node:https`, which need not listen itself: its routes, upgrades and
 * time limits hold as ever, and its `address()` says where it is reached. Closing the returned listener stops that; the connections that the server has are the server's, as is its `close()`.
 *
 *     await serveHttp(ports.http, createServer(app), 'tcp@:8972');
 */
export async function serveHttp(acceptor: Acceptor, server: WebServer, address: Address | string, options: ServeHttpOptions = {}): Promise<Listener> {
  if (typeof acceptor?.listen !== 'function') throw new TypeError('serveHttp: the first argument has no listen(); give an acceptor, such as one of sniff()');
  if (typeof server?.emit !== 'function') throw new TypeError('serveHttp: the second argument is no server; give what createServer() of node:http or node:https returned');
  checkNames('serveHttp', options, ['plugins', 'signal', 'logger', 'clock']);
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
  const hide = show(server, listener.address);
  const close = async (): Promise<void> => {
    hide();
    await listener.close();
    room.close();
  };
  return { address: listener.address, close, [Symbol.asyncDispose]: close };
}

/**
 * Lets a server that does not listen itself say where it is reached, as one that does: in `address()`, `listening` and the event, from which on
 * its limits for slow requests run (lib/_http_server.js, setupConnectionsTracking). Returns what takes that back.
 */
function show(server: WebServer, address: Address): () => void {
  const known = reached.get(server);
  if (known === undefined && server.listening) return () => {};
  const all = known ?? [];
  all.push(address);
  if (known === undefined) {
    reached.set(server, all);
    Object.defineProperties(server, {
      listening: { configurable: true, value: true },
      address: { configurable: true, value: () => addressInfo(all[0] ?? address) },
    });
    server.emit('listening');
  }
  return () => {
    const at = all.indexOf(address);
    if (at >= 0) all.splice(at, 1);
    if (all.length > 0 || !reached.delete(server)) return;
    // Those of its class are back.
    Reflect.deleteProperty(server, 'listening');
    Reflect.deleteProperty(server, 'address');
  };
}

/** As `net.Server.address()` has it: of a network without ports it is the name. */
function addressInfo({ host }: Address): AddressInfo | string {
  try {
    const { host: address, port } = splitHostPort(host);
    return { address, port, family: isIP(address) === 6 ? 'IPv6' : 'IPv4' };
  } catch {
    return host;
  }
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
      logger.warn({ plugin: plugin.name, err: error }, 'a plugin failed to accept a connection, which is refused');
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
      logger.warn({ plugin: plugin.name, err: error }, 'a plugin threw in connectionClosed');
    }
  }
}
