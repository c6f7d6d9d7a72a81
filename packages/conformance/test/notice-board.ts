import { RpcError } from '@rpcxjs/core';
import { instanceFeed, serviceInstance, sortedInstances, type InstanceFeed } from '@rpcxjs/core/discoveries';
import type { Discovery, InstanceMetadata, Lease, Registration, Registry, ServiceInstance, WatchOptions } from '@rpcxjs/core';

/** What a board can do wrong. */
export type Defect =
  | 'waits with the first list' | 'says the first list once' | 'loses metadata' | 'loses repeated keys' | 'says nothing after a change' | 'says only what is new' | 'sees no change of metadata'
  | 'hides that it is empty' | 'queues every list' | 'changes its lists' | 'ignores the signal' | 'fails when the signal aborts' | 'goes on under an aborted signal' | 'holds on to a reader'
  | 'ends with the first reader' | 'forgets a timer' | 'mixes services' | 'looks up names in an object' | 'wrong addresses' | 'says an address twice' | 'numbers in metadata' | 'fails'
  | 'keeps what was released' | 'update forgets the address' | 'release fails twice' | 'updates what was released' | 'brings back what was released' | 'update goes to all'
  | 'lists an address twice' | 'one release takes all' | 'keeps the object' | 'ignores the signal of register' | 'signal releases' | 'takes any address' | 'plain error after close'
  | 'takes registrations after close' | 'close hangs' | 'second close fails' | 'close leaves everything' | 'release fails after close' | 'forgets the timer of a lease';

type Listed = { readonly service: string; instance: ServiceInstance; released: boolean };

/** A registry and discovery in one, honest unless told otherwise. */
export class NoticeBoard implements Registry, Discovery {
  readonly #defect: Defect | undefined;
  readonly #listed: Listed[] = [];
  readonly #feeds = new Map<InstanceFeed, string>();
  #closed = 0;
  #asked = 0;

  constructor(defect?: Defect) {
    this.#defect = defect;
  }

  /** Makes the list of a service this one. */
  set(service: string, instances: readonly ServiceInstance[]): void {
    const before = this.#of(service);
    for (let at = this.#listed.length - 1; at >= 0; at--) if (this.#listed[at]?.service === service) this.#listed.splice(at, 1);
    this.#listed.push(...instances.map((instance) => ({ service, instance, released: false })));
    if (this.#has('sees no change of metadata') && before.map(({ address }) => address).join() === this.#of(service).map(({ address }) => address).join()) return;
    if (this.#has('says only what is new')) this.#say(service, this.#of(service).filter(({ address }) => !before.some((one) => one.address === address)));
    else this.#tell(service);
  }

  watch(service: string, { signal, runtime }: WatchOptions): AsyncIterable<readonly ServiceInstance[]> {
    if (this.#has('queues every list')) return this.#queued(service, signal);
    const deaf = this.#has('ignores the signal') || this.#has('goes on under an aborted signal');
    const watch = instanceFeed(deaf ? undefined : signal, (feed) => {
      this.#feeds.set(feed, service);
      const first = this.#asked++ === 0;
      if (this.#has('forgets a timer')) runtime.clock.setTimer(() => {}, 20);
      if (this.#has('fails')) feed.fail(new Error('planted'));
      if (this.#has('fails when the signal aborts')) signal?.addEventListener('abort', () => feed.fail(new Error('the socket was closed')));
      if (!this.#has('waits with the first list') && (first || !this.#has('says the first list once')) && !(this.#has('hides that it is empty') && this.#of(service).length === 0)) this.#push(feed, this.#of(service));
      if (this.#has('goes on under an aborted signal') && signal?.aborted === true) queueMicrotask(() => feed.push(this.#of(service)));
      return () => {
        this.#feeds.delete(feed);
        if (this.#has('ends with the first reader')) for (const other of this.#feeds.keys()) other.end();
      };
    });
    if (this.#has('holds on to a reader')) watch.return = () => new Promise(() => {});
    return watch;
  }

  async register({ service, instance }: Registration, { signal, runtime }: WatchOptions): Promise<Lease> {
    if (!this.#has('ignores the signal of register')) signal?.throwIfAborted();
    if (this.#closed > 0 && !this.#has('takes registrations after close')) throw this.#closedError();
    if (this.#has('forgets the timer of a lease')) runtime.clock.setTimer(() => {}, 20);
    const kept = this.#has('takes any address') || this.#has('keeps the object') ? instance : serviceInstance(instance.address, instance.metadata);
    const entry: Listed = { service, instance: kept, released: false };
    this.#listed.push(entry);
    this.#tell(service);
    const lease: Lease = { update: (metadata) => this.#update(entry, metadata), release: () => this.#release(entry), [Symbol.asyncDispose]: () => this.#release(entry) };
    if (this.#has('signal releases')) signal?.addEventListener('abort', () => void lease.release());
    return lease;
  }

  async close(): Promise<void> {
    this.#closed += 1;
    if (this.#has('close hangs')) await new Promise(() => {});
    if (this.#closed > 1 && this.#has('second close fails')) throw new Error('it is closed');
    if (!this.#has('close leaves everything')) for (const entry of this.#listed.slice()) this.#drop(entry);
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #update(entry: Listed, metadata: InstanceMetadata): Promise<void> {
    if (entry.released && !this.#has('updates what was released') && !this.#has('brings back what was released')) throw this.#closedError();
    const entries = this.#has('update goes to all') ? this.#listed : [entry];
    for (const one of entries) one.instance = serviceInstance(this.#has('update forgets the address') ? 'tcp@192.0.2.77:8972' : one.instance.address, metadata);
    if (this.#has('brings back what was released') && entry.released) this.#listed.push(entry);
    this.#tell(entry.service);
  }

  async #release(entry: Listed): Promise<void> {
    if (entry.released && (this.#has('release fails twice') || (this.#closed > 0 && this.#has('release fails after close')))) throw new Error('it was released');
    this.#drop(entry);
  }

  #drop(entry: Listed): void {
    entry.released = true;
    const at = this.#listed.indexOf(entry);
    if (at < 0 || this.#has('keeps what was released')) return;
    this.#listed.splice(at, 1);
    if (this.#has('one release takes all')) {
      for (const other of this.#listed.filter((one) => one.service === entry.service && one.instance.address === entry.instance.address)) this.#listed.splice(this.#listed.indexOf(other), 1);
    }
    this.#tell(entry.service);
  }

  #of(service: string): readonly ServiceInstance[] {
    if (this.#has('looks up names in an object') && service in {}) return ({} as Record<string, readonly ServiceInstance[]>)[service] ?? [];
    const listed = this.#listed.filter((one) => one.service === service || this.#has('mixes services')).map(({ instance }) => instance).reverse();
    const list = this.#has('lists an address twice') ? listed : sortedInstances(listed);
    if (this.#has('wrong addresses')) return list.map(({ address, metadata }) => ({ address: address.slice(4), metadata }));
    if (this.#has('says an address twice')) return [...list, ...list];
    if (this.#has('loses metadata')) return list.map(({ address }) => ({ address, metadata: {} }));
    if (this.#has('loses repeated keys')) return list.map(({ address, metadata }) => ({ address, metadata: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, [value].flat().at(-1) ?? ''])) }));
    if (this.#has('numbers in metadata')) return list.map(({ address }) => ({ address, metadata: { weight: 3 as never } }));
    return list;
  }

  #tell(service: string): void {
    this.#say(service, this.#of(service));
  }

  readonly #shared = new Map<InstanceFeed, ServiceInstance[]>();
  #say(service: string, list: readonly ServiceInstance[]): void {
    if (this.#has('says nothing after a change') || (this.#has('hides that it is empty') && list.length === 0)) return;
    for (const [feed, watched] of this.#feeds) {
      if (watched !== service && !this.#has('mixes services')) continue;
      this.#push(feed, list);
    }
  }
  #push(feed: InstanceFeed, list: readonly ServiceInstance[]): void {
    const shared = this.#shared.get(feed) ?? [];
    this.#shared.set(feed, shared);
    if (this.#has('changes its lists')) shared.splice(0, shared.length, ...list);
    feed.push(this.#has('changes its lists') ? shared : list);
  }

  async *#queued(service: string, signal: AbortSignal | undefined): AsyncGenerator<readonly ServiceInstance[]> {
    const queue: (readonly ServiceInstance[])[] = [this.#of(service)];
    let wake = (): void => {};
    const feed: InstanceFeed = { push: (list) => { queue.push(list); wake(); }, end() {}, fail() {} };
    this.#feeds.set(feed, service);
    signal?.addEventListener('abort', () => wake());
    while (signal?.aborted !== true) {
      const list = queue.shift();
      if (list === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else yield list;
    }
    this.#feeds.delete(feed);
  }

  #closedError(): Error {
    return this.#has('plain error after close') ? new Error('no') : new RpcError('failed_precondition', 'it was closed', { reason: 'CLOSED' });
  }
  #has(defect: Defect): boolean {
    return this.#defect === defect;
  }
}
