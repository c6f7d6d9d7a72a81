const blockSize = 16;

/**
 * nginx's smooth weighted round robin: at each turn every server earns its weight, the richest one is chosen and pays the sum of all weights.
 * Servers of equal weight take turns among themselves, so that only the one at the head of each such ring has to be compared; and of
 * rings of similar weight, only where the richest may have become richer than the richest so far. Memory depends on neither weights nor sum.
 */
export class SmoothWheel {
  readonly #size: number;
  readonly #total: number;
  readonly #rings: readonly Ring[];
  readonly #weights: Float64Array;
  /** What the head of each ring owned when its block was last looked at. */
  readonly #credits: Float64Array;
  /** The turn in which each block was last looked at. */
  readonly #looked: Float64Array;
  /** The most that the richest ring of each block owned then. */
  readonly #tops: Float64Array;
  /** The most that a ring of each block earns in a turn. */
  readonly #heaviest: Float64Array;
  /** The most that a ring of each block can own The turn in which each block was last looked at. */
  readonly #bounds: Float64Array;
  #turn = 0;
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
    const rings = [...members].sort(([a], [b]) => a - b).map(([weight, indexes]) => ringOf(weight, indexes, credits, total));
    this.#rings = rings;
    this.#weights = Float64Array.from(rings, ({ weight }) => weight);
    this.#credits = Float64Array.from(rings, ({ indexes }) => credits[indexes[0] as number] as number); // a ring has a member
    this.#heads = Int32Array.from(rings, ({ indexes }) => indexes[0] as number); // likewise
    const blocks = Math.ceil(rings.length / blockSize);
    this.#looked = new Float64Array(blocks);
    this.#bounds = new Float64Array(blocks);
    this.#tops = new Float64Array(blocks).fill(Infinity);
    this.#heaviest = Float64Array.from({ length: blocks }, (_, block) => rings[Math.min((block + 1) * blockSize, rings.length) - 1]?.weight ?? 0);
  }

  get total(): number {
    return this.#total;
  }

  /** The index of the next server; -1 when there is none. */
  next(): number {
    const blocks = this.#tops.length;
    if (blocks === 0) return -1;
    this.#turn += 1;
    const bounds = this.#bounds;
    let first = 0;
    let highest = -Infinity;
    for (let block = 0; block < blocks; block++) {
      const bound = (this.#tops[block] as number) + (this.#turn - (this.#looked[block] as number)) * (this.#heaviest[block] as number); // within the lists
      bounds[block] = bound;
      if (bound <= highest) continue;
      highest = bound;
      first = block;
    }
    let best = this.#richest(first);
    let most = this.#tops[first] as number; // within the list
    for (let block = 0; block < blocks; block++) {
      if ((bounds[block] as number) < most || block === first) continue; // within the list
      const ring = this.#richest(block);
      if (!this.#goesFirst(ring, best)) continue;
      best = ring;
      most = this.#tops[block] as number; // within the list
    }
    return this.#pay(best);
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
    for (let block = 0; block < this.#tops.length; block++) this.#richest(block);
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

  /** The richest ring of a block, all of whose rings are given what they have earned meanwhile. */
  #richest(block: number): number {
    const credits = this.#credits;
    const weights = this.#weights;
    const turns = this.#turn - (this.#looked[block] as number); // within the list
    const start = block * blockSize;
    const end = Math.min(start + blockSize, credits.length);
    let best = start;
    let most = -Infinity;
    for (let ring = start; ring < end; ring++) {
      const credit = (credits[ring] as number) + turns * (weights[ring] as number); // within the lists
      credits[ring] = credit;
      if (credit > most || (credit === most && this.#goesFirst(ring, best))) {
        best = ring;
        most = credit;
      }
    }
    this.#looked[block] = this.#turn;
    this.#tops[block] = most;
    return best;
  }

  /** Of two equally rich ones the first in the list. */
  #goesFirst(ring: number, other: number): boolean {
    const [one, two] = [this.#credits[ring] as number, this.#credits[other] as number]; // within the list
    return one === two ? (this.#heads[ring] as number) < (this.#heads[other] as number) : one > two; // likewise
  }

  /** The head of the ring pays and goes to its end. */
  #pay(at: number): number {
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
