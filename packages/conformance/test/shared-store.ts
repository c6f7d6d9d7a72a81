import { onAbort, RpcError } from '@rpcxjs/core';
import type { StoreContext, StoreUnderTest } from '../src/index.ts';

/** What a store can do wrong. */
export type StoreDefect =
  | 'finds what was not put' | 'lists only its own' | 'lists neighbours' | 'takes keys as patterns' | 'cuts keys at slashes' | 'normalizes keys' | 'loses empty values' | 'cuts long values' | 'says an object' | 'fails for what is not there'
  | 'persistent overwrites' | 'persistent is owned' | 'persistent dies' | 'everybody owns' | 'own keys are foreign' | 'keys of nobody are foreign' | 'does not take over' | 'close takes what was taken over' | 'version of the value' | 'version by key' | 'restless version' | 'ignores ifVersion'
  | 'ifVersion creates' | 'checks late' | 'deletes what others own' | 'says true for what it did not delete' | 'touch creates' | 'touches what others own'
  | 'watch says nothing at first' | 'watch begins with nothing' | 'watch sees no change of values' | 'watch sees no writes of others' | 'watch says nothing of nothing' | 'watch sees neighbours' | 'watch says only what is new' | 'one watch only' | 'watch queues'
  | 'ignores the signal before' | 'own error for the signal' | 'watch ignores the signal' | 'watch fails with its own error' | 'waits for the backend' | 'close waits for the backend' | 'abandon leaves readers'
  | 'second close fails' | 'close leaves keys' | 'close takes everything' | 'close leaves readers' | 'close yields a loss' | 'works on after close' | 'plain error after close' | 'forgets a timer'
  | 'no loss' | 'loss is the end' | 'keys outlive the session' | 'watch misses expiry';

interface Kept {
  value: string;
  owner: SharedStore | undefined;
  version: number;
}

/** A backend in memory, and stores over it that are honest unless told otherwise. */
export class SharedBackend {
  readonly keys = new Map<string, Kept>();
  readonly stores = new Set<SharedStore>();
  writes = 0;
  #thaw: (() => void) | undefined;
  #frozen: Promise<void> | undefined;

  open(context: StoreContext, defect?: StoreDefect): SharedStore {
    const store = new SharedStore(this, context, defect);
    this.stores.add(store);
    return store;
  }
  answered(): Promise<void> {
    return this.#frozen ?? Promise.resolve();
  }
  get silent(): boolean {
    return this.#frozen !== undefined;
  }
  freeze(): void {
    this.#frozen = new Promise((resolve) => (this.#thaw = resolve));
  }
  thaw(): void {
    this.#frozen = undefined;
    this.#thaw?.();
  }
  changed(key: string, by: SharedStore | undefined): void {
    for (const store of this.stores) store.changed(key, by);
  }
  put(key: string, value: string, owner: SharedStore | undefined, by: SharedStore): void {
    this.keys.set(key, { value, owner, version: ++this.writes });
    this.changed(key, by);
  }
  end(store: SharedStore, every = false): void {
    for (const [key, { owner }] of this.keys) {
      if (owner !== store && !every) continue;
      this.keys.delete(key);
      this.changed(key, undefined);
    }
  }
}

interface Following {
  readonly prefix: string;
  tell(key: string | undefined): void;
  end(error?: Error): void;
}
type Options = { readonly signal: AbortSignal };

export class SharedStore implements StoreUnderTest {
  readonly #backend: SharedBackend;
  readonly #defect: StoreDefect | undefined;
  readonly #followings = new Set<Following>();
  readonly #losses = new Set<Following>();
  readonly #written = new Set<string>();
  #closes = 0;
  #abandoned = false;
  #gets = 0;

  constructor(backend: SharedBackend, { runtime }: StoreContext, defect: StoreDefect | undefined) {
    this.#backend = backend;
    this.#defect = defect;
    if (this.#has('forgets a timer')) runtime.clock.setTimer(() => {}, 20);
  }

  get(key: string, { signal }: Options): Promise<{ value: string; owned: boolean; foreign: boolean; version: string } | undefined> {
    return this.#answer(signal, () => {
      const kept = this.#backend.keys.get(this.#key(key));
      if (kept === undefined && this.#has('finds what was not put')) return { value: '', owned: false, foreign: false, version: '1' };
      if (kept === undefined && this.#has('fails for what is not there')) throw new Error('no such key');
      if (kept === undefined || (kept.value === '' && this.#has('loses empty values'))) return undefined;
      return { value: kept.value, owned: kept.owner === this || this.#has('everybody owns') || (this.#has('persistent is owned') && kept.owner === undefined), foreign: kept.owner === this ? this.#has('own keys are foreign') : kept.owner !== undefined || this.#has('keys of nobody are foreign'), version: this.#version(key, kept) };
    });
  }
  list(prefix: string, { signal }: Options): Promise<ReadonlyMap<string, string>> {
    return this.#answer(signal, () => {
      const content = this.#content(prefix);
      if (content.size === 0 && this.#has('fails for what is not there')) throw new Error('no such key');
      return this.#has('says an object') ? (Object.fromEntries(content) as never) : content;
    });
  }
  putPersistent(key: string, value: string, { signal }: Options): Promise<void> {
    return this.#answer(signal, () => {
      if (!this.#backend.keys.has(key) || this.#has('persistent overwrites')) this.#backend.put(key, value, this.#has('persistent dies') ? this : undefined, this);
    });
  }
  putOwned(key: string, value: string, { signal, ifVersion }: Options & { readonly ifVersion?: string | undefined }): Promise<boolean> {
    const early = this.#backend.keys.get(this.#key(key));
    return this.#answer(signal, () => {
      const kept = this.#has('checks late') ? early : this.#backend.keys.get(this.#key(key));
      if (ifVersion !== undefined && !this.#has('ignores ifVersion') && !(kept === undefined && this.#has('ifVersion creates'))) {
        if (kept === undefined || this.#version(key, kept) !== ifVersion) return false;
      }
      const owner = kept !== undefined && this.#has('does not take over') ? kept.owner : this;
      this.#written.add(key);
      this.#backend.put(this.#key(key), this.#has('cuts long values') ? value.slice(0, 65_536) : value, owner, this);
      return true;
    });
  }
  touchOwned(key: string, { signal }: Options): Promise<boolean> {
    return this.#answer(signal, () => {
      const kept = this.#backend.keys.get(this.#key(key));
      if (kept === undefined && this.#has('touch creates')) this.#backend.put(key, '', this, this);
      if (kept !== undefined && this.#has('touches what others own')) return true;
      return kept?.owner === this;
    });
  }
  deleteOwned(key: string, { signal }: Options): Promise<boolean> {
    return this.#answer(signal, () => {
      const kept = this.#backend.keys.get(this.#key(key));
      if (kept === undefined || (kept.owner !== this && !this.#has('deletes what others own'))) return this.#has('says true for what it did not delete');
      this.#backend.keys.delete(this.#key(key));
      this.#backend.changed(key, this);
      return true;
    });
  }

  async *watch(prefix: string, { signal }: Options): AsyncIterable<ReadonlyMap<string, string>> {
    if (!this.#has('ignores the signal before')) signal.throwIfAborted();
    this.#mustBeOpen();
    if (this.#has('one watch only')) for (const other of this.#followings) other.end();
    const queue: ReadonlyMap<string, string>[] = [];
    let keys = '';
    let state: 'on' | 'over' | Error = 'on';
    let dirty = !this.#has('watch says nothing at first');
    let wake = (): void => {};
    const following: Following = {
      prefix,
      tell: (key) => {
        if (this.#has('watch queues')) queue.push(this.#content(prefix));
        if (this.#has('watch says only what is new') && key !== undefined && this.#backend.keys.has(key)) queue.push(new Map([[key, this.#backend.keys.get(key)?.value ?? '']]));
        else dirty = true;
        wake();
      },
      end: (error) => {
        state = error ?? 'over';
        wake();
      },
    };
    this.#followings.add(following);
    if (this.#has('watch begins with nothing')) yield new Map();
    const deaf = this.#has('watch ignores the signal');
    const unlink = deaf ? () => {} : onAbort(signal, () => following.end(this.#has('watch fails with its own error') ? new Error('the socket was closed') : undefined));
    try {
      while (state === 'on') {
        const queued = queue.shift();
        if (queued !== undefined) yield queued;
        else if (dirty && !this.#has('watch queues')) {
          dirty = false;
          const content = this.#content(prefix);
          const names = [...content.keys()].join();
          const quiet = (this.#has('watch sees no change of values') && names === keys && keys !== '') || (this.#has('watch says nothing of nothing') && content.size === 0);
          keys = names;
          if (!quiet) yield this.#has('watch sees neighbours') ? this.#content(prefix.slice(0, -1)) : content;
        } else if (dirty) {
          dirty = false;
          queue.push(this.#content(prefix));
        } else await new Promise<void>((resolve) => (wake = resolve));
      }
      const over = state as string | Error; // set meanwhile
      if (over instanceof Error) throw over;
    } finally {
      unlink();
      this.#followings.delete(following);
    }
  }
  async *sessionLost({ signal }: Options): AsyncIterable<void> {
    this.#mustBeOpen();
    let losses = 0;
    let over = false;
    let wake = (): void => {};
    const following: Following = { prefix: '', tell: () => { losses += 1; wake(); }, end: () => { over = true; wake(); } };
    this.#losses.add(following);
    const unlink = onAbort(signal, () => following.end());
    try {
      while (!over || losses > 0) {
        if (losses > 0) {
          losses -= 1;
          if (this.#has('loss is the end')) return;
          yield;
        } else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      unlink();
      this.#losses.delete(following);
    }
  }

  abandon(): void {
    this.#abandoned = true;
    if (!this.#has('abandon leaves readers')) this.#endAll(new Error('abandoned'));
  }
  async close(): Promise<void> {
    this.#closes += 1;
    if (this.#closes > 1 && this.#has('second close fails')) throw new Error('it was closed');
    if (this.#closes > 1) return;
    if (this.#has('close waits for the backend')) await this.#backend.answered();
    if (this.#has('close yields a loss')) for (const loss of this.#losses) loss.tell(undefined);
    if (!this.#has('close leaves readers')) this.#endAll();
    if (!this.#backend.silent && !this.#has('close leaves keys')) this.#backend.end(this, this.#has('close takes everything'));
    if (this.#has('close takes what was taken over')) for (const key of this.#written) this.#backend.keys.delete(key);
    this.#backend.stores.delete(this);
  }

  loseSession(): void {
    if (!this.#has('keys outlive the session')) this.#backend.end(this);
    if (!this.#has('no loss')) for (const loss of this.#losses) loss.tell(undefined);
  }
  expire(): void {
    this.#backend.end(this);
  }
  changed(key: string, by: SharedStore | undefined): void {
    if (this.#has('watch sees no writes of others') && by !== this && by !== undefined) return;
    if (this.#has('watch misses expiry') && by === undefined) return;
    for (const following of this.#followings) if (key.startsWith(following.prefix)) following.tell(key);
  }

  async #answer<T>(signal: AbortSignal, answer: () => T): Promise<T> {
    if (!this.#has('ignores the signal before')) signal.throwIfAborted();
    this.#mustBeOpen();
    const deaf = this.#has('waits for the backend');
    let unlink = (): void => {};
    const aborted = deaf ? new Promise<void>(() => {}) : new Promise<void>((resolve) => (unlink = onAbort(signal, () => resolve())));
    await Promise.race([this.#backend.answered(), aborted]);
    unlink();
    if (signal.aborted && this.#has('own error for the signal')) throw new Error('it was cancelled');
    if (!this.#has('ignores the signal before')) signal.throwIfAborted();
    return answer();
  }
  #mustBeOpen(): void {
    if (this.#abandoned) throw new Error('it was abandoned');
    if (this.#closes === 0 || this.#has('works on after close')) return;
    throw this.#has('plain error after close') ? new Error('it was closed') : new RpcError('failed_precondition', 'the store was closed; make a new one', { reason: 'CLOSED' });
  }
  #endAll(error?: Error): void {
    for (const following of [...this.#followings, ...this.#losses]) following.end(error);
  }
  #content(prefix: string): Map<string, string> {
    const found = new Map<string, string>();
    for (const [key, { value, owner }] of this.#backend.keys) {
      const near = this.#has('lists neighbours') ? prefix.slice(0, -1) : prefix;
      if (!key.startsWith(near) || (value === '' && this.#has('loses empty values')) || (this.#has('lists only its own') && owner !== this)) continue;
      found.set(key, value);
    }
    return found;
  }
  #key(key: string): string {
    const slash = key.split('/', 3).join('/').length + 1;
    const [service, name] = [key.slice(0, slash), key.slice(slash)];
    if (this.#has('takes keys as patterns')) return [...this.#backend.keys.keys()].find((one) => name.includes('*') && one.startsWith(service)) ?? key;
    if (this.#has('cuts keys at slashes')) return `${service}${name.slice(name.lastIndexOf('/') + 1)}`;
    if (this.#has('normalizes keys')) return key.endsWith('/.') ? service.slice(0, -1) : key;
    return key;
  }
  #version(key: string, { value, version }: Kept): string {
    if (this.#has('version of the value')) return `#${value}`;
    if (this.#has('version by key')) return key;
    if (this.#has('restless version')) return `${++this.#gets}`;
    return `${version}`;
  }
  #has(defect: StoreDefect): boolean {
    return this.#defect === defect;
  }
}
