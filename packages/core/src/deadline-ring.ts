import type { Clock, Timer } from './runtime.ts';

/** Told once when its time has come; it is out of the ring by then. */
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
  #at = new Float64Array(64).fill(Infinity);
  readonly #entries: (Expirable | undefined)[] = new Array<undefined>(64).fill(undefined);
  #free = Int32Array.from({ length: 64 }, (_, index) => 63 - index);
  #freeCount = 64;
  #timer: Timer | undefined;
  #fireAt = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#at.length - this.#freeCount;
  }

  /** Returns the handle that `remove` takes. `at` is on the clock's `now` axis; Infinity never expires. */
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
    this.#timer?.cancel();
    this.#fireAt = Math.ceil(at / grainMs) * grainMs;
    this.#timer = this.#clock.setTimer(this.#sweep, this.#fireAt - this.#clock.now());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#fireAt = Infinity;
  }

  readonly #sweep = (): void => {
    this.#disarm();
    const now = this.#clock.now();
    const due: Expirable[] = [];
    let next = Infinity;
    for (let index = 0; index < this.#at.length; index++) {
      const at = this.#at[index] as number;
      if (at > now) {
        if (at < next) next = at;
        continue;
      }
      due.push(this.#entries[index] as Expirable);
      this.remove(index);
    }
    if (next < this.#fireAt) this.#arm(next);
    for (const entry of due) entry.expired();
  };

  #grow(): void {
    const before = this.#at.length;
    const at = new Float64Array(before * 2).fill(Infinity);
    at.set(this.#at);
    this.#at = at;
    this.#free = new Int32Array(before * 2);
    for (let index = before * 2 - 1; index >= before; index--) {
      this.#free[this.#freeCount++] = index;
      this.#entries[index] = undefined;
    }
  }
}
