import type { Clock, MaybePromise } from '@rpcxjs/core';

/** Lets only so many asynchronous works go on at once. The others wait, and their owners take turns. Work that ends in the turn in which it began is not counted. */
export class TurnTaking {
  running = 0;
  waiting = 0;
  readonly #most: number;
  readonly #clock: Clock;
  /** Who waits, of each owner in its order; the owner whose turn is next comes first. */
  readonly #queues = new Map<object, (() => void)[]>();
  #later = false;

  constructor(most: number, clock: Clock) {
    this.#most = most;
    this.#clock = clock;
  }

  /** Whether work may begin at once. */
  get free(): boolean {
    return this.running < this.#most && this.waiting === 0;
  }

  /** Counts a work that was begun because there was room; gives it back. */
  begun<T>(work: MaybePromise<T>): MaybePromise<T> {
    if (work instanceof Promise) {
      this.running += 1;
      work.then(this.#ended, this.#ended);
    }
    return work;
  }

  /**
   * What `start` gives when it has its turn; rejects with what it throws. It runs in the context in which it came: begun by a work that has ended, it would
   * keep that one's call in memory.
   */
  wait<T>(owner: object, start: () => MaybePromise<T>): Promise<T> {
    this.waiting += 1;
    const admitted = new Promise<void>((admit) => {
      const queue = this.#queues.get(owner);
      if (queue === undefined) this.#queues.set(owner, [admit]);
      else queue.push(admit);
    });
    return admitted.then(() => this.#begin(start));
  }

  /** Runs what has a place. */
  #begin<T>(start: () => MaybePromise<T>): MaybePromise<T> {
    let result: MaybePromise<T> | undefined;
    try {
      result = start();
      return result;
    } finally {
      if (result instanceof Promise) result.then(this.#ended, this.#ended);
      else this.#endedAtOnce();
    }
  }

  readonly #ended = (): void => {
    this.running -= 1;
    this.#next();
  };

  /** The next ones begin in a turn of their own: thousands of quick ones may have waited. */
  #endedAtOnce(): void {
    this.running -= 1;
    if (this.#later || this.waiting === 0) return;
    this.#later = true;
    this.#clock.setTimer(() => {
      this.#later = false;
      this.#next();
    }, 0);
  }

  #next(): void {
    for (const [owner, queue] of this.#queues) {
      if (this.running >= this.#most) return;
      const admit = queue.shift();
      this.#queues.delete(owner);
      // Behind all others, where this loop comes by again.
      if (queue.length > 0) this.#queues.set(owner, queue);
      this.waiting -= 1;
      this.running += 1;
      admit?.();
    }
  }
}
