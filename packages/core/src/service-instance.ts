import { formatAddress, parseAddress } from './address.ts';
import type { InstanceMetadata, ServiceInstance } from './discovery.ts';
import { metadataValues } from './instance-metadata.ts';

/** An instance whose address is in rpcx form and whose metadata nobody changes any more. Throws TypeError for an invalid address, and for values that are no text. */
export function serviceInstance(address: string, metadata: InstanceMetadata = {}): ServiceInstance {
  const where = formatAddress(parseAddress(address));
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) throw new TypeError(`the metadata of ${address} is ${String(metadata)}: write text, or a list of texts, for each key`);
  const copy = Object.entries(metadata).map(([key, value]): [string, string | readonly string[]] => {
    const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (!texts.every((text) => typeof text === 'string')) throw new TypeError(`the metadata of ${address} has "${key}" set to ${String(value)}: write text, or a list of texts`);
    return [key, typeof value === 'string' ? value : Object.freeze([...value])];
  });
  // fromEntries defines properties instead of assigning them, so that `__proto__` is a key like any other.
  return Object.freeze({ address: where, metadata: Object.freeze(Object.fromEntries(copy)) });
}

/** Whether two lists say the same about the same instances in the same order. */
export function sameInstances(one: readonly ServiceInstance[], other: readonly ServiceInstance[]): boolean {
  return one === other || (one.length === other.length && one.every((instance, index) => sameInstance(instance, other[index] as ServiceInstance))); // as long as the other
}

function sameInstance(one: ServiceInstance, other: ServiceInstance): boolean {
  if (one === other) return true;
  const keys = Object.keys(one.metadata);
  if (one.address !== other.address || keys.length !== Object.keys(other.metadata).length) return false;
  return keys.every((key) => {
    const values = metadataValues(one.metadata, key);
    const others = metadataValues(other.metadata, key);
    return Object.hasOwn(other.metadata, key) && values.length === others.length && values.every((value, index) => value === others[index]);
  });
}

/** In the order of their addresses, each address once: the first that bears it counts. */
export function sortedInstances(instances: Iterable<ServiceInstance>): readonly ServiceInstance[] {
  const byAddress = new Map<string, ServiceInstance>();
  for (const instance of instances) if (!byAddress.has(instance.address)) byAddress.set(instance.address, instance);
  return [...byAddress.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}
