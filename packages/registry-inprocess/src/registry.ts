import { RpcError } from '@rpcxjs/core';
import { instanceFeed, serviceInstance, sortedInstances, type InstanceFeed } from '@rpcxjs/core/discoveries';
import type { Discovery, InstanceMetadata, Lease, Registration, Registry, ServiceInstance, WatchOptions } from '@rpcxjs/core';

/** A registry and a discovery in one value: what servers register with it, the clients that are given it find. */
export interface InProcessRegistry extends Registry, Discovery {}

/**
 * A registry that lives in this process and knows nobody else's: for one process with servers and clients, over any transport, and for tests. A change is
 * known to every watcher at once. Two registrations of one service at one address are one instance: the newest counts, and after its release the one before it.
 *
 * `close` ends the watchers, who keep their last list, and all leases. `rates` are not published: nothing is refreshed here.
 */
export function inprocess(): InProcessRegistry {
  return new Board();
}

class Board implements InProcessRegistry {
  /** In the order of registration. */
  readonly #posted = new Map<string, Set<PostedLease>>();
  readonly #watchers = new Map<InstanceFeed, string>();
  #closed = false;

  async register(registration: Registration, { signal }: WatchOptions): Promise<Lease> {
    const { service, instance } = registration;
    if (typeof service !== 'string' || service === '') throw new TypeError('a registration needs the name of its service');
    const checked = serviceInstance(instance.address, instance.metadata);
    signal?.throwIfAborted();
    this.#mustBeOpen(`register "${service}" at ${checked.address}`);
    const leases = this.#posted.get(service) ?? new Set<PostedLease>();
    this.#posted.set(service, leases);
    const lease: PostedLease = new PostedLease(checked, {
      changed: () => this.#tell(service),
      released: () => {
        leases.delete(lease);
        if (leases.size === 0 && this.#posted.get(service) === leases) this.#posted.delete(service);
        this.#tell(service);
      },
    });
    leases.add(lease);
    this.#tell(service);
    return lease;
  }

  watch(service: string, { signal }: WatchOptions): AsyncIterable<readonly ServiceInstance[]> {
    return instanceFeed(signal, (feed) => {
      this.#mustBeOpen(`watch "${service}"`);
      this.#watchers.set(feed, service);
      feed.push(this.#list(service));
      return () => void this.#watchers.delete(feed);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const feed of this.#watchers.keys()) feed.end();
    for (const lease of [...this.#posted.values()].flatMap((leases) => [...leases])) await lease.release();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #list(service: string): readonly ServiceInstance[] {
    const newestFirst = [...(this.#posted.get(service) ?? [])].reverse();
    return Object.freeze(sortedInstances(newestFirst.map(({ instance }) => instance)));
  }

  #tell(service: string): void {
    const list = this.#list(service);
    for (const [feed, watched] of this.#watchers) if (watched === service) feed.push(list);
  }

  #mustBeOpen(what: string): void {
    if (this.#closed) throw new RpcError('failed_precondition', `the in-process registry cannot ${what}: it was closed; make a new one, or close it later`, { reason: 'CLOSED', sent: false });
  }
}

/** Two states: posted, released. */
class PostedLease implements Lease {
  #instance: ServiceInstance;
  #released = false;
  readonly #owner: { changed(): void; released(): void };

  constructor(instance: ServiceInstance, owner: { changed(): void; released(): void }) {
    this.#instance = instance;
    this.#owner = owner;
  }

  get instance(): ServiceInstance {
    return this.#instance;
  }

  async update(metadata: InstanceMetadata): Promise<void> {
    const { address } = this.#instance;
    if (this.#released) throw new RpcError('failed_precondition', `the registration of ${address} was released and cannot be updated: register it again`, { reason: 'CLOSED', sent: false });
    this.#instance = serviceInstance(address, metadata);
    this.#owner.changed();
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    this.#owner.released();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
