import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { parseAddress, splitHostPort, systemClock } from '@rpcxjs/core';
import type { Address, Clock } from '@rpcxjs/core';
import { FaultLane } from './fault-lane.ts';
import type { Direction } from './fault-lane.ts';
import { seededRandom } from './seeded-random.ts';
import { checkToxics } from './toxics.ts';
import type { Toxics } from './toxics.ts';

export interface FaultProxyOptions {
  /** Where connections are led, `tcp@host:port` or `host:port`; another network and a path behind the port are passed by. */
  readonly target: Address | string;
  /** Where the proxy listens. @default '127.0.0.1:0' */
  readonly listen?: string | undefined;
  /** Keeps a copy of every byte that was passed on. @default false */
  readonly record?: boolean | undefined;
  /** Seed of jitter and of random resets. @default 1 */
  readonly seed?: number | undefined;
  /** What delays are measured by. @default the system's */
  readonly clock?: Clock | undefined;
}

/** One direction of a proxy, over all its connections. */
export interface FaultDirection {
  readonly toxics: Toxics;
  /** Replaces the toxics, for open connections too; `{}` heals. Byte counts of a connection begin with the connection. */
  set(toxics: Toxics): void;
  /** Bytes passed on so far. */
  readonly bytes: number;
  /** The bytes passed on, in the order of their passing; throws TypeError unless `record` is set. */
  recorded(): Uint8Array;
}

/** A TCP proxy that misbehaves on demand. */
export interface FaultProxy extends AsyncDisposable {
  /** What to dial instead of the target, with its network and its path. */
  readonly address: Address;
  readonly toServer: FaultDirection;
  readonly toClient: FaultDirection;
  /** Connections that are open on at least one side. */
  readonly connections: number;
  /** Connections taken so far. */
  readonly accepted: number;
  /** While true, whoever connects is reset at once. @default false */
  refuse: boolean;
  /** Resets (RST) both sides of every connection; new ones are taken. */
  resetAll(): void;
  /** Ends everything at once. */
  close(): Promise<void>;
}

class ProxyDirection implements FaultDirection, Direction {
  toxics: Toxics = {};
  bytes = 0;
  readonly lanes = new Set<FaultLane>();
  readonly clock: Clock;
  readonly random: () => number;
  readonly #record: Uint8Array[] | undefined;

  constructor(clock: Clock, random: () => number, record: boolean) {
    this.clock = clock;
    this.random = random;
    this.#record = record ? [] : undefined;
  }

  set(toxics: Toxics): void {
    checkToxics(toxics);
    this.toxics = Object.freeze({ ...toxics });
    for (const lane of this.lanes) lane.pump();
  }

  forwarded(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    this.#record?.push(bytes);
  }

  recorded(): Uint8Array {
    if (this.#record === undefined) throw new TypeError('faultProxy: nothing was recorded; set record: true');
    return new Uint8Array(Buffer.concat(this.#record));
  }
}

/** Listens and leads each connection to the target. Rejects with Node's error when it cannot listen; a target that does not answer resets the client. */
export async function faultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { network, host: led } = typeof options.target === 'string' ? parseAddress(options.target) : options.target;
  const path = led.includes('/') ? led.slice(led.indexOf('/')) : '';
  const target = splitHostPort(led.slice(0, led.length - path.length));
  const random = seededRandom(options.seed ?? 1);
  const clock = options.clock ?? systemClock;
  const toServer = new ProxyDirection(clock, random, options.record === true);
  const toClient = new ProxyDirection(clock, random, options.record === true);
  const sockets = new Map<Socket, Socket>();
  let accepted = 0;

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    accepted += 1;
    client.on('error', () => {});
    if (proxy.refuse) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host: target.host, port: target.port, allowHalfOpen: true, noDelay: true });
    sockets.set(client, upstream);
    join(client, upstream, { toServer, toClient }, () => sockets.delete(client));
  });

  const proxy: Omit<FaultProxy, 'address'> & { address: Address } = {
    address: { network, host: '' },
    toServer,
    toClient,
    refuse: false,
    get connections() {
      return sockets.size;
    },
    get accepted() {
      return accepted;
    },
    resetAll() {
      for (const pair of sockets) for (const socket of pair) resetSocket(socket);
    },
    async close() {
      for (const pair of sockets) for (const socket of pair) socket.destroy();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
    [Symbol.asyncDispose]: () => proxy.close(),
  };

  const where = splitHostPort(options.listen ?? '127.0.0.1:0');
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: where.port, ...(where.host === '' ? {} : { host: where.host }) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address() as AddressInfo; // a TCP server that listens has one
  proxy.address = { network, host: `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}${path}` };
  return proxy;
}

interface Directions {
  readonly toServer: ProxyDirection;
  readonly toClient: ProxyDirection;
}

function join(client: Socket, upstream: Socket, directions: Directions, gone: () => void): void {
  const { toServer, toClient } = directions;
  const reset = (): void => {
    resetSocket(client);
    resetSocket(upstream);
  };
  const up: FaultLane = new FaultLane(client, upstream, toServer, {
    reset,
    halfOpen() {
      client.end();
      down.swallow();
    },
  });
  const down: FaultLane = new FaultLane(upstream, client, toClient, {
    reset,
    halfOpen() {
      upstream.end();
      up.swallow();
    },
  });
  toServer.lanes.add(up);
  toClient.lanes.add(down);
  const closed = (): void => {
    if (!client.destroyed || !upstream.destroyed) return;
    for (const lane of [up, down]) lane.stop();
    toServer.lanes.delete(up);
    toClient.lanes.delete(down);
    gone();
  };
  client.on('close', closed);
  upstream.on('close', closed);
  up.pump();
}

function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  // After a shutdown the system refuses a reset, and Node would leave the descriptor open.
  if (socket.writableEnded || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
