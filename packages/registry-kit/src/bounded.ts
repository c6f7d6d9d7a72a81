import { onAbort, type Clock } from '@rpcxjs/core';

/** How long work may take, and who may end it earlier. */
export interface Bounds {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly timeoutMs: number;
  readonly signals?: readonly (AbortSignal | undefined)[] | undefined;
  /** What the work rejects with when its time is over. */
  late(): Error;
}

/** Runs work and settles in time, even if the work does not look at its signal: with its own result, with a signal's reason, or with `late()`. */
export function bounded<T>(bounds: Bounds, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const unlinks: (() => void)[] = [];
    const settle = (): void => {
      timer.cancel();
      for (const unlink of unlinks) unlink();
    };
    const give = (reason: unknown): void => {
      settle();
      reject(reason);
      controller.abort(reason);
    };
    const timer = bounds.clock.setTimer(() => give(bounds.late()), bounds.timeoutMs);
    for (const signal of bounds.signals ?? []) if (signal !== undefined) unlinks.push(onAbort(signal, give));
    if (controller.signal.aborted) return;
    work(controller.signal).then(
      (value) => {
        settle();
        resolve(value);
      },
      (error: unknown) => {
        settle();
        reject(error);
      },
    );
  });
}
