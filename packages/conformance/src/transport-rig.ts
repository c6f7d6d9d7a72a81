import { systemClock } from '@rpcxjs/core';
import type { Acceptor, Address, Connection, ConnectionSink, Dialer, Listener, ListenOptions, Logger, Runtime } from '@rpcxjs/core';
import { claim } from './case.ts';
import { CountingClock } from './open-resources.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
export const rigRuntime: Runtime = Object.freeze({ clock: systemClock, logger: silent });

/** A sink that remembers, counts what breaks the rules, and can be waited on without polling. */
export class Recorder implements ConnectionSink {
  bytes = 0;
  /** Position-dependent, so that bytes in a wrong order give another number. */
  digest = 0;
  drains = 0;
  closes = 0;
  reason: Error | undefined;
  afterClosed = 0;
  onData: ((chunk: Uint8Array) => void) | undefined;
  #waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];

  data(chunk: Uint8Array): void {
    if (this.closes > 0) this.afterClosed++;
    this.digest = digestOf(chunk, this.digest);
    this.bytes += chunk.length;
    this.onData?.(chunk);
    this.#look();
  }

  drain(): void {
    if (this.closes > 0) this.afterClosed++;
    this.drains++;
    this.#look();
  }

  closed(reason: Error | undefined): void {
    this.closes++;
    if (this.closes === 1) this.reason = reason;
    this.#look();
  }

  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }));
  }

  #look(): void {
    const still = this.#waiting.filter(({ holds, resolve }) => {
      if (!holds()) return true;
      resolve();
      return false;
    });
    this.#waiting = still;
  }
}

/** Of the bytes so far and these after them. */
export function digestOf(bytes: Uint8Array, before = 0): number {
  let digest = before;
  for (let at = 0; at < bytes.length; at++) digest = (Math.imul(digest, 31) + (bytes[at] ?? 0) + 1) | 0;
  return digest;
}

export interface Side {
  readonly connection: Connection;
  readonly sink: Recorder;
}
export interface Pair {
  readonly client: Side;
  readonly server: Side;
}

/**
 * A way to a listener that is not the straight one; a fault proxy of `@rpcxjs/testing` is one. For a transport over UDP:
 *
 *     const cases = transportCases({
 *       create: () => kcp(),
 *       address: 'kcp@127.0.0.1:0',
 *       supports: { abortIsHeard: false },
 *       through: async (target) => {
 *         const proxy = await udpFaultProxy({ target, seed: 7 });
 *         for (const way of [proxy.toServer, proxy.toClient]) way.set({ lossRatio: 0.1, duplicateRatio: 0.05, reorderRatio: 0.05, latencyMs: 1, jitterMs: 2 });
 *         return proxy;
 *       },
 *     });
 *
 * Over TCP it is `faultProxy`, with `{ latencyMs: 1, jitterMs: 2, sliceBytes: 1400 }`. Either keeps the network of its target, `faultProxy` a path too.
 */
export interface TransportWay {
  /** What is dialled in place of the listener's address. */
  readonly address: Address;
  close(): Promise<void>;
}

export interface TransportRigInit {
  readonly transport: Dialer & Acceptor;
  readonly where: Address;
  readonly through: ((target: Address) => Promise<TransportWay>) | undefined;
  readonly abortIsHeard: boolean;
}

/** What one case opens; `close` leaves nothing behind, whatever the case did. */
export class TransportRig {
  readonly dialer: Dialer;
  /** Whether the other side of an abort can be waited for. */
  readonly abortIsHeard: boolean;
  readonly clock: CountingClock = new CountingClock();
  readonly runtime: Runtime = Object.freeze({ clock: this.clock, logger: silent });
  readonly #acceptor: Acceptor;
  readonly #where: Address;
  readonly #through: TransportRigInit['through'];
  readonly #ways: TransportWay[] = [];
  readonly #connections: Connection[] = [];
  readonly #listeners: Listener[] = [];
  readonly #accepted: Connection[] = [];
  #wanting: ((connection: Connection) => void)[] = [];

  constructor(init: TransportRigInit) {
    this.dialer = init.transport;
    this.abortIsHeard = init.abortIsHeard;
    this.#acceptor = init.transport;
    this.#where = init.where;
    this.#through = init.through;
  }

  /** Connections accepted so far. */
  acceptedCount = 0;

  /** The listener's address is the one to dial: that of the way, where there is one. */
  async listen(where: Address = this.#where): Promise<Listener> {
    const options: ListenOptions = Object.freeze({ runtime: this.runtime, accept: (connection: Connection) => this.#take(connection) });
    const listener = await this.#acceptor.listen(Object.freeze({ ...where }), options);
    this.#listeners.push(listener);
    if (this.#through === undefined) return listener;
    const way = await this.#through(listener.address);
    this.#ways.push(way);
    return { address: way.address, close: () => listener.close(), [Symbol.asyncDispose]: () => listener.close() };
  }

  /** As `listen`, with options of the case. */
  async listenWith(options: ListenOptions): Promise<Listener> {
    const listener = await this.#acceptor.listen(this.#where, options);
    this.#listeners.push(listener);
    return listener;
  }

  async dial(address: Address): Promise<Connection> {
    const connection = await this.dialer.dial(Object.freeze({ ...address }), Object.freeze({ runtime: this.runtime }));
    this.keep(connection);
    return connection;
  }

  keep(connection: Connection): void {
    this.#connections.push(connection);
  }

  accepted(): Promise<Connection> {
    const ready = this.#accepted.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve) => this.#wanting.push(resolve));
  }

  /** Both ends of a new connection, not started. */
  async ends(listener?: Listener): Promise<readonly [client: Connection, server: Connection]> {
    const target = listener ?? (await this.listen());
    const client = await this.dial(target.address);
    return [client, await this.accepted()];
  }

  /** Both ends of a new connection, started. */
  async pair(listener?: Listener): Promise<Pair> {
    const [client, server] = await this.ends(listener);
    return { client: started(client), server: started(server) };
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.abort();
    for (const listener of this.#listeners) await listener.close();
    for (const way of this.#ways) await way.close();
  }

  #take(connection: Connection): void {
    this.keep(connection);
    this.acceptedCount++;
    const wanting = this.#wanting.shift();
    if (wanting === undefined) this.#accepted.push(connection);
    else wanting(connection);
  }
}

export function started(connection: Connection): Side {
  const sink = new Recorder();
  connection.start(sink);
  return { connection, sink };
}

/** Writes as a session does: stops at false, goes on at drain, and uses its buffer again as soon as it may. Returns the digest. */
export async function writeAll(side: Side, total: number, chunkBytes: number = 65_536): Promise<number> {
  const { connection, sink } = side;
  let buffer: Uint8Array = new Uint8Array(chunkBytes);
  let digest = 0;
  for (let at = 0; at < total; at += buffer.length) {
    const count = Math.min(chunkBytes, total - at);
    if (buffer.length !== count) buffer = new Uint8Array(count);
    for (let index = 0; index < count; index++) buffer[index] = (at + index) * 7 + ((at + index) >>> 8);
    digest = digestOf(buffer, digest);
    const drains = sink.drains;
    const more = connection.write(buffer);
    // Zero promises that the memory is free: taking the transport at its word is how a broken promise shows.
    if (connection.bufferedBytes === 0) buffer.fill(0);
    else buffer = new Uint8Array(chunkBytes);
    if (!more) await sink.until(() => sink.drains > drains || sink.closes > 0);
    claim(sink.closes === 0, `the connection ended while ${at + count} of ${total} bytes were written: ${String(sink.reason)}`);
  }
  return digest;
}

/** Lets whatever is ready happen: a few real turns of the loop. */
export function turns(count = 5): Promise<void> {
  return new Promise((resolve) => {
    const next = (left: number): void => {
      if (left === 0) resolve();
      else systemClock.setTimer(() => next(left - 1), 1);
    };
    next(count);
  });
}
