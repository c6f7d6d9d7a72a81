import { type Pick, type Picker, type PickInfo, type Selector } from '@rpcxjs/core';
import { instanceWeight } from '@rpcxjs/core/discoveries';
import { picksOf } from './server-list.ts';
import { SmoothWheel } from './smooth-wheel.ts';

/**
 * A selector that takes the servers in turn as often as their metadata `weight` says, smoothly: 5, 1 and 1 give a a b a c a a (rpcx `client/selector.go`,
 * weightedRoundRobinSelector). Weight 0 takes a server out; when all are 0, all are equal. A changed list goes on where the old one was.
 */
export function weightedRoundRobin(): Selector {
  return {
    name: 'weighted-round-robin',
    build(instances, previous) {
      const picks = picksOf(instances);
      return new WeightedPicker(picks, wheelOf(picks, previous instanceof WeightedPicker ? previous : undefined));
    },
  };
}

function wheelOf(picks: readonly Pick[], previous: WeightedPicker | undefined): SmoothWheel {
  const weights = picks.map(({ instance }) => instanceWeight(instance));
  if (previous === undefined) return new SmoothWheel(weights);
  const earned = previous.earned();
  return new SmoothWheel(weights, picks.map(({ instance }) => earned.get(instance.address)), previous.total);
}

class WeightedPicker implements Picker {
  readonly #picks: readonly Pick[];
  readonly #wheel: SmoothWheel;

  constructor(picks: readonly Pick[], wheel: SmoothWheel) {
    this.#picks = picks;
    this.#wheel = wheel;
  }

  get total(): number {
    return this.#wheel.total;
  }

  pick({ avoid }: PickInfo): Pick | undefined {
    const picks = this.#picks;
    if (picks.length < 2) return picks[0];
    if (avoid === undefined || avoid.size === 0) return picks[this.#wheel.next()];
    return picks[this.#wheel.nextBut((index) => avoid.has((picks[index] as Pick).instance.address))]; // within the list
  }

  earned(): ReadonlyMap<string, number | undefined> {
    const earned = this.#wheel.earned();
    return new Map(this.#picks.map(({ instance }, index) => [instance.address, earned[index]]));
  }
}
