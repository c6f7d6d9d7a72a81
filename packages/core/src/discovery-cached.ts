import { checkedSource } from './checked-source.ts';
import { checkNames, refuse } from './options.ts';
import { instanceFeed, type InstanceFeed } from './discovery-feed.ts';
import { followDiscovery } from './discovery-follow.ts';
import { readSnapshot, snapshotText, type SnapshotStore } from './discovery-snapshot.ts';
import type { Discovery, ServiceInstance, WatchOptions } from './discovery.ts';
import { thrownText } from './thrown-text.ts';

export interface CachedOptions {
  /** Milliseconds that a watcher waits for the source before it gets the snapshot; a source that fails is not waited for. @default 500 */
  readonly waitMs?: number | undefined;
}

/**
 * A discovery that remembers its last list of each service over restarts (rpcx: CacheDiscovery), for the cold start while the registry is down. What the source says
 * always wins, and is saved after each change; an empty list is told but not saved. A snapshot that is damaged, and a store that fails, cost one warning each and no call.
 */
export function cached(source: Discovery, store: SnapshotStore, options: CachedOptions = {}): Discovery {
  checkedSource('cached', source);
  // In a program without types it may be anything.
  if (typeof (store as Partial<SnapshotStore> | undefined | null)?.load !== 'function') throw new TypeError("cached: the store takes an object with load and save, for example fileStore({ directory: './cache' })");
  const { waitMs = 500 } = options;
  checkNames('cached', options, { waitMs });
  if (typeof waitMs !== 'number' || !(waitMs >= 0)) refuse('cached: waitMs', waitMs, 'milliseconds, or 0');
  const shelf = new Shelf(store);
  return {
    watch: (service, watching) => instanceFeed(watching.signal, (feed) => {
      const start = new ColdStart(feed, () => shelf.load(service, watching));
      const stop = followDiscovery(source, service, watching, {
        list(instances) {
          start.over = true;
          shelf.save(service, instances, watching);
          feed.push(instances);
        },
        failed: (error) => void start.fallBack(error),
        ended: () => void start.fallBack(undefined).then(() => feed.end()),
      });
      const timer = watching.runtime.clock.setTimer(() => void start.fallBack(undefined), waitMs);
      return () => {
        timer.cancel();
        start.over = true;
        stop();
      };
    }),
  };
}

/** The time before a watcher has got any list. */
class ColdStart {
  /** True once the snapshot is no longer needed. */
  over = false;
  readonly #feed: InstanceFeed;
  readonly #load: () => Promise<readonly ServiceInstance[] | undefined>;
  #loaded: Promise<readonly ServiceInstance[] | undefined> | undefined;

  constructor(feed: InstanceFeed, load: () => Promise<readonly ServiceInstance[] | undefined>) {
    this.#feed = feed;
    this.#load = load;
  }

  /** Without a snapshot, the watcher hears why the source has nothing to say, if that is known. */
  async fallBack(error: unknown): Promise<void> {
    if (this.over) return;
    this.#loaded ??= this.#load();
    const snapshot = await this.#loaded;
    if (this.over) return;
    if (snapshot !== undefined) {
      this.over = true;
      this.#feed.push(snapshot);
    } else if (error !== undefined) this.#feed.fail(error);
  }
}

/** The snapshot store, whose failures cost a warning for each kind and nothing else. */
class Shelf {
  readonly #store: SnapshotStore;
  readonly #warned = new Set<string>();
  /** The newest text of each service, saved or about to be, so that several watchers save it once, and a new one need not load it. */
  readonly #newest = new Map<string, string>();
  readonly #saving = new Set<string>();
  /** Services whose text could not be saved: it is tried again when the source repeats the list. */
  readonly #unsaved = new Set<string>();

  constructor(store: SnapshotStore) {
    this.#store = store;
  }

  async load(service: string, { runtime }: WatchOptions): Promise<readonly ServiceInstance[] | undefined> {
    try {
      const text = this.#newest.get(service) ?? (await this.#store.load(service));
      if (text === undefined) return undefined;
      const instances = readSnapshot(service, text);
      return instances.length === 0 ? undefined : instances;
    } catch (error) {
      this.#warn('load', service, error, runtime);
      return undefined;
    }
  }

  save(service: string, instances: readonly ServiceInstance[], { runtime }: WatchOptions): void {
    if (instances.length === 0) return;
    try {
      const text = snapshotText(service, instances);
      if (this.#newest.get(service) === text && !this.#unsaved.has(service)) return;
      this.#newest.set(service, text);
    } catch (error) {
      this.#warn('save', service, error, runtime); // a list that is no list
      return;
    }
    if (!this.#saving.has(service)) void this.#saveAll(service, runtime);
  }

  /** One after the other, and of those that came meanwhile only the newest. */
  async #saveAll(service: string, runtime: WatchOptions['runtime']): Promise<void> {
    this.#saving.add(service);
    for (let saved: string | undefined, text = this.#newest.get(service); text !== undefined && text !== saved; saved = text, text = this.#newest.get(service)) {
      try {
        this.#unsaved.delete(service);
        await this.#store.save(service, text);
      } catch (error) {
        this.#unsaved.add(service);
        this.#warn('save', service, error, runtime);
      }
    }
    this.#saving.delete(service);
  }

  #warn(what: 'load' | 'save', service: string, error: unknown, { logger }: WatchOptions['runtime']): void {
    if (this.#warned.has(what)) return;
    this.#warned.add(what);
    const meaning = what === 'load' ? 'is not used; the registry is waited for' : 'could not be saved; calls go on, and a cold start while the registry is down will not know these servers';
    logger.warn({ service, err: error }, `the snapshot of the instances of "${service}" ${meaning}: ${thrownText(error)}`);
  }
}
