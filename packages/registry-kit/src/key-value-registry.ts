import type { Discovery, Lease, Registration, Registry, Runtime, ServiceInstance, WatchOptions } from '@rpcxjs/core';
import { instanceFeed, serviceInstance, type InstanceFeed } from '@rpcxjs/core/discoveries';
import { Backend, type BackendInit } from './backend.ts';
import { InstanceKeys, mustBeReadable } from './instance-keys.ts';
import { Leftover } from './leftover.ts';
import { PublishedEntry } from './published-entry.ts';
import { resolveRegistryOptions, type RegistryOptions, type ResolvedRegistryOptions } from './registry-options.ts';
import { ServiceWatch } from './service-watch.ts';

/** A registry and a discovery in one value: clients that are given it find what servers register with it, and what Go servers register in the same backend. */
export interface KeyValueRegistry extends Registry, Discovery {}

export interface KeyValueRegistryInit extends Pick<BackendInit, 'open'> {
  /** Name of the backend, for errors and logs: `etcd`. */
  readonly name: string;
  /** Where it is, as the user wrote it. */
  readonly where: string;
  readonly options?: RegistryOptions | undefined;
}

/**
 * A registry and a discovery over any key-value store, in rpcx's layout. The store is opened on first use, shared by all services, and given up and opened again when it
 * does not answer; every operation has a deadline. Watchers keep their last list while the backend is away, and read it anew when it is back; entries are written again.
 *
 * A first reading that fails rejects with an RpcError: `REGISTRY_UNREACHABLE`, `REGISTRY_REFUSED` or `REGISTRY_UNEXPECTED`. Throws TypeError for invalid options.
 */
export function keyValueRegistry(init: KeyValueRegistryInit): KeyValueRegistry {
  // Whatever it is in a program without types.
  const { name, where, open }: Partial<KeyValueRegistryInit> = init ?? {};
  if (typeof name !== 'string' || typeof where !== 'string') throw new TypeError("keyValueRegistry(): it takes the name of the backend and where it is: { name: 'etcd', where: '127.0.0.1:2379', open }");
  if (typeof open !== 'function') throw new TypeError(`keyValueRegistry(): open is ${String(open)}: give a function that connects and returns a store`);
  return new StoredRegistry(init, resolveRegistryOptions(name, init.options));
}

class StoredRegistry implements KeyValueRegistry {
  readonly #options: ResolvedRegistryOptions;
  readonly #keys: InstanceKeys;
  readonly #backend: Backend;
  readonly #entries = new Map<string, PublishedEntry>();
  readonly #leftovers = new Map<string, Leftover>();
  readonly #watches = new Map<string, ServiceWatch>();
  #closing: Promise<void> | undefined;

  constructor({ name, where, open }: KeyValueRegistryInit, options: ResolvedRegistryOptions) {
    this.#options = options;
    this.#keys = new InstanceKeys(options.basePath);
    this.#backend = new Backend({ name, where, open, ttlMs: options.ttlMs, timeoutMs: options.timeoutMs, probeMs: options.probeMs, probeKey: this.#keys.base });
  }

  async register(registration: Registration, { signal, runtime }: WatchOptions): Promise<Lease> {
    const { service, instance } = registration;
    if (typeof instance !== 'object' || instance === null) throw new TypeError("a registration needs an instance: { service: 'Arith', instance: { address: 'tcp@10.0.0.1:8972', metadata: {} } }");
    if (typeof service !== 'string' || service === '') throw new TypeError('a registration needs the name of its service');
    const checked = serviceInstance(instance.address, instance.metadata);
    mustBeReadable(checked);
    const { address } = checked;
    const what = `register "${service}" at ${address}`;
    this.#backend.mustBeOpen(what);
    signal?.throwIfAborted();
    const key = this.#keys.instance(service, address);
    // The one before is on its way out: what it deletes must not be this one's.
    const leaving = (): Promise<void> | undefined => this.#entries.get(key)?.leaving ?? this.#leftovers.get(key)?.stop();
    for (let before = leaving(); before !== undefined; before = leaving()) await before.catch(() => {});
    this.#backend.mustBeOpen(what);
    const entry = this.#entries.get(key) ?? this.#newEntry(key, service, address, runtime);
    return entry.register({ metadata: checked.metadata, rates: () => registration.rates?.() }, signal);
  }

  watch(service: string, { signal, runtime }: WatchOptions): AsyncIterable<readonly ServiceInstance[]> {
    return instanceFeed(signal, (feed) => {
      this.#backend.mustBeOpen(`watch "${service}"`);
      return this.#follow(service, runtime, feed);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const closed = this.#backend.close();
    for (const watch of this.#watches.values()) watch.close();
    for (const entry of this.#entries.values()) entry.close();
    for (const leftover of this.#leftovers.values()) void leftover.stop();
    await closed;
  }

  #newEntry(key: string, service: string, address: string, runtime: Runtime): PublishedEntry {
    const { ttlMs, refreshMs, publishRates } = this.#options;
    const left = (stays: boolean): void => {
      if (this.#entries.get(key) !== entry) return;
      this.#entries.delete(key);
      if (stays && !this.#backend.closed) this.#leftovers.set(key, new Leftover({ backend: this.#backend, key, runtime, ended: () => void this.#leftovers.delete(key) }));
    };
    const missed = (tell: () => void): (() => void) => {
      const push = (list: readonly ServiceInstance[]): void => {
        if (!list.some((one) => one.address === address)) tell();
      };
      return this.#follow(service, runtime, { push, fail() {}, end() {} });
    };
    const entry: PublishedEntry = new PublishedEntry({ backend: this.#backend, keys: this.#keys, service, address, ttlMs, refreshMs, publishRates, runtime, missed, left });
    this.#entries.set(key, entry);
    return entry;
  }

  #follow(service: string, runtime: Runtime, feed: InstanceFeed): () => void {
    return (this.#watches.get(service) ?? this.#newWatch(service, runtime)).add(feed);
  }

  #newWatch(service: string, runtime: Runtime): ServiceWatch {
    const { relistMs, timeoutMs } = this.#options;
    const ended = (): void => {
      if (this.#watches.get(service) === watch) this.#watches.delete(service);
    };
    const watch: ServiceWatch = new ServiceWatch({ backend: this.#backend, service, prefix: this.#keys.prefix(service), relistMs, timeoutMs, runtime, ended });
    this.#watches.set(service, watch);
    return watch;
  }
}
