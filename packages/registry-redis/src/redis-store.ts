import { randomInt, randomUUID } from 'node:crypto';
import { RpcError, type Runtime } from '@rpcxjs/core';
import { type Bounded, type Entry, type KeyValueStore, type PutOwnedOptions, SessionLosses, timeLimit, type TouchOwnedOptions } from '@rpcxjs/registry-kit';
import { KeyspaceEvents } from './keyspace-events.ts';
import { PrefixWatch } from './prefix-watch.ts';
import { RedisConnection } from './redis-connection.ts';
import { namesBelow, readEntries } from './redis-entries.ts';
import { ownerKey, plainKey, redisKey } from './redis-key.ts';
import { RedisNodes } from './redis-nodes.ts';
import type { ResolvedRedisOptions } from './redis-options.ts';
import { deleteScript, putScript, touchScript } from './redis-scripts.ts';
import { readStored, versionOf, writeStored } from './stored-value.ts';

/** What a store needs. */
export interface RedisStoreInit {
  readonly options: ResolvedRedisOptions;
  readonly runtime: Runtime;
  /** Milliseconds for each operation. */
  readonly timeoutMs: number;
  /** The address as the user wrote it. */
  readonly where: string;
  /** Warnings that were logged already. */
  readonly warned: Set<string>;
}

const indexes = 1_000_000_000;
const closeMs = 1000;

/**
 * Redis as rpcx-redis uses it: values are JSON, instances expire. Redis knows no owner of a key, so beside each instance stands a record of our own with the id of this store, written,
 * prolonged and deleted in one step with it.
 */
export class RedisStore implements KeyValueStore {
  readonly #init: RedisStoreInit;
  readonly #connection: RedisConnection;
  readonly #events: KeyspaceEvents;
  readonly #losses: SessionLosses;
  readonly #id: string = randomUUID();
  /** Names of the keys that this store owns. */
  readonly #owned = new Set<string>();
  #lastIndex = randomInt(indexes);
  #closing: Promise<void> | undefined;

  constructor(init: RedisStoreInit) {
    const { options, runtime, timeoutMs, where } = init;
    const { clock } = runtime;
    const nodes = new RedisNodes({ options, clock, timeoutMs });
    this.#init = init;
    this.#connection = new RedisConnection({ nodes, clock, where });
    this.#losses = new SessionLosses(this.#connection.closed);
    this.#connection.onRestart(() => this.#losses.tell());
    this.#events = new KeyspaceEvents({ nodes, clock, timeoutMs, database: options.database, warn: (message) => this.#warn('events', message) });
  }

  async get(key: string, { signal }: Bounded): Promise<Entry | undefined> {
    const name = redisKey(key);
    const [stored, owner] = await this.#connection.ask(`read ${key}`, signal, (client) => client.mgetBuffer(name, ownerKey(name)));
    if (stored == null) return undefined;
    const value = this.#decode(name, stored.toString());
    return value === undefined ? undefined : { value, owned: owner?.toString() === this.#id, foreign: owner != null && owner.toString() !== this.#id, version: versionOf(stored) };
  }

  async list(prefix: string, { signal }: Bounded): Promise<ReadonlyMap<string, string>> {
    const names = await namesBelow(this.#connection, redisKey(prefix), signal);
    const content = new Map<string, string>();
    for (const [name, { stored }] of await readEntries(this.#connection, names, signal)) {
      const value = this.#decode(name, stored);
      if (value !== undefined) content.set(plainKey(name), value);
    }
    return content;
  }

  async putPersistent(key: string, value: string, { signal }: Bounded): Promise<void> {
    await this.#connection.ask(`write ${key}`, signal, (client) => client.set(redisKey(key), this.#encode(key, value), 'NX'));
  }

  async putOwned(key: string, value: string, { signal, ttlMs, ifVersion = '' }: PutOwnedOptions): Promise<boolean> {
    const name = redisKey(key);
    // Added before the answer, because the key may be written although the answer is lost.
    this.#owned.add(name);
    return this.#run(`write ${key}`, signal, putScript, [name, this.#encode(key, value), this.#id, wholeMs(ttlMs), ifVersion]);
  }

  async touchOwned(key: string, { signal, ttlMs }: TouchOwnedOptions): Promise<boolean> {
    return this.#run(`refresh ${key}`, signal, touchScript, [redisKey(key), this.#id, wholeMs(ttlMs)]);
  }

  async deleteOwned(key: string, { signal }: Bounded): Promise<boolean> {
    const name = redisKey(key);
    const deleted = await this.#run(`delete ${key}`, signal, deleteScript, [name, this.#id]);
    this.#owned.delete(name);
    return deleted;
  }

  async *watch(prefix: string, { signal }: Bounded): AsyncGenerator<ReadonlyMap<string, string>, void> {
    const { runtime: { clock } } = this.#init;
    const watch = new PrefixWatch({ connection: this.#connection, events: this.#events, clock, prefix: redisKey(prefix), decode: (name, stored) => this.#decode(name, stored) });
    try {
      for (await watch.begin(signal); ; await watch.change(signal)) yield watch.snapshot();
    } finally {
      watch.end();
    }
  }

  sessionLost(options: Bounded): AsyncGenerator<void, void> {
    return this.#losses.watch(options);
  }

  abandon(): void {
    this.#connection.close();
    this.#events.close(this.#closedError());
  }

  close(): Promise<void> {
    this.#closing ??= this.#deleteOwned().then(() => this.abandon());
    return this.#closing;
  }

  /** Deletes the owned keys, as far as the server answers at once. */
  async #deleteOwned(): Promise<void> {
    const link = this.#connection.current;
    if (link === undefined || this.#owned.size === 0) return;
    const limit = timeLimit({ clock: this.#init.runtime.clock, ms: closeMs, late: () => this.#closedError() });
    await link.ask('delete what is ours', limit.signal, async (client) => {
      const asked = client.pipeline();
      for (const name of this.#owned) asked.eval(deleteScript, 2, name, ownerKey(name), this.#id);
      await asked.exec();
    }).catch(() => {}).finally(limit.end);
    this.#owned.clear();
  }

  async #run(what: string, signal: AbortSignal, script: string, [name = '', ...args]: readonly string[]): Promise<boolean> {
    return (await this.#connection.ask(what, signal, (client) => client.eval(script, 2, name, ownerKey(name), ...args))) === 1;
  }

  #encode(key: string, value: string): string {
    this.#lastIndex = (this.#lastIndex + 1) % indexes;
    return writeStored(key, value, this.#lastIndex);
  }

  #decode(name: string, stored: string): string | undefined {
    const value = readStored(stored);
    if (value === undefined) this.#warn('value', `what stands in the key ${JSON.stringify(name.slice(0, 200))} was not written by rpcx and is left out: ${JSON.stringify(stored.slice(0, 100))}`);
    return value;
  }

  /** Warns once for each kind, however many stores there were. */
  #warn(kind: string, message: string): void {
    const { runtime, where, warned } = this.#init;
    if (warned.has(kind)) return;
    warned.add(kind);
    runtime.logger.warn({ registry: 'redis', where }, message);
  }

  #closedError(): RpcError {
    return new RpcError('failed_precondition', `the connection to redis at ${this.#init.where} was closed; make a new one`, { reason: 'CLOSED', sent: false });
  }
}

/** PX takes no fraction, and no zero. */
function wholeMs(ms: number): string {
  return String(Math.max(Math.ceil(ms), 1));
}
