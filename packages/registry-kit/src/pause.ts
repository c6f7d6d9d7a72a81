import { onAbort, type Clock } from '@rpcxjs/core';

/** A wait that can be cut short. If it is woken while nobody waits, the next wait ends at once. */
export class Pause {
  #wake: (() => void) | undefined;
  #woken = false;

  /** Settles after `delayMs`, when woken, or when the signal aborts. */
  wait(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (this.#woken || signal.aborted) {
        this.#woken = false;
        resolve();
        return;
      }
      const end = (): void => {
        this.#wake = undefined;
        timer.cancel();
        unlink();
        resolve();
      };
      const timer = clock.setTimer(end, delayMs);
      const unlink = onAbort(signal, end);
      this.#wake = end;
    });
  }

  wake(): void {
    if (this.#wake === undefined) this.#woken = true;
    else this.#wake();
  }
}

const firstDelayMs = 100;
const longestDelayMs = 5000;

/** Milliseconds before the next try after so many failures: full jitter, 5 s at most. */
export function backoffMs(clock: Clock, failures: number): number {
  return clock.random() * Math.min(longestDelayMs, firstDelayMs * 1.6 ** Math.min(failures, 20));
}

/** A period, up to a fifth longer or shorter, so that processes that began together do not stay in step. */
export function jitteredMs(clock: Clock, periodMs: number): number {
  return periodMs * (0.8 + 0.4 * clock.random());
}
