import { setImmediate as turn } from 'node:timers/promises';
import type { Clock, Timer } from '@rpcxjs/core';
import { seededRandom } from './seeded-random.ts';

export interface ManualClockOptions {
  /** Where monotonic time begins, in milliseconds. @default 0 */
  readonly startMs?: number | undefined;
  /** Where wall time begins, in milliseconds since 1970. @default 1767225600000 (2026-01-01T00:00:00Z) */
  readonly wallTimeMs?: number | undefined;
  /** Seed of `random()`. @default 1 */
  readonly seed?: number | undefined;
}

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** How many timers wait. */
  readonly pending: number;
  /** The monotonic time of the next timer, undefined when none waits. */
  readonly nextAt: number | undefined;
  /**
   * Moves both times forward and runs the timers that come due, each at its own time, in the order of their times and then of their making;
   * also those that are made on the way. What a timer throws comes out here, with the clock at that timer's time.
   */
  advance(byMs: number): void;
  /** As `advance`, and lets promises and I/O that is ready settle before the first timer and after each. */
  advanceAsync(byMs: number): Promise<void>;
  /** Sets wall time forward or back, as an administrator or NTP does; timers and `now()` do not notice. */
  stepWallTime(byMs: number): void;
}

interface Entry {
  readonly at: number;
  readonly run: () => void;
}

/** Makes a clock to hold, for tests: time passes when the test says so, and draws repeat. */
export function manualClock(options: ManualClockOptions = {}): ManualClock {
  const entries: Entry[] = [];
  let now = options.startMs ?? 0;
  let wallOffset = (options.wallTimeMs ?? Date.UTC(2026, 0, 1)) - now;

  /** Takes the next timer out if it is due by then, and moves the clock to it. */
  const take = (until: number): Entry | undefined => {
    const first = entries[0];
    if (first === undefined || first.at > until) return undefined;
    entries.shift();
    now = Math.max(now, first.at);
    return first;
  };
  const target = (byMs: number): number => {
    if (!(byMs >= 0)) throw new TypeError(`manualClock: cannot advance by ${byMs} ms; time does not go back, only wall time does (stepWallTime)`);
    return now + byMs;
  };

  return {
    now: () => now,
    wallTime: () => now + wallOffset,
    random: seededRandom(options.seed ?? 1),
    setTimer(run, delayMs): Timer {
      const entry: Entry = { at: now + (delayMs > 0 ? delayMs : 0), run };
      entries.splice(place(entries, entry.at), 0, entry);
      return {
        cancel() {
          const at = entries.indexOf(entry);
          if (at >= 0) entries.splice(at, 1);
        },
      };
    },
    get pending() {
      return entries.length;
    },
    get nextAt() {
      return entries[0]?.at;
    },
    advance(byMs) {
      const until = target(byMs);
      for (let entry = take(until); entry !== undefined; entry = take(until)) entry.run();
      now = until;
    },
    async advanceAsync(byMs) {
      const until = target(byMs);
      await turn();
      for (let entry = take(until); entry !== undefined; entry = take(until)) {
        entry.run();
        await turn();
      }
      now = Math.max(now, until);
    },
    stepWallTime(byMs) {
      wallOffset += byMs;
    },
  };
}

/** The index after the last entry that is not later. */
function place(entries: readonly Entry[], at: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.at ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
