import type { Clock, Timer } from '../src/runtime.ts';

interface Armed extends Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that stands still until told to move; timers run in order of their time, at exactly that time. */
export class ManualClock implements Clock {
  readonly armed = new Set<Armed>();
  #now = 0;
  /** How often `setTimer` was asked. */
  timersMade = 0;

  now(): number {
    return this.#now;
  }
  wallTime(): number {
    return 1_700_000_000_000 + this.#now;
  }
  random(): number {
    return 0.5;
  }
  setTimer(run: () => void, delayMs: number): Timer {
    this.timersMade += 1;
    const timer: Armed = { at: this.#now + Math.max(0, delayMs), run, cancel: () => void this.armed.delete(timer) };
    this.armed.add(timer);
    return timer;
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#earliest(end); next !== undefined; next = this.#earliest(end)) {
      this.#now = Math.max(this.#now, next.at);
      this.armed.delete(next);
      next.run();
    }
    this.#now = end;
  }

  #earliest(end: number): Armed | undefined {
    let found: Armed | undefined;
    for (const timer of this.armed) if (timer.at <= end && (found === undefined || timer.at < found.at)) found = timer;
    return found;
  }
}
