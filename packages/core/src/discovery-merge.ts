import { checkedSource } from './checked-source.ts';
import { instanceFeed } from './discovery-feed.ts';
import { followDiscovery } from './discovery-follow.ts';
import type { Discovery, ServiceInstance } from './discovery.ts';
import { isActive } from './instance-metadata.ts';
import { sameInstances, sortedInstances } from './service-instance.ts';
import type { Timer } from './runtime.ts';

type Lists = readonly (readonly ServiceInstance[] | undefined)[];

/** How long sources that have spoken wait for one that has not. */
const patienceMs = 200;

/**
 * The instances of all sources together, by address; where two name the same one, the earlier source's word on it counts.
 *
 * The first list comes when every source has spoken or failed, at the latest 200 ms after the first of them did, so that a slow one holds nobody up for
 * long and no client works with half a list for longer than it must. An empty list waits for all of them. A source that fails keeps its last list and is
 * asked again; the watcher gets the error only if no source has said anything.
 */
export function merge(...sources: readonly Discovery[]): Discovery {
  return combined('merge', sources, { join: (lists) => sortedInstances(lists.flatMap((list) => list ?? [])), complete: () => false });
}

/** The first source's instances while any of them is active, else the second's: the own zone first, then the others. Waits and fails as `merge` does. */
export function prefer(first: Discovery, second: Discovery): Discovery {
  const serves = (list: readonly ServiceInstance[] | undefined): boolean | undefined => list?.some(isActive);
  return combined('prefer', [first, second], { join: (lists) => lists.find(serves) ?? lists[0] ?? [], complete: ([first]) => serves(first) });
}

interface Combination {
  /** Pure; undefined stands for a source that has not spoken. */
  join(lists: Lists): readonly ServiceInstance[];
  /** Whether the others need not be waited for. */
  complete(lists: Lists): boolean | undefined;
}

function combined(name: string, sources: readonly Discovery[], { join, complete }: Combination): Discovery {
  if (sources.length === 0) throw new TypeError(`${name}() has nothing to combine: give it at least one discovery`);
  for (const source of sources) checkedSource(name, source);
  return {
    watch: (service, options) => instanceFeed(options.signal, (feed) => {
      const lists: (readonly ServiceInstance[] | undefined)[] = sources.map(() => undefined);
      const silent = new Set(sources.keys());
      const failures = new Map<number, unknown>();
      let open = sources.length;
      let patience: Timer | undefined;
      let impatient = false;
      let told: readonly ServiceInstance[] | undefined;

      const tell = (): void => {
        const list = join(lists);
        const early = impatient && list.length > 0;
        if (told === undefined && silent.size > 0 && !early && !complete(lists)) {
          if (!impatient) patience ??= options.runtime.clock.setTimer(() => {
            impatient = true;
            tell();
          }, patienceMs);
          return;
        }
        patience?.cancel();
        if (failures.size > 0 && lists.every((one) => one === undefined)) feed.fail([...failures.values()][0]);
        else if (told === undefined || !sameInstances(told, list)) feed.push((told = list));
      };
      const stops = sources.map((source, index) => followDiscovery(source, service, options, {
        list(instances) {
          lists[index] = instances;
          silent.delete(index);
          tell();
        },
        failed(error) {
          if (lists[index] === undefined) failures.set(index, error);
          silent.delete(index);
          if (told === undefined) tell();
        },
        ended() {
          silent.delete(index);
          open -= 1;
          if (told === undefined) tell();
          if (open === 0) feed.end();
        },
      }));
      return () => {
        patience?.cancel();
        for (const stop of stops) stop();
      };
    }),
  };
}
