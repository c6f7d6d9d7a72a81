import type { Clock, Timer } from './runtime.ts';

// Node and browsers fire a longer timer after 1 ms instead of never.
const longestTimerMs = 2 ** 31 - 1;

class SystemTimer implements Timer {
  #handle: ReturnType<typeof setTimeout> | undefined;
  #remainingMs: number;
  readonly #run: () => void;

  constructor(run: () => void, delayMs: number) {
    this.#run = run;
    this.#remainingMs = delayMs > 0 ? delayMs : 0;
    this.#arm();
  }

  #arm(): void {
    const stepMs = Math.min(this.#remainingMs, longestTimerMs);
    this.#remainingMs -= stepMs;
    this.#handle = setTimeout(() => {
      if (this.#remainingMs > 0) this.#arm();
      else this.#run();
    }, stepMs);
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}

/** The process's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  random: () => Math.random(),
  setTimer: (run, delayMs) => new SystemTimer(run, delayMs),
};
