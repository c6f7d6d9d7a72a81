import type { ServiceInstance } from './discovery.ts';
import { onAbort } from './lazy-signal.ts';

/** The functions by which a source feeds a watcher. */
export interface InstanceFeed {
  /** The whole list. It takes the place of one that the watcher has not read yet. */
  push(instances: readonly ServiceInstance[]): void;
  /** Nothing more will come; what was pushed is still read. */
  end(): void;
  /** As `end`, with an error for the watcher. */
  fail(error: unknown): void;
}

type Result = IteratorResult<readonly ServiceInstance[], undefined>;
interface Reader {
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * One watcher of a discovery, for sources that push: what `watch` returns. `start` runs at the first read and returns what stops it, which runs once:
 * when the signal aborts, the reader leaves, or the feed ends. A read that waits then ends at once. A slow reader sees only the newest list.
 */
export function instanceFeed(signal: AbortSignal | undefined, start: (feed: InstanceFeed) => () => void): AsyncIterableIterator<readonly ServiceInstance[]> {
  return new Watcher(signal, start);
}

/** new → open → over. */
class Watcher implements AsyncIterableIterator<readonly ServiceInstance[]>, InstanceFeed {
  readonly #signal: AbortSignal | undefined;
  readonly #start: (feed: InstanceFeed) => () => void;
  #state: 'new' | 'open' | 'over' = 'new';
  #stop: (() => void) | undefined;
  #unlink: (() => void) | undefined;
  #readers: Reader[] = [];
  #newest: readonly ServiceInstance[] | undefined;
  #error: { readonly thrown: unknown } | undefined;

  constructor(signal: AbortSignal | undefined, start: (feed: InstanceFeed) => () => void) {
    this.#signal = signal;
    this.#start = start;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (this.#state === 'new') this.#open();
    const newest = this.#newest;
    if (newest !== undefined) {
      this.#newest = undefined;
      return Promise.resolve({ done: false, value: newest });
    }
    if (this.#error !== undefined) {
      const { thrown } = this.#error;
      this.#error = undefined;
      return Promise.reject(thrown);
    }
    if (this.#state === 'over') return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  return(): Promise<Result> {
    this.#newest = undefined;
    this.#error = undefined;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  push(instances: readonly ServiceInstance[]): void {
    if (this.#state === 'over') return;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#newest = instances;
    else reader.resolve({ done: false, value: instances });
  }

  fail(error: unknown): void {
    if (this.#state === 'over') return;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#error = { thrown: error };
    else reader.reject(error);
    this.end();
  }

  end(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#unlink?.();
    for (const reader of this.#readers.splice(0)) reader.resolve({ done: true, value: undefined });
    const stop = this.#stop;
    this.#stop = undefined;
    stop?.();
  }

  #open(): void {
    this.#state = 'open';
    let stop: () => void;
    try {
      stop = this.#start(this);
    } catch (error) {
      this.fail(error);
      return;
    }
    // It may have ended itself in `start`. A list that is there at once is read even by somebody whose signal has aborted.
    if (this.#over()) stop();
    else {
      this.#stop = stop;
      if (this.#signal !== undefined) this.#unlink = onAbort(this.#signal, () => this.end());
    }
  }

  #over(): boolean {
    return this.#state === 'over';
  }
}
