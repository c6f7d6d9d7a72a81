import { onAbort, type Clock } from '@rpcxjs/core';
import type { Bounded, Entry, KeyValueStore, PutOwnedOptions, TouchOwnedOptions } from '../src/key-value-store.ts';

interface Kept {
  value: string;
  owner: MemoryStore | undefined;
  version: number;
  endsAt: number;
}

/** A backend in memory that can be made to fail in the ways of real ones. */
export class MemoryBackend {
  readonly keys = new Map<string, Kept>();
  readonly stores: MemoryStore[] = [];
  readonly clock: Clock;
  /** As a frozen server: nothing settles. */
  frozen = false;
  /** As a server that is gone: everything rejects. */
  down = false;
  /** Swallows what watchers should hear. */
  deaf = false;
  /** Keys need to be touched. */
  readonly expires: boolean;
  /** Runs before each operation is answered. */
  before: ((operation: string) => void | Promise<void>) | undefined;
  version = 0;
  writes = 0;
  lists = 0;

  constructor(clock: Clock, expires = false) {
    this.clock = clock;
    this.expires = expires;
  }

  readonly open = (): MemoryStore => {
    if (this.down) throw new Error('connect ECONNREFUSED');
    const store = new MemoryStore(this);
    this.stores.push(store);
    return store;
  };

  /** What somebody else writes. */
  edit(key: string, value: string): void {
    const kept = this.live(key);
    if (kept === undefined) this.keys.set(key, { value, owner: undefined, version: ++this.version, endsAt: Infinity });
    else Object.assign(kept, { value, version: ++this.version });
    this.tell();
  }
  live(key: string): Kept | undefined {
    const kept = this.keys.get(key);
    return kept !== undefined && kept.endsAt > this.clock.now() ? kept : undefined;
  }
  content(prefix: string): Map<string, string> {
    return new Map([...this.keys].flatMap(([key, { value }]) => (key.startsWith(prefix) && this.live(key) !== undefined ? [[key, value]] : [])));
  }
  /** The session of every store is gone, and its keys with it. */
  loseSessions(): void {
    for (const [key, { owner }] of this.keys) if (owner !== undefined) this.keys.delete(key);
    for (const store of this.stores) store.lost();
    this.tell();
  }
  tell(): void {
    if (!this.deaf) for (const store of this.stores) store.changed();
  }
  /** Connections break. */
  goDown(): void {
    this.down = true;
    for (const store of this.stores) store.broken();
  }
}

export class MemoryStore implements KeyValueStore {
  readonly #backend: MemoryBackend;
  readonly #watching = new Set<{ tell(): void; fail(error: Error): void }>();
  readonly #losses = new Set<() => void>();
  closed = false;
  abandoned = false;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  get(key: string, { signal }: Bounded): Promise<Entry | undefined> {
    return this.#answer('get', signal, () => {
      const kept = this.#backend.live(key);
      return kept && { value: kept.value, owned: kept.owner === this, foreign: kept.owner !== undefined && kept.owner !== this, version: `${kept.version}` };
    });
  }
  list(prefix: string, { signal }: Bounded): Promise<ReadonlyMap<string, string>> {
    return this.#answer('list', signal, () => {
      this.#backend.lists += 1;
      return this.#backend.content(prefix);
    });
  }
  putPersistent(key: string, value: string, { signal }: Bounded): Promise<void> {
    return this.#answer('putPersistent', signal, () => {
      if (!this.#backend.keys.has(key)) this.#backend.edit(key, value);
    });
  }
  putOwned(key: string, value: string, { signal, ttlMs, ifVersion }: PutOwnedOptions): Promise<boolean> {
    return this.#answer('putOwned', signal, () => {
      const backend = this.#backend;
      if (ifVersion !== undefined && `${backend.live(key)?.version}` !== ifVersion) return false;
      backend.writes += 1;
      backend.keys.set(key, { value, owner: this, version: ++backend.version, endsAt: backend.expires ? backend.clock.now() + ttlMs : Infinity });
      backend.tell();
      return true;
    });
  }
  touchOwned(key: string, { signal, ttlMs }: TouchOwnedOptions): Promise<boolean> {
    return this.#answer('touchOwned', signal, () => {
      const kept = this.#backend.live(key);
      if (kept?.owner !== this) return false;
      if (this.#backend.expires) kept.endsAt = this.#backend.clock.now() + ttlMs;
      return true;
    });
  }
  deleteOwned(key: string, { signal }: Bounded): Promise<boolean> {
    return this.#answer('deleteOwned', signal, () => {
      if (this.#backend.live(key)?.owner !== this) return false;
      this.#backend.keys.delete(key);
      this.#backend.tell();
      return true;
    });
  }
  async *watch(prefix: string, { signal }: Bounded): AsyncIterable<ReadonlyMap<string, string>> {
    let wake = (): void => {};
    let failure: Error | undefined;
    let news = true;
    const watcher = { tell: () => { news = true; wake(); }, fail: (error: Error) => { failure = error; wake(); } };
    this.#watching.add(watcher);
    try {
      await this.#answer('watch', signal, () => {});
      while (!signal.aborted) {
        if (failure !== undefined) throw failure;
        if (news) {
          news = false;
          yield this.#backend.content(prefix);
          continue;
        }
        await new Promise<void>((resolve) => { wake = resolve; onAbort(signal, () => resolve()); });
      }
    } finally {
      this.#watching.delete(watcher);
    }
  }
  async *sessionLost({ signal }: Bounded): AsyncIterable<void> {
    while (!signal.aborted) {
      await new Promise<void>((resolve) => { this.#losses.add(resolve); onAbort(signal, () => resolve()); });
      if (!signal.aborted) yield;
    }
  }
  abandon(): void {
    this.abandoned = true;
    this.broken();
  }
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.#backend.frozen) await new Promise(() => {});
    for (const [key, { owner }] of this.#backend.keys) if (owner === this) this.#backend.keys.delete(key);
    this.broken();
    this.#backend.tell();
  }

  changed(): void {
    for (const watcher of this.#watching) watcher.tell();
  }
  lost(): void {
    for (const loss of this.#losses) loss();
    this.#losses.clear();
  }
  broken(): void {
    for (const watcher of this.#watching) watcher.fail(new Error('connection lost'));
  }

  async #answer<T>(operation: string, signal: AbortSignal, answer: () => T): Promise<T> {
    signal.throwIfAborted();
    await this.#backend.before?.(operation);
    if (this.#backend.frozen) await new Promise(() => {}); // and does not look at its signal
    if (this.#backend.down || this.closed || this.abandoned) throw new Error('connect ECONNREFUSED');
    return answer();
  }
}
