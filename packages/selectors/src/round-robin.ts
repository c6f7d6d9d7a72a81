import type { Pick, Picker, PickInfo, Selector } from '@rpcxjs/core';
import { picksOf } from './server-list.ts';

/** A selector that takes the servers in turn, in the order of their addresses; a changed list goes on where the old one was. */
export function roundRobin(): Selector {
  return {
    name: 'round-robin',
    build(instances, previous) {
      const picks = picksOf(instances);
      return new RoundRobinPicker(picks, previous instanceof RoundRobinPicker ? previous.place(picks) : 0);
    },
  };
}

class RoundRobinPicker implements Picker {
  readonly #picks: readonly Pick[];
  #next: number;

  constructor(picks: readonly Pick[], next: number) {
    this.#picks = picks;
    this.#next = next;
  }

  pick({ avoid }: PickInfo): Pick | undefined {
    const picks = this.#picks;
    const at = avoid === undefined ? this.#next : this.#skip(avoid);
    this.#next = at + 1 < picks.length ? at + 1 : 0;
    return picks[at];
  }

  /** Where another list goes on: at the server that is next here, or at the one behind it if that is gone. */
  place(picks: readonly Pick[]): number {
    const next = this.#picks[this.#next];
    const at = next === undefined ? 0 : picks.findIndex(({ instance }) => instance.address >= next.instance.address);
    return Math.max(at, 0);
  }

  #skip(avoid: ReadonlySet<string>): number {
    const { length } = this.#picks;
    for (let count = 0; count < length; count++) {
      const at = (this.#next + count) % length;
      if (!avoid.has((this.#picks[at] as Pick).instance.address)) return at; // within the list
    }
    return this.#next;
  }
}
