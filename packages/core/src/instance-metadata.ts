import type { InstanceMetadata, ServiceInstance } from './discovery.ts';

const heaviest = 1_000_000;

/** All values of one key in their order, none when it is missing. Looks at own keys only, whatever the key is called. */
export function metadataValues(metadata: InstanceMetadata, key: string): readonly string[] {
  const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value : []; // what is no text is nothing
}

/** Keeps the instances of one group; an instance may be in several (rpcx client/xclient_discovery.go, filterByStateAndGroup). For `filterInstances`. */
export function inGroup(group: string): (instance: ServiceInstance) => boolean {
  return ({ metadata }) => metadataValues(metadata, 'group').includes(group);
}

/** False for a server with `state=inactive`, as one that is shutting down has. For `filterInstances`; clients leave such servers out by themselves. */
export function isActive({ metadata }: ServiceInstance): boolean {
  return metadataValues(metadata, 'state')[0] !== 'inactive';
}

/**
 * How much of the traffic an instance wants: the whole number in `weight`, 0 for none of it, at most 1 000 000.
 * 1 without a usable one, as in rpcx (client/selector.go, createWeighted); a negative number, `NaN`, `1e9` and `0.5` are not usable.
 */
export function instanceWeight({ metadata }: ServiceInstance): number {
  const weight = weightText(metadata);
  return weight === undefined || !wholeNumber.test(weight) ? 1 : Math.min(Number(weight), heaviest);
}

/** Whether `weight` has a valid value. */
export function hasUsableWeight({ metadata }: ServiceInstance): boolean {
  const weight = weightText(metadata);
  return weight === undefined || weight === '' || (wholeNumber.test(weight) && Number(weight) <= heaviest);
}

// rpcx reads what strconv.Atoi reads.
const wholeNumber = /^\+?\d{1,18}$/;

function weightText(metadata: InstanceMetadata): string | undefined {
  return metadataValues(metadata, 'weight')[0];
}
