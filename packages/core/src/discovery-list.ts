import { instanceFeed, type InstanceFeed } from './discovery-feed.ts';
import type { Discovery, ServiceInstance } from './discovery.ts';
import { serviceInstance, sortedInstances } from './service-instance.ts';

/** Where every service is, or where each one is: an address `tcp@host:port`, or an instance with its metadata. A service that is not named is nowhere. */
export type InstanceListContent = readonly (string | ServiceInstance)[] | Readonly<Record<string, readonly (string | ServiceInstance)[]>>;

/** A discovery whose list is set by the program. */
export interface InstanceList extends Discovery {
  /** Takes the place of the whole content; every watcher is told. Throws TypeError for an invalid address, and then changes nothing. */
  update(content: InstanceListContent): void;
}

type Content = readonly ServiceInstance[] | ReadonlyMap<string, readonly ServiceInstance[]>;

/**
 * A list that changes when the program says so (rpcx: MultipleServersDiscovery): `const list = instanceList(['tcp@10.0.0.1:8972'])`, later `list.update([…])`.
 * An address that occurs twice is listed once, with what its first entry says.
 */
export function instanceList(initial: InstanceListContent = []): InstanceList {
  const watchers = new Map<InstanceFeed, string>();
  let content = contentOf(initial);
  return {
    update(next) {
      content = contentOf(next);
      for (const [feed, service] of watchers) feed.push(listOf(content, service));
    },
    watch: (service, { signal }) => instanceFeed(signal, (feed) => {
      watchers.set(feed, service);
      feed.push(listOf(content, service));
      return () => void watchers.delete(feed);
    }),
  };
}

function listOf(content: Content, service: string): readonly ServiceInstance[] {
  return content instanceof Map ? (content.get(service) ?? []) : (content as readonly ServiceInstance[]); // Array.isArray does not narrow a readonly union
}

function contentOf(given: InstanceListContent): Content {
  if (isList(given)) return checked(given);
  if (typeof given !== 'object' || given === null) throw new TypeError(`an instance list cannot be made of ${String(given)}: give an array of addresses, or an object with one for each service`);
  return new Map(Object.entries(given).map(([service, list]) => [service, checked(list)]));
}

function isList(given: InstanceListContent): given is readonly (string | ServiceInstance)[] {
  return Array.isArray(given);
}

function checked(given: readonly (string | ServiceInstance)[]): readonly ServiceInstance[] {
  if (!Array.isArray(given)) throw new TypeError(`a list of instances cannot be ${String(given)}: give an array of addresses or instances`);
  return Object.freeze(sortedInstances(given.map((one: string | ServiceInstance) => (typeof one === 'string' ? serviceInstance(one) : serviceInstance(one.address, one.metadata)))));
}
