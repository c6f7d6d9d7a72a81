import { formatAddress, RpcError, sleep } from '@rpcxjs/core';
import type { Address, Connection, DialOptions, Listener, ListenOptions, Transport } from '@rpcxjs/core';
import { Pace } from './pace.ts';
import { createPipe } from './pipe.ts';
import type { Pipe } from './pipe.ts';
import { changed, clearSky } from './weather.ts';
import type { Sky, Weather } from './weather.ts';

// The same as in the TCP transport.
const connectTimeoutMs = 3000;

declare module '@rpcxjs/core' {
  interface Reasons {
    LISTEN_FAILED: true;
  }
}

/** A dialled connection of a memory network, seen from outside, for what only happens to wires. */
export interface MemoryLink {
  readonly client: Connection;
  readonly server: Connection;
  /** Both sides lose the connection. */
  cut(): void;
  /** One side is gone and the other is not told: what it sends from now on goes nowhere. */
  halfOpen(gone: 'client' | 'server'): void;
  /** As a pulled cable: from now on nothing arrives that way, neither bytes nor an end, nobody is told, and nothing brings it back. @default 'both' */
  drop(way?: 'toServer' | 'toClient' | 'both'): void;
}

/** A network inside the process. Clients and servers that share it can reach each other. */
export interface MemoryNetwork extends Transport {
  readonly weather: Weather;
  /** The connections that are not closed on both sides. */
  readonly links: readonly MemoryLink[];
  /** Changes the weather, also for what is already connected. Bytes that are under way keep the delay they left with. */
  change(weather: Partial<Weather>): void;
}

/** Makes a network of its own. Give it to clients and servers as their transport; `weather` is what tests change. */
export function memoryNetwork(weather: Partial<Weather> = {}): MemoryNetwork {
  const sky: Sky = { now: changed(clearSky, weather), pace: new Pace() };
  const listeners = new Map<string, ListenOptions>();
  const pipes = new Set<Pipe>();
  let dialled = 0;

  const listen = async (address: Address, options: ListenOptions): Promise<Listener> => {
    options.signal?.throwIfAborted();
    const bound = address.host.endsWith(':0') ? freeAddress(address, listeners) : address;
    const name = bound.host;
    if (listeners.has(name)) {
      throw new RpcError('unavailable', `could not listen on ${formatAddress(address)}: somebody listens there already; choose another name, or one that ends in :0`, {
        reason: 'LISTEN_FAILED', sent: false, address: formatAddress(address),
      });
    }
    listeners.set(name, options);
    const close = async (): Promise<void> => {
      if (listeners.get(name) === options) listeners.delete(name);
    };
    return { address: bound, close, [Symbol.asyncDispose]: close };
  };

  const dial = async (address: Address, options: DialOptions): Promise<Connection> => {
    await underway(sky, address, options);
    const listener = listeners.get(address.host);
    if (listener === undefined || sky.now.refuse) {
      throw connectFailed(address, 'nobody listens there; is the server running, and does it use the same memory network?');
    }
    dialled += 1;
    const pipe = createPipe({ network: address.network, host: `client-${dialled}` }, address, sky, options.runtime.clock);
    pipes.add(pipe);
    void Promise.all([pipe.client.whenClosed, pipe.server.whenClosed]).then(() => pipes.delete(pipe));
    listener.accept(pipe.server);
    return pipe.client;
  };

  return {
    networks: ['memory', 'memu'],
    listen,
    dial,
    get weather() {
      return sky.now;
    },
    get links() {
      return [...pipes].map(linkOf);
    },
    change(next) {
      sky.now = changed(sky.now, next);
      for (const pipe of pipes) {
        pipe.client.wake();
        pipe.server.wake();
      }
    },
  };
}

function linkOf(pipe: Pipe): MemoryLink {
  return {
    client: pipe.client,
    server: pipe.server,
    cut() {
      pipe.client.receiveCut();
      pipe.server.receiveCut();
    },
    halfOpen: (gone) => pipe[gone].vanish(),
    drop(way = 'both') {
      if (!['both', 'toServer', 'toClient'].includes(way)) throw new TypeError(`memoryNetwork: cannot drop ${String(way)}; say 'toServer', 'toClient' or 'both'`);
      if (way !== 'toClient') pipe.server.loseIncoming();
      if (way !== 'toServer') pipe.client.loseIncoming();
    },
  };
}

/** A dial takes a turn, and as long as the weather says; the signal ends it. */
async function underway(sky: Sky, address: Address, options: DialOptions): Promise<void> {
  const { signal, runtime } = options;
  signal?.throwIfAborted();
  if (sky.now.blackHole !== 'none') {
    await sleep(runtime.clock, connectTimeoutMs, signal);
    throw connectFailed(address, `no answer within ${connectTimeoutMs} ms`);
  }
  if (sky.now.delayMs > 0) await sleep(runtime.clock, sky.now.delayMs, signal);
  else await Promise.resolve();
  signal?.throwIfAborted();
}

function connectFailed(address: Address, why: string): RpcError {
  const target = formatAddress(address);
  return new RpcError('unavailable', `could not connect to ${target}: ${why}`, { reason: 'CONNECT_FAILED', sent: false, address: target });
}

function freeAddress(address: Address, taken: ReadonlyMap<string, unknown>): Address {
  const host = address.host.slice(0, -1);
  let port = 1;
  while (taken.has(`${host}${port}`)) port += 1;
  return { network: address.network, host: `${host}${port}` };
}

let shared: MemoryNetwork | undefined;

/** The network of the whole process: `memory@name`, or Go's `memu@name`. For servers and clients that happen to live together. */
export function memory(): Transport {
  return (shared ??= memoryNetwork({ poison: false }));
}
