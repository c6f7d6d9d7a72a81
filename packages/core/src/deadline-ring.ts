import type { Clock, Timer } from './runtime.ts';

/** Told once when its time has come; it is out of the ring by then, and may add to it and remove from it. */
export interface Expirable {
  expired(): void;
}

const rings = new WeakMap<Clock, DeadlineRing>();
// Expiry is at most this late, and timers that are re-armed for earlier deadlines stay few.
const grainMs = 4;

/**
 * All deadlines of one clock, swept by one timer. Adding and removing cost a few array writes, no allocation and, as long as the
 * earliest deadline does not move forward, no timer; a sweep reads a flat array of numbers.
 */
export class DeadlineRing {
  /** The ring that everything on this clock shares. */
  static of(clock: Clock): DeadlineRing {
    let ring = rings.get(clock);
    if (ring === undefined) rings.set(clock, (ring = new DeadlineRing(clock)));
    return ring;
  }

  readonly #clock: Clock;
  #at = new Float64Array(0);
  readonly #entries: (Expirable | undefined)[] = [];
  #free = new Int32Array(0);
  #freeCount = 0;
  #timer: Timer | undefined;
  #fireAt = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#at.length - this.#freeCount;
  }

  /** Returns the handle that `remove` takes. `at` is on the clock's `now` axis; Infinity and NaN never expire. */
  add(at: number, entry: Expirable): number {
    if (this.#freeCount === 0) this.#grow();
    const index = this.#free[--this.#freeCount] as number;
    this.#at[index] = at;
    this.#entries[index] = entry;
    if (at < this.#fireAt) this.#arm(at);
    return index;
  }

  /** Each handle may be removed once, and not after it expired. */
  remove(index: number): void {
    this.#at[index] = Infinity;
    this.#entries[index] = undefined;
    this.#free[this.#freeCount++] = index;
    if (this.#freeCount === this.#at.length) this.#disarm();
  }

  #arm(at: number): void {
    // Rounding can give a time before `at`; the timer would fire too early, and be armed again without end.
    const fireAt = Math.max(at, Math.ceil(at / grainMs) * grainMs);
    if (fireAt >= this.#fireAt) return;
    this.#timer?.cancel();
    this.#fireAt = fireAt;
    const delayMs = this.#fireAt - this.#clock.now();
    // Below 1 ms a delay may be rounded to 0, and on a clock that stands still the timer would fire for ever.
    this.#timer = this.#clock.setTimer(this.#sweep, delayMs > 0 && delayMs < 1 ? 1 : delayMs);
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#fireAt = Infinity;
  }

  readonly #sweep = (): void => {
    this.#disarm();
    const now = this.#clock.now();
    const due: number[] = [];
    let next = Infinity;
    for (let index = 0; index < this.#at.length; index++) {
      const at = this.#at[index] as number;
      if (at <= now) due.push(index);
      else if (at < next) next = at;
    }
    if (next < Infinity) this.#arm(next);
    let told = 0;
    try {
      for (; told < due.length; told++) this.#expire(due[told] as number, now);
    } finally {
      // One that throws must not keep those behind it waiting.
      if (told < due.length) this.#arm(now);
    }
  };

  #expire(index: number, now: number): void {
    // Whoever expired before may have removed it, or removed it and put another into its place.
    if (!((this.#at[index] as number) <= now)) return;
    const entry = this.#entries[index] as Expirable;
    this.remove(index);
    entry.expired();
  }

  #grow(): void {
    const before = this.#at.length;
    const after = before * 2 || 64;
    const at = new Float64Array(after).fill(Infinity);
    at.set(this.#at);
    this.#at = at;
    this.#free = new Int32Array(after);
    for (let index = after - 1; index >= before; index--) this.#free[this.#freeCount++] = index;
    // One after the other: an array that is written far behind its end becomes a hash table.
    for (let index = before; index < after; index++) this.#entries.push(undefined);
  }
}
