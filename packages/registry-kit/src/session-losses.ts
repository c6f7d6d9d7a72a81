import { onAbort } from '@rpcxjs/core';
import type { Bounded } from './key-value-store.ts';

/** The ends of a store's sessions, as `KeyValueStore.sessionLost` tells them. */
export class SessionLosses {
  readonly #closed: AbortSignal;
  readonly #watchers = new Set<() => void>();

  /** `closed` aborts when the store is closed. */
  constructor(closed: AbortSignal) {
    this.#closed = closed;
  }

  /** The session has ended. Whoever is busy hears of it once, however often it ends meanwhile. */
  tell(): void {
    for (const lost of this.#watchers) lost();
  }

  /** Yields after each `tell`. Ends when the store is closed, rejects with the signal's reason when that aborts. */
  async *watch({ signal }: Bounded): AsyncGenerator<void, void> {
    let [isLost, wake] = [false, (): void => {}];
    const lost = (): void => {
      isLost = true;
      wake();
    };
    this.#watchers.add(lost);
    const unlinks = [onAbort(signal, () => wake()), onAbort(this.#closed, () => wake())];
    try {
      for (;;) {
        while (!isLost && !signal.aborted && !this.#closed.aborted) await new Promise<void>((resolve) => (wake = resolve));
        signal.throwIfAborted();
        if (this.#closed.aborted) return;
        isLost = false;
        yield;
      }
    } finally {
      this.#watchers.delete(lost);
      for (const unlink of unlinks) unlink();
    }
  }
}
