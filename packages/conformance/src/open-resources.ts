import { systemClock } from '@rpcxjs/core';
import type { Clock, Timer } from '@rpcxjs/core';
import { claim } from './case.ts';

// What a transport may keep for all its connections together, a tick of its own for instance.
const sharedTimers = 10;

/** The system's clock, which knows how many of its timers wait. */
export class CountingClock implements Clock {
  pendingTimers = 0;
  readonly now: () => number = systemClock.now;
  readonly wallTime: () => number = systemClock.wallTime;
  readonly random: () => number = systemClock.random;

  setTimer(run: () => void, delayMs: number): Timer {
    let waits = true;
    const over = (): void => {
      if (waits) this.pendingTimers--;
      waits = false;
    };
    this.pendingTimers++;
    const timer = systemClock.setTimer(() => {
      over();
      run();
    }, delayMs);
    return {
      cancel() {
        over();
        timer.cancel();
      },
    };
  }
}

/** What is open: handles and requests of a Node process, undefined elsewhere, and timers of the clock. */
export interface OpenResources {
  readonly handles: number | undefined;
  readonly timers: number;
}

export function openResources(clock: CountingClock): OpenResources {
  const { process } = globalThis as { process?: { getActiveResourcesInfo?: () => string[] } }; // present on Node only
  return { handles: process?.getActiveResourcesInfo?.().filter((kind) => kind.endsWith('Wrap')).length, timers: clock.pendingTimers };
}

/** Waits a while until no more is open than before, then throws a sentence when there is. `what` was opened in between. */
export async function nothingLeft(clock: CountingClock, before: OpenResources, what: string): Promise<void> {
  const more = (): { readonly handles: number; readonly timers: number } => {
    const { handles, timers } = openResources(clock);
    return { handles: (handles ?? 0) - (before.handles ?? 0), timers: timers - before.timers - sharedTimers };
  };
  for (let round = 0; round < 100 && (more().handles > 0 || more().timers > 0); round++) await new Promise<void>((resolve) => systemClock.setTimer(resolve, Math.min(10, round)));
  const left = openResources(clock);
  claim(more().handles <= 0, `${String(left.handles)} handles are open, before ${what} it were ${String(before.handles)}`);
  claim(more().timers <= 0, `${left.timers} timers wait, before ${what} it were ${before.timers}`);
}
