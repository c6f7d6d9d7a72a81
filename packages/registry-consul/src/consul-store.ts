import { onAbort, type Runtime } from '@rpcxjs/core';
import { type Bounded, type Entry, type KeyValueStore, type PutOwnedOptions, SessionLosses, timeLimit } from '@rpcxjs/registry-kit';
import { ConsulClient, lockFlag, type Outcome, type Pair } from './consul-client.ts';
import { consulError } from './consul-error.ts';
import type { ResolvedConsulOptions } from './consul-options.ts';
import { ConsulSession } from './consul-session.ts';
import { PrefixWatches } from './prefix-watches.ts';

export interface ConsulStoreInit {
  readonly options: ResolvedConsulOptions;
  readonly runtime: Runtime;
  /** Milliseconds that keys live after the last sign of life. */
  readonly ttlMs: number;
  /** Milliseconds for each operation. */
  readonly timeoutMs: number;
}

const closeMs = 1000;
/** How often a key is tried to be taken: somebody else may take it between reading and taking. */
const attempts = 5;

/**
 * Keys of Consul as libkv's store for Go has them: without a leading slash, under a session that takes them with it. All but the watch goes through transactions, which can do several
 * things at once and take any key.
 */
export class ConsulStore implements KeyValueStore {
  readonly #init: ConsulStoreInit;
  readonly #client: ConsulClient;
  readonly #session: ConsulSession;
  readonly #losses: SessionLosses;
  readonly #watches: PrefixWatches;
  #closing: Promise<void> | undefined;

  constructor(init: ConsulStoreInit) {
    const { options, runtime: { clock }, ttlMs, timeoutMs } = init;
    this.#init = init;
    this.#client = new ConsulClient(options);
    this.#losses = new SessionLosses(this.#client.closed);
    this.#session = new ConsulSession({ client: this.#client, clock, ttlMs, timeoutMs, lost: () => this.#losses.tell() });
    this.#watches = new PrefixWatches({ client: this.#client, clock, timeoutMs });
  }

  /** Id of the present session. */
  get session(): string | undefined {
    return this.#session.id;
  }

  async get(key: string, { signal }: Bounded): Promise<Entry | undefined> {
    const pair = await this.#read(key, signal);
    if (pair === undefined) return undefined;
    const owned = pair.Session !== undefined && pair.Session === this.#session.id;
    return { value: textOf(pair), owned, foreign: pair.Session !== undefined && !owned, version: String(pair.ModifyIndex) };
  }

  async list(prefix: string, { signal }: Bounded): Promise<ReadonlyMap<string, string>> {
    const what = `list ${prefix}`;
    const outcome = await this.#client.transact(what, signal, [{ Verb: 'get-tree', Key: stored(prefix) }]);
    if ('failed' in outcome) throw this.#failed(what, outcome.failed);
    return contentOf(prefix, outcome.pairs);
  }

  async putPersistent(key: string, value: string, { signal }: Bounded): Promise<void> {
    // Index 0: only when it is not there. That it is there is as good.
    const outcome = await this.#client.transact(`write ${key}`, signal, [{ Verb: 'cas', Key: stored(key), Index: 0, Value: base64(value), Flags: lockFlag }]);
    if ('failed' in outcome && !/stale/.test(outcome.failed)) throw this.#failed(`write ${key}`, outcome.failed);
  }

  async putOwned(key: string, value: string, { signal, ifVersion }: PutOwnedOptions): Promise<boolean> {
    const what = `write ${key}`;
    let failure = '';
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const session = await this.#session.open(signal);
      const pair = await this.#read(key, signal);
      if (ifVersion !== undefined && String(pair?.ModifyIndex) !== ifVersion) return false;
      const outcome = await this.#lock(key, value, { session, pair, signal });
      if (!('failed' in outcome)) return true;
      failure = outcome.failed;
      if (/invalid session/i.test(failure)) this.#session.lost(session);
      if (/lock delay/i.test(failure)) break;
    }
    throw this.#failed(what, failure);
  }

  async deleteOwned(key: string, { signal }: Bounded): Promise<boolean> {
    const session = this.#session.id;
    if (session === undefined) {
      this.#client.closed.throwIfAborted();
      signal.throwIfAborted();
      return false;
    }
    const Key = stored(key);
    const outcome = await this.#client.transact(`delete ${key}`, signal, [{ Verb: 'check-session', Key, Session: session }, { Verb: 'delete', Key }]);
    if (!('failed' in outcome)) return true;
    if (/(check session|session check)/.test(outcome.failed)) return false;
    throw this.#failed(`delete ${key}`, outcome.failed);
  }

  async *watch(prefix: string, { signal }: Bounded): AsyncGenerator<ReadonlyMap<string, string>, void> {
    for await (const pairs of this.#watches.follow(stored(prefix), signal)) yield contentOf(prefix, pairs);
  }

  sessionLost(options: Bounded): AsyncGenerator<void, void> {
    return this.#losses.watch(options);
  }

  abandon(): void {
    this.#session.abandon();
    this.#client.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { runtime: { clock } } = this.#init;
    const limit = timeLimit({ clock, ms: closeMs, late: () => this.#client.late('be closed', closeMs) });
    const unlink = onAbort(limit.signal, () => this.#client.close());
    try {
      const session = await this.#session.end();
      if (session !== undefined && !this.#client.closed.aborted) await this.#client.destroySession(limit.signal, session);
    } catch {
      // Otherwise the session ends by itself when its time is over.
    } finally {
      unlink();
      limit.end();
      this.abandon();
    }
  }

  async #read(key: string, signal: AbortSignal): Promise<Pair | undefined> {
    const outcome = await this.#client.transact(`read ${key}`, signal, [{ Verb: 'get', Key: stored(key) }]);
    if (!('failed' in outcome)) return outcome.pairs[0];
    if (/doesn't exist/.test(outcome.failed)) return undefined;
    throw this.#failed(`read ${key}`, outcome.failed);
  }

  /**
   * As long as the key is as it was read. The lock of somebody else is taken off this key alone: the session behind it may hold others. Ours comes off and on again, because Consul
   * gives no new index to a write that changes nothing.
   */
  #lock(key: string, value: string, { session, pair, signal }: { readonly session: string; readonly pair: Pair | undefined; readonly signal: AbortSignal }): Promise<Outcome> {
    const [Key, Value] = [stored(key), base64(value)];
    return this.#client.transact(`write ${key}`, signal, [
      ...(pair === undefined ? [] : [{ Verb: 'check-index', Key, Index: pair.ModifyIndex } as const]),
      ...(pair?.Session === undefined ? [] : [{ Verb: 'unlock', Key, Value, Session: pair.Session, Flags: lockFlag } as const]),
      { Verb: 'lock', Key, Value, Session: session, Flags: lockFlag },
    ]);
  }

  #failed(what: string, failure: string): Error {
    return consulError(this.#init.options.where, what, new Error(failure));
  }
}

/** The key as it is in Consul, without a leading slash. */
function stored(key: string): string {
  return key.replace(/^\/+/, '');
}
function contentOf(prefix: string, pairs: readonly Pair[]): ReadonlyMap<string, string> {
  const start = stored(prefix).length;
  return new Map(pairs.filter(({ Key }) => Key.length > start).map((pair) => [prefix + pair.Key.slice(start), textOf(pair)]));
}
function textOf({ Value }: Pair): string {
  return Buffer.from(Value ?? '', 'base64').toString();
}
function base64(value: string): string {
  return Buffer.from(value).toString('base64');
}
