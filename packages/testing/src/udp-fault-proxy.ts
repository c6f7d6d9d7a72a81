import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { parseAddress, splitHostPort, systemClock } from '@rpcxjs/core';
import type { Address, Clock } from '@rpcxjs/core';
import { DatagramLane } from './datagram-lane.ts';
import type { DatagramCounts, LaneSetting } from './datagram-lane.ts';
import { checkDatagramToxics } from './datagram-toxics.ts';
import type { DatagramToxics } from './datagram-toxics.ts';
import { seededRandom } from './seeded-random.ts';

// Room for a burst while the process is busy; the system may give less, and what it drops the proxy never sees.
const socketBufferBytes = 4 * 1024 * 1024;

export interface UdpFaultProxyOptions {
  /** Where datagrams are led, `kcp@host:port` or `host:port`. */
  readonly target: Address | string;
  /** Where the proxy listens. @default '127.0.0.1:0' */
  readonly listen?: string | undefined;
  /** Keeps each datagram that was passed on. @default false */
  readonly record?: boolean | undefined;
  /** Seed of everything random; each direction has its own series. @default 1 */
  readonly seed?: number | undefined;
  /** What delays are measured by. @default the system's */
  readonly clock?: Clock | undefined;
}

/** One direction of a UDP proxy, over all its clients. */
export interface DatagramDirection {
  readonly toxics: DatagramToxics;
  /** Replaces the toxics for what arrives from now on; `{}` heals. Throws TypeError for an invalid one. */
  set(toxics: DatagramToxics): void;
  /** What it did so far; a copy. */
  readonly counts: DatagramCounts;
  /** Bytes passed on so far. */
  readonly bytes: number;
  /** The datagrams passed on, in the order of their passing; throws TypeError unless `record` is set. */
  recorded(): readonly Uint8Array[];
}

/** A UDP proxy that misbehaves on demand. */
export interface UdpFaultProxy extends AsyncDisposable {
  /** What to dial instead of the target; of the target's network, `udp` where it names none. */
  readonly address: Address;
  readonly toServer: DatagramDirection;
  readonly toClient: DatagramDirection;
  /** Client addresses that have a path to the target. */
  readonly clients: number;
  /** Ends every path: what a client sends next comes from another port, as behind a router that forgot it. */
  rebind(): void;
  /** Ends everything at once. */
  close(): Promise<void>;
}

class Direction implements DatagramDirection, LaneSetting {
  toxics: DatagramToxics = {};
  bytes = 0;
  readonly clock: Clock;
  readonly random: () => number;
  readonly #counts: { -readonly [Name in keyof DatagramCounts]: number } = {
    received: 0, passed: 0, lost: 0, duplicated: 0, overflowed: 0, oversized: 0, swallowed: 0, waiting: 0, reordered: 0,
  };
  readonly #record: Uint8Array[] | undefined;

  constructor(clock: Clock, random: () => number, record: boolean) {
    this.clock = clock;
    this.random = random;
    this.#record = record ? [] : undefined;
  }

  get counts(): { -readonly [Name in keyof DatagramCounts]: number } {
    return this.#counts;
  }

  set(toxics: DatagramToxics): void {
    checkDatagramToxics(toxics);
    this.toxics = Object.freeze({ ...toxics });
  }

  forwarded(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    this.#record?.push(bytes);
  }

  recorded(): readonly Uint8Array[] {
    if (this.#record === undefined) throw new TypeError('udpFaultProxy: nothing was recorded; set record: true');
    return [...this.#record];
  }
}

interface Path {
  readonly up: DatagramLane;
  stop(): void;
}

interface Target {
  readonly host: string;
  readonly port: number;
}

/** Listens and leads datagrams to the target, those of each client from a port of its own. Rejects with Node's error when it cannot listen or resolve the target. */
export async function udpFaultProxy(options: UdpFaultProxyOptions): Promise<UdpFaultProxy> {
  const { seed = 1, clock = systemClock, record = false } = options;
  const named = typeof options.target !== 'string' || options.target.includes('@');
  const parsed = typeof options.target === 'string' ? parseAddress(options.target) : options.target;
  const { host, port } = splitHostPort(parsed.host);
  const target: Target = { host: (await lookup(host === '' ? '127.0.0.1' : host)).address, port };
  const toServer = new Direction(clock, seededRandom(seed), record);
  const toClient = new Direction(clock, seededRandom(~seed), record);
  const paths = new Map<string, Path>();

  const where = splitHostPort(options.listen ?? '127.0.0.1:0');
  const socket = openSocket(isIPv6(where.host));
  await bound(socket, where.host === '' ? '0.0.0.0' : where.host, where.port);
  socket.on('message', (bytes, from) => {
    const key = `${from.address} ${from.port}`;
    let path = paths.get(key);
    if (path === undefined) {
      const answer = (reply: Uint8Array): void => {
        toClient.forwarded(reply);
        socket.send(reply, from.port, from.address, ignored);
      };
      paths.set(key, (path = openPath(target, { toServer, toClient }, answer)));
    }
    path.up.take(bytes);
  });

  const endPaths = (): void => {
    for (const path of paths.values()) path.stop();
    paths.clear();
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= new Promise((resolve) => {
    endPaths();
    socket.close(resolve);
  }));
  const own = socket.address();
  return {
    address: { network: named ? parsed.network : 'udp', host: `${own.family === 'IPv6' ? `[${own.address}]` : own.address}:${own.port}` },
    toServer: seen(toServer),
    toClient: seen(toClient),
    get clients() {
      return paths.size;
    },
    rebind: endPaths,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A direction as its user sees it: the counts are copied, so that two readings can be compared. */
function seen(direction: Direction): DatagramDirection {
  return {
    get toxics() {
      return direction.toxics;
    },
    set: (toxics) => direction.set(toxics),
    get counts() {
      return { ...direction.counts };
    },
    get bytes() {
      return direction.bytes;
    },
    recorded: () => direction.recorded(),
  };
}

function openPath(target: Target, directions: { readonly toServer: Direction; readonly toClient: Direction }, answer: (bytes: Uint8Array) => void): Path {
  const { toServer, toClient } = directions;
  const upstream = openSocket(isIPv6(target.host));
  const up = new DatagramLane(toServer, (bytes) => {
    toServer.forwarded(bytes);
    upstream.send(bytes, target.port, target.host, ignored);
  });
  const down = new DatagramLane(toClient, answer);
  upstream.on('message', (bytes) => down.take(bytes));
  return {
    up,
    stop() {
      up.stop();
      down.stop();
      upstream.close();
    },
  };
}

/** Sends at once: Node would look up an address of digits too, a turn later. */
function openSocket(ipv6: boolean): Socket {
  const socket = createSocket({
    type: ipv6 ? 'udp6' : 'udp4',
    recvBufferSize: socketBufferBytes,
    sendBufferSize: socketBufferBytes,
    lookup: (host, _options, found) => found(null, host, ipv6 ? 6 : 4),
  });
  // A target that is gone shows as a refusal on some later call; for datagrams that is a loss.
  socket.on('error', ignored);
  return socket;
}

function bound(socket: Socket, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', failed);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', failed);
      resolve();
    });
  });
}

function ignored(): void {}
