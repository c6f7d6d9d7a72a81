import { onAbort } from './lazy-signal.ts';
import type { Clock } from './runtime.ts';

/** Waits on the given clock; rejects with the signal's reason when that aborts first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let unlink = () => {};
    const timer = clock.setTimer(() => {
      unlink();
      resolve();
    }, delayMs);
    if (signal === undefined) return;
    unlink = onAbort(signal, (reason) => {
      timer.cancel();
      reject(reason); // whatever the caller aborted with is what the caller gets
    });
  });
}
