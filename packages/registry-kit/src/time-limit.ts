import { onAbort, type Clock } from '@rpcxjs/core';

/** A signal that ends in time. */
export interface TimeLimit {
  readonly signal: AbortSignal;
  /** Takes the timer off; whatever listens to the signal may stop. */
  end(): void;
}
/** How long, and who else may end it. */
export interface TimeLimitInit {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly ms: number;
  readonly outer?: AbortSignal | undefined;
  /** The reason when the time is over. */
  readonly late: () => Error;
}

/** A signal that aborts when another does, or with `late()` when the time is over. */
export function timeLimit({ clock, ms, outer, late }: TimeLimitInit): TimeLimit {
  const controller = new AbortController();
  const timer = clock.setTimer(() => controller.abort(late()), ms);
  const unlink = outer === undefined ? () => {} : onAbort(outer, (reason) => controller.abort(reason));
  return {
    signal: controller.signal,
    end: () => {
      timer.cancel();
      unlink();
    },
  };
}
