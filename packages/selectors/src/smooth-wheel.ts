/**
 * nginx's smooth weighted round robin: at each turn every server earns its weight, the richest one is chosen and pays the sum of all weights.
 * Servers of equal weight take turns among themselves, so that only the one at the head of each such ring has to be compared: a turn costs as
 * many steps as there are different weights, and memory depends on neither weights nor sum.
 */
export class SmoothWheel {
  readonly #size: number;
  readonly #total: number;
  readonly #rings: readonly Ring[];
  readonly #weights: Float64Array;
  /** What the head of each ring owns. */
  readonly #credits: Float64Array;
  readonly #heads: Int32Array;

  /** Weights of 0 are left out, unless all are 0: then all are equal. `earned` is what each server owned of `earnedOf`, the total of another wheel. */
  constructor(weights: readonly number[], earned?: readonly (number | undefined)[], earnedOf: number = 0) {
    const drained = weights.every((weight) => weight === 0);
    const used = drained ? weights.map(() => 1) : weights;
    this.#size = weights.length;
    this.#total = used.reduce((sum, weight) => sum + weight, 0);
    const total = this.#total;
    const credits = used.map((_, index) => {
      const credit = earned?.[index] ?? 0;
      return earnedOf === total || credit === 0 ? credit : Math.round((credit * total) / earnedOf);
    });
    const members = new Map<number, number[]>();
    for (const [index, weight] of used.entries()) {
      const ring = members.get(weight);
      if (ring !== undefined) ring.push(index);
      else if (weight > 0) members.set(weight, [index]);
    }
    const rings = [...members].map(([weight, indexes]) => ringOf(weight, indexes, credits, total));
    this.#rings = rings;
    this.#weights = Float64Array.from(rings, ({ weight }) => weight);
    this.#credits = Float64Array.from(rings, ({ indexes }) => credits[indexes[0] as number] as number); // a ring has a member
    this.#heads = Int32Array.from(rings, ({ indexes }) => indexes[0] as number); // likewise
  }

  get total(): number {
    return this.#total;
  }

  /** The index of the next server; -1 when there is none. */
  next(): number {
    const weights = this.#weights;
    const credits = this.#credits;
    const heads = this.#heads;
    let best = -1;
    let most = -Infinity;
    for (let ring = 0; ring < weights.length; ring++) {
      const credit = (credits[ring] as number) + (weights[ring] as number); // within the list
      credits[ring] = credit;
      if (credit > most || (credit === most && (heads[ring] as number) < (heads[best] as number))) {
        best = ring;
        most = credit;
      }
    }
    return best < 0 ? -1 : this.#turn(best);
  }

  /** As `next`, leaving out what is avoided while there is anything else. */
  nextBut(avoided: (index: number) => boolean): number {
    const tries = Math.min(2 * this.#size, 64);
    let index = this.next();
    for (let count = 1; count < tries && avoided(index); count++) index = this.next();
    if (index < 0 || !avoided(index)) return index;
    const members = this.#rings.flatMap(({ indexes }) => indexes).sort((a, b) => a - b);
    const from = members.indexOf(index);
    return [...members.slice(from), ...members.slice(0, from)].find((member) => !avoided(member)) ?? index;
  }

  /** What each server owns, for the wheel that takes over; undefined for those left out. */
  earned(): (number | undefined)[] {
    const earned = Array.from<number | undefined>({ length: this.#size });
    for (const [at, { indexes, steps, head }] of this.#rings.entries()) {
      let credit = this.#credits[at] as number; // one for each ring
      for (let count = 0; count < indexes.length; count++) {
        const member = (head + count) % indexes.length;
        earned[indexes[member] as number] = credit; // within the list
        credit -= steps[member] as number; // likewise
      }
    }
    return earned;
  }

  /** The head of the ring pays and goes to its end. */
  #turn(at: number): number {
    const ring = this.#rings[at] as Ring; // a ring of this wheel
    const { indexes, steps, head } = ring;
    const chosen = indexes[head] as number; // within the list
    const total = this.#total;
    if (indexes.length === 1) {
      (this.#credits[at] as number) -= total; // one for each ring
      return chosen;
    }
    const step = steps[head] as number; // within the list
    const last = head === 0 ? indexes.length - 1 : head - 1;
    steps[last] = total - ring.spread;
    ring.spread = total - step;
    (this.#credits[at] as number) -= step; // one for each ring
    ring.head = head + 1 === indexes.length ? 0 : head + 1;
    this.#heads[at] = indexes[ring.head] as number; // within the list
    return chosen;
  }
}

/** Servers of one weight, the richest at the head. */
interface Ring {
  readonly weight: number;
  readonly indexes: readonly number[];
  /** By how much each is richer than the one behind it; not of the last. */
  readonly steps: number[];
  head: number;
  /** By how much the head is richer than the last. */
  spread: number;
}

/** Nobody in a ring owes more than one payment, or whoever has just paid would not be its last. */
function ringOf(weight: number, indexes: number[], credits: number[], total: number): Ring {
  const credit = (index: number): number => credits[index] as number; // within the list
  indexes.sort((a, b) => credit(b) - credit(a) || a - b);
  const least = credit(indexes[0] as number) - total; // a ring has a member
  for (const index of indexes) credits[index] = Math.max(credit(index), least);
  const steps = indexes.map((index, at) => credit(index) - credit(indexes[at + 1] ?? index));
  return { weight, indexes, steps, head: 0, spread: steps.reduce((sum, step) => sum + step, 0) };
}
