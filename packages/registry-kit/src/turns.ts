import { onAbort } from '@rpcxjs/core';

interface Waiting {
  begin(): void;
  fail(error: unknown): void;
}

/** So many at a time; the others wait for their turn, in their order. */
export class Turns {
  #free: number;
  readonly #waiting = new Set<Waiting>();

  constructor(most: number) {
    this.#free = most;
  }

  /** Resolves when its turn has come, with the function that ends it; rejects with the reason of a signal, or with what `fail` is given. */
  take(...signals: readonly (AbortSignal | undefined)[]): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const unlinks: (() => void)[] = [];
      const left = (): void => {
        for (const unlink of unlinks) unlink();
        this.#waiting.delete(waiting);
      };
      const begin = (): void => {
        left();
        this.#free -= 1;
        let isOver = false;
        resolve(() => {
          if (isOver) return;
          isOver = true;
          this.#free += 1;
          const [next] = this.#waiting;
          next?.begin();
        });
      };
      const fail = (error: unknown): void => {
        left();
        reject(error);
      };
      const waiting: Waiting = { begin, fail };
      const over = signals.find((signal) => signal?.aborted === true);
      if (over !== undefined) fail(over.reason);
      else if (this.#free > 0) begin();
      else {
        this.#waiting.add(waiting);
        for (const signal of signals) if (signal !== undefined) unlinks.push(onAbort(signal, fail));
      }
    });
  }

  /** For all that wait: their turn will not come. */
  fail(error: unknown): void {
    for (const waiting of this.#waiting) waiting.fail(error);
  }
}
