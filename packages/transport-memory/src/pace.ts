import type { Clock } from '@rpcxjs/core';

// How long deliveries follow each other before timers and I/O get their turn, in milliseconds, and how often the clock is asked.
const sliceMs = 20;
const deliveriesPerLook = 256;

/** When the deliveries of a network happen: in microtasks, which are quick, and which alone would keep everything else in the process waiting for as long as calls follow each other. */
export class Pace {
  #deliveries = 0;
  #sliceFrom: number | undefined;
  #waiting: (() => void)[] | undefined;

  soon(deliver: () => void, clock: Clock): void {
    if (this.#waiting !== undefined) this.#waiting.push(deliver);
    else if (++this.#deliveries % deliveriesPerLook === 0 && this.#isOver(clock)) this.#takeTurn(deliver, clock);
    // Not queueMicrotask, which Jest's fake timers hold.
    else void Promise.resolve().then(deliver);
  }

  #isOver(clock: Clock): boolean {
    const now = clock.now();
    this.#sliceFrom ??= now;
    return now - this.#sliceFrom >= sliceMs;
  }

  #takeTurn(deliver: () => void, clock: Clock): void {
    const waiting = [deliver];
    this.#waiting = waiting;
    clock.setTimer(() => {
      this.#waiting = undefined;
      this.#sliceFrom = clock.now();
      for (const each of waiting) each();
    }, 0);
  }
}
