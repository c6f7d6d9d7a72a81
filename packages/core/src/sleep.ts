import { onAbort } from './lazy-signal.ts';
import type { Clock } from './runtime.ts';

/** Waits on the given clock; rejects with the signal's reason when that aborts first. */
export async function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    let unlink: (() => void) | undefined;
    const timer = clock.setTimer(() => {
      unlink?.();
      resolve();
    }, delayMs);
    unlink = signal && onAbort(signal, () => {
      timer.cancel();
      resolve();
    });
  });
  signal?.throwIfAborted();
}
