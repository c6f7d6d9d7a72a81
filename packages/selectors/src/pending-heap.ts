import type { Pick } from '@rpcxjs/core';

/** What one server has in flight, through all lists of a service. */
export class Load {
  pending = 0;
  /** Its turn among servers of equal load, which grows by 1 / weight with each pick. */
  turn = 0;
  weight = 1;
  /** Its place in the list of its owner. */
  index = 0;
  /** Its place in the heap of its owner. */
  position = -1;
  owner: PendingHeap;
  /** Its pick in the newest list. */
  pick: Pick | undefined;

  constructor(owner: PendingHeap) {
    this.owner = owner;
  }

  taken(now: number): void {
    this.pending += 1;
    this.turn = Math.max(now, this.turn) + 1 / this.weight;
    this.owner.changed(this);
  }

  done(): void {
    if (this.pending === 0) return;
    this.pending -= 1;
    this.owner.changed(this);
  }
}

/** The less loaded one, in proportion to its weight, and of two equals the one whose turn it is, or which stands first in the list. */
export function lighter(one: Load, other: Load): boolean {
  const [left, right] = [one.pending * other.weight, other.pending * one.weight];
  if (left !== right) return left < right;
  return one.turn === other.turn ? one.index < other.index : one.turn < other.turn;
}

/** The servers of one list, the least loaded first. One whose servers another list took over is `superseded` and out of order. */
export class PendingHeap {
  superseded = false;
  readonly #loads: Load[] = [];

  add(load: Load): void {
    load.position = this.#loads.length;
    this.#loads.push(load);
    this.changed(load);
  }

  least(): Load | undefined {
    return this.#loads[0];
  }

  /** Moves a server whose load has changed to where it belongs. */
  changed(load: Load): void {
    if (this.superseded || load.position < 0) return;
    this.#sink(load);
    this.#rise(load);
  }

  #rise(load: Load): void {
    const loads = this.#loads;
    let at = load.position;
    while (at > 0) {
      const parent = loads[(at - 1) >> 1] as Load; // within the heap
      if (!lighter(load, parent)) break;
      this.#put(at, parent);
      at = (at - 1) >> 1;
    }
    this.#put(at, load);
  }

  #sink(load: Load): void {
    const loads = this.#loads;
    let at = load.position;
    for (;;) {
      let child = 2 * at + 1;
      const left = loads[child];
      if (left === undefined) break;
      const right = loads[child + 1];
      let least = left;
      if (right !== undefined && lighter(right, left)) {
        least = right;
        child += 1;
      }
      if (!lighter(least, load)) break;
      this.#put(at, least);
      at = child;
    }
    this.#put(at, load);
  }

  #put(at: number, load: Load): void {
    this.#loads[at] = load;
    load.position = at;
  }
}
