import { type Pick, type Picker, type PickInfo, type Selector, type ServiceInstance } from '@rpcxjs/core';
import { instanceWeight } from '@rpcxjs/core/discoveries';
import { lighter, Load, PendingHeap } from './pending-heap.ts';
import { ordered } from './server-list.ts';

/**
 * A selector that takes the server with the fewest calls of this client in flight, in proportion to metadata `weight`; among equals they take turns as often
 * as their weight says. Weight 0 takes a server out; when all are 0, all are equal. What is in flight is remembered when the list changes.
 */
export function leastPending(): Selector {
  return {
    name: 'least-pending',
    build: (instances, previous) => new LeastPendingPicker(ordered(instances), previous instanceof LeastPendingPicker ? previous : undefined),
  };
}

/** One object for all calls to a server, because `done` needs to know the server only. */
class CountedPick implements Pick {
  readonly instance: ServiceInstance;
  readonly load: Load;

  constructor(instance: ServiceInstance, load: Load) {
    this.instance = instance;
    this.load = load;
  }

  done(): void {
    this.load.done();
  }
}

class LeastPendingPicker implements Picker {
  readonly #heap: PendingHeap = new PendingHeap();
  readonly #loads: ReadonlyMap<string, Load>;
  /** The servers that may be picked. */
  readonly #picks: readonly CountedPick[];
  /** The turn of the latest pick. */
  #now = 0;

  constructor(instances: readonly ServiceInstance[], previous: LeastPendingPicker | undefined) {
    this.#now = previous?.turn ?? 0;
    const weights = instances.map(instanceWeight);
    const drained = weights.every((weight) => weight === 0);
    const loads = new Map<string, Load>();
    const picks: CountedPick[] = [];
    for (const [index, instance] of instances.entries()) {
      const known = previous?.takeOver(instance.address);
      const load = known ?? new Load(this.#heap);
      const weight = drained ? 1 : (weights[index] as number); // one for each instance
      load.owner = this.#heap;
      load.position = -1;
      load.weight = weight;
      load.index = index;
      loads.set(instance.address, load);
      if (weight === 0) continue;
      if (known === undefined || load.turn < this.#now) load.turn = this.#now + 1 / weight;
      const pick = new CountedPick(instance, load);
      load.pick = pick;
      picks.push(pick);
      this.#heap.add(load);
    }
    this.#loads = loads;
    this.#picks = picks;
  }

  get turn(): number {
    return this.#now;
  }

  takeOver(address: string): Load | undefined {
    const load = this.#loads.get(address);
    if (load !== undefined) load.owner.superseded = true;
    return load;
  }

  pick({ avoid }: PickInfo): Pick | undefined {
    const load = this.#heap.superseded || (avoid !== undefined && avoid.size > 0) ? this.#search(avoid) : this.#heap.least();
    if (load === undefined) return undefined;
    const now = load.turn;
    load.taken(this.#now);
    this.#now = Math.max(this.#now, now);
    return load.owner === this.#heap ? load.pick : this.#picks.find((pick) => pick.load === load);
  }

  /** Looks at each server: for a second attempt, and for a list that is no longer the newest. */
  #search(avoid: ReadonlySet<string> | undefined): Load | undefined {
    let best: Load | undefined;
    let fallback: Load | undefined;
    for (const { instance, load } of this.#picks) {
      if (fallback === undefined || lighter(load, fallback)) fallback = load;
      if (avoid?.has(instance.address) !== true && (best === undefined || lighter(load, best))) best = load;
    }
    return best ?? fallback;
  }
}
