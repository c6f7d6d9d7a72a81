import type { Pick, ServiceInstance } from '@rpcxjs/core';

/** The instances in the order of their addresses, each address once: the first entry that bears it counts. */
export function ordered(instances: readonly ServiceInstance[]): readonly ServiceInstance[] {
  for (let at = 1; at < instances.length; at++) {
    if (!((instances[at - 1] as ServiceInstance).address < (instances[at] as ServiceInstance).address)) return distinct(instances); // both within the list
  }
  return instances;
}

function distinct(instances: readonly ServiceInstance[]): readonly ServiceInstance[] {
  const found = new Map<string, ServiceInstance>();
  for (const instance of instances) if (!found.has(instance.address)) found.set(instance.address, instance);
  return [...found.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}

/** One pick for each instance, made once, so that picking allocates nothing. */
export function picksOf(instances: readonly ServiceInstance[]): readonly Pick[] {
  return ordered(instances).map((instance) => ({ instance }));
}

/** The picks that are not avoided, or all of them when none is left: trying one again is better than trying none. */
export function unavoided<T extends Pick>(picks: readonly T[], avoid: ReadonlySet<string> | undefined): readonly T[] {
  if (avoid === undefined || avoid.size === 0) return picks;
  const left = picks.filter(({ instance }) => !avoid.has(instance.address));
  return left.length === 0 ? picks : left;
}
