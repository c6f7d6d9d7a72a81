import { RpcError } from '@rpcxjs/core';
import type { Runtime } from '@rpcxjs/core';
import { claim, within } from './case.ts';
import { show } from './compare.ts';
import { ContentReader } from './content-reader.ts';
import type { CountingRuntime } from './list-reader.ts';

/** What `KeyValueStore` of @rpcxjs/registry-kit asks of a backend, in its words; its comments are the contract. */
export interface StoreUnderTest {
  get(key: string, options: { readonly signal: AbortSignal }): Promise<{ readonly value: string; readonly owned: boolean; readonly foreign?: boolean | undefined; readonly version: string } | undefined>;
  list(prefix: string, options: { readonly signal: AbortSignal }): Promise<ReadonlyMap<string, string>>;
  putPersistent(key: string, value: string, options: { readonly signal: AbortSignal }): Promise<void>;
  putOwned(key: string, value: string, options: { readonly signal: AbortSignal; readonly ttlMs: number; readonly ifVersion?: string | undefined }): Promise<boolean>;
  touchOwned?(key: string, options: { readonly signal: AbortSignal; readonly ttlMs: number }): Promise<boolean>;
  deleteOwned(key: string, options: { readonly signal: AbortSignal }): Promise<boolean>;
  watch(prefix: string, options: { readonly signal: AbortSignal }): AsyncIterable<ReadonlyMap<string, string>>;
  sessionLost(options: { readonly signal: AbortSignal }): AsyncIterable<void>;
  abandon?(): void;
  close(): Promise<void>;
}

/** Two stores over one empty backend, as two processes would have them, and functions that disturb them. */
export interface KeyValueStoreRig {
  readonly store: StoreUnderTest;
  readonly other: StoreUnderTest;
  /** Ends the session of that store in the backend, with its keys, without telling the store. */
  loseSession?(store: StoreUnderTest): void | Promise<void>;
  /** Lets the keys of that store expire, as when its process was killed; settles when they are gone. */
  expire?(store: StoreUnderTest): void | Promise<void>;
  /** Makes the backend stop answering, without breaking connections. */
  freeze?(): void | Promise<void>;
  thaw?(): void | Promise<void>;
  /** Ends what `create` began, behind `close` of both stores. */
  close?(): void | Promise<void>;
}

/** What a backend, and the rig, can do. Each is assumed; set the ones to false that it cannot. */
export interface KeyValueStoreSupports {
  /** Keys may have any characters, also control characters and those beyond U+FFFF, and segments `.` and `..`. @default true */
  readonly anyKey?: boolean | undefined;
  /** There may be slashes behind the prefix: `unix@/run/a.sock`. @default true */
  readonly slashes?: boolean | undefined;
  /** The store has `touchOwned`. @default true */
  readonly touchOwned?: boolean | undefined;
  /** The rig has `loseSession`. @default true */
  readonly loseSession?: boolean | undefined;
  /** The rig has `expire`. @default true */
  readonly expire?: boolean | undefined;
  /** The rig has `freeze` and `thaw`. @default true */
  readonly freeze?: boolean | undefined;
}

/** What `open` of `keyValueRegistry` is given, too. */
export interface StoreContext {
  readonly runtime: Runtime;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface StoreRule {
  readonly name: string;
  readonly late: string;
  readonly needs?: keyof KeyValueStoreSupports | undefined;
  check(bench: StoreBench): Promise<void>;
}

export const ttlMs = 30_000;
export const base = '/rpcx_conformance';

/** One rig and the readers of one case. */
export class StoreBench {
  readonly rig: KeyValueStoreRig;
  readonly runtime: CountingRuntime;
  readonly #readers: ContentReader[] = [];
  readonly #patienceMs: number;
  readonly #controller = new AbortController();

  constructor(rig: KeyValueStoreRig, runtime: CountingRuntime, deadlineMs: number) {
    this.rig = rig;
    this.runtime = runtime;
    this.#patienceMs = deadlineMs * 0.8;
  }
  get store(): StoreUnderTest {
    return this.rig.store;
  }
  get other(): StoreUnderTest {
    return this.rig.other;
  }
  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  get bounded(): { readonly signal: AbortSignal } {
    return { signal: this.signal };
  }

  /** As the kit does before the first instance of a service; gives the prefix of its instances. */
  async service(name: string = 'Arith', store: StoreUnderTest = this.store): Promise<string> {
    await store.putPersistent(base, 'rpcx_path', this.bounded);
    await store.putPersistent(`${base}/${name}`, name, this.bounded);
    return `${base}/${name}/`;
  }
  async put(key: string, value: string, store: StoreUnderTest = this.store): Promise<void> {
    const written = await store.putOwned(key, value, { signal: this.signal, ttlMs });
    claim(is(true, written), `putOwned() without ifVersion said ${show(written)}; it writes whatever stands there, and says true`);
  }
  /** What stands there must be this, for that store. */
  async expect(key: string, value: string, owned: boolean, store: StoreUnderTest = this.store): Promise<string> {
    const entry = await store.get(key, this.bounded);
    claim(entry !== undefined, `get(${show(key)}) found nothing instead of ${show(value)}`);
    claim(entry.value === value, `get(${show(key)}) said the value ${show(entry.value)} instead of ${show(value)}`);
    claim(entry.owned === owned, `get(${show(key)}) said owned: ${String(entry.owned)} to ${store === this.store ? 'the first' : 'the other'} store; ${owned ? 'it wrote that key last, and owns it' : 'it does not own that key'}`);
    claim(typeof entry.version === 'string' && entry.version !== '', `get(${show(key)}) said the version ${show(entry.version)}; a version is a text`);
    return entry.version;
  }
  /** `foreign` of the key must be this; stores that cannot tell leave it undefined. */
  async expectForeign(key: string, foreign: boolean): Promise<void> {
    const said = (await this.store.get(key, this.bounded))?.foreign;
    claim(said === undefined || said === foreign, `get(${show(key)}) said foreign: ${String(said)} to the first store; the key belongs to ${foreign ? 'the other store' : 'no other store'}`);
  }
  async expectNothing(key: string, store: StoreUnderTest = this.store): Promise<void> {
    const entry = await store.get(key, this.bounded);
    claim(entry === undefined, `get(${show(key)}) said ${show(entry)}; there is no such key`);
  }
  async expectList(prefix: string, wanted: Readonly<Record<string, string>>, store: StoreUnderTest = this.store): Promise<void> {
    const found = await store.list(prefix, this.bounded);
    claim(found instanceof Map, `list() said ${show(found)}; it says a Map of keys and values`);
    const sorted = (entries: Iterable<readonly [string, string]>): string => JSON.stringify([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
    claim(sorted(found) === sorted(Object.entries(wanted)), `list(${show(prefix)}) said ${show([...found])} instead of ${show(Object.entries(wanted))}`);
  }
  read(prefix: string, store: StoreUnderTest = this.store): ContentReader {
    const reader = new ContentReader((signal) => store.watch(prefix, { signal }), prefix, this.#patienceMs);
    this.#readers.push(reader);
    return reader;
  }

  /** After the deadline, too. */
  close(deadlineMs: number): Promise<void> {
    return within(deadlineMs, 'a watch did not end when its signal aborted, or close() of a store did not settle', async () => {
      await this.rig.thaw?.();
      await Promise.all(this.#readers.map((reader) => reader.close()));
      this.#controller.abort();
      await Promise.all([this.store.close(), this.other.close()]);
      await this.rig.close?.();
    });
  }
}

/** What is no boolean is neither. */
export function is(wanted: boolean, said: unknown): boolean {
  return said === wanted;
}

/** The operations that answer once, each on that key. */
export function operations(store: StoreUnderTest, key: string): readonly (readonly [string, (signal: AbortSignal) => Promise<unknown>])[] {
  const prefix = key.slice(0, key.lastIndexOf('/') + 1);
  return [
    ['get()', (signal) => store.get(key, { signal })],
    ['list()', (signal) => store.list(prefix, { signal })],
    ['putPersistent()', (signal) => store.putPersistent(`${key}1`, 'x', { signal })],
    ['putOwned()', (signal) => store.putOwned(`${key}2`, 'x', { signal, ttlMs })],
    ...(store.touchOwned === undefined ? [] : [['touchOwned()', (signal: AbortSignal) => Promise.resolve(store.touchOwned?.(key, { signal, ttlMs }))] as const]),
    ['deleteOwned()', (signal) => store.deleteOwned(key, { signal })],
  ];
}

/** The two that go on; each takes what comes until the end. */
export function followings(store: StoreUnderTest, prefix: string): readonly (readonly [string, (signal: AbortSignal) => Promise<void>])[] {
  return [
    ['watch()', (signal) => drain(store.watch(prefix, { signal }))],
    ['sessionLost()', (signal) => drain(store.sessionLost({ signal }))],
  ];
}
async function drain(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of source);
}

export async function refusedAsClosed(what: string, work: () => Promise<unknown>): Promise<void> {
  let said: unknown;
  try {
    said = await work();
  } catch (error) {
    claim(RpcError.is(error) && error.reason === 'CLOSED', `${what} after close() rejected with ${show(error)} (${String(error)}) instead of an RpcError with reason CLOSED`);
    return;
  }
  claim(false, `${what} after close() said ${show(said)} instead of rejecting with an RpcError with reason CLOSED`);
}
