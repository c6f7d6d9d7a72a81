import { formatAddress, parseAddress } from './address.ts';
import { checkedSource } from './checked-source.ts';
import { onAbort } from './lazy-signal.ts';
import type { Runtime } from './runtime.ts';

/** Go's query string, parsed: `weight`, `group` (may repeat), `state`, `latitude`… Values keep their order. */
export type InstanceMetadata = Readonly<Record<string, string | readonly string[]>>;
export interface ServiceInstance {
  /** rpcx form, `tcp@host:port`; also the instance's identity. */
  readonly address: string;
  readonly metadata: InstanceMetadata;
}
export interface WatchOptions {
  readonly signal?: AbortSignal | undefined;
  readonly runtime: Runtime;
}

/** Yields the whole list at once, then again after each change. A slow reader sees only the newest. */
export interface Discovery {
  watch(service: string, options: WatchOptions): AsyncIterable<readonly ServiceInstance[]>;
}

export interface Registration {
  readonly service: string;
  readonly instance: ServiceInstance;
  /** Published with each refresh, as rpcx does. */
  rates?(): { readonly calls: number; readonly connections: number };
}
/** Kept alive until released; survives a lost registry by registering again. */
export interface Lease extends AsyncDisposable {
  update(metadata: InstanceMetadata): Promise<void>;
  release(): Promise<void>;
}
/** Opens its backend on first use. Whoever made it closes it; clients and servers never close what they were given. */
export interface Registry extends AsyncDisposable {
  register(registration: Registration, options: WatchOptions): Promise<Lease>;
  close(): Promise<void>;
}

/** The instances that `keep` is true for: `filterInstances(source, inGroup('blue'))`. Throws TypeError for something that is not a discovery, or no function. */
export function filterInstances(source: Discovery, keep: (instance: ServiceInstance) => boolean): Discovery {
  checkedSource('filterInstances', source);
  if (typeof keep !== 'function') throw new TypeError(`filterInstances() takes a function, for example isActive, and no value of the type ${typeof keep}`);
  // Invalid entries are passed on, as they would be without a filter: what uses the list reports them.
  const passes = (one: ServiceInstance | undefined): boolean => {
    const kept: unknown = typeof one?.address !== 'string' || keep(one.metadata ? one : { ...one, metadata: {} });
    if (kept instanceof Promise) throw new TypeError('filterInstances() takes no async function');
    return kept as boolean; // whatever it is in a program without types
  };
  return {
    async *watch(service, options) {
      for await (const said of source.watch(service, options)) {
        yield Array.isArray(said) ? said.filter(passes) : said;
      }
    },
  };
}

/** A list that never changes (rpcx: Peer2PeerDiscovery): `fixed(['tcp@127.0.0.1:8972'])`. Every service is found on each of them. Throws TypeError for none, and for what is no address. */
export function fixed(addresses: readonly string[]): Discovery {
  if (!Array.isArray(addresses) || addresses.length === 0) throw new TypeError("fixed() takes addresses, for example fixed(['tcp@host:port'])");
  const known = new Set(addresses.map((address: string) => formatAddress(parseAddress(address))));
  const instances = [...known].sort().map((address) => ({ address, metadata: {} }));
  return {
    async *watch(_service, options) {
      yield instances;
      const { signal } = options;
      if (signal !== undefined) await new Promise((resolve) => onAbort(signal, resolve));
    },
  };
}
