/** Values that wait for a reader. When there are too many, the oldest is dropped. */
export class BoundedStream<T> implements AsyncIterableIterator<T>, Disposable {
  readonly #most: number;
  readonly #dropped: () => void;
  readonly #closed: (stream: BoundedStream<T>) => void;
  readonly #queue: T[] = [];
  readonly #waiting: ((result: IteratorResult<T>) => void)[] = [];
  #done = false;

  /** `dropped` is told of each value that nobody will read; `closed` when the reader or the owner ends it, once. */
  constructor(most: number, events: { dropped(): void; closed(stream: BoundedStream<T>): void }) {
    this.#most = most;
    this.#dropped = () => events.dropped();
    this.#closed = (stream) => events.closed(stream);
  }

  push(value: T): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next({ value, done: false });
      return;
    }
    if (this.#done) return;
    this.#queue.push(value);
    if (this.#queue.length <= this.#most) return;
    this.#queue.shift();
    this.#dropped();
  }

  /** Nothing more comes; what waits can still be read. */
  end(): void {
    if (this.#done) return;
    this.#done = true;
    this.#closed(this);
    for (const next of this.#waiting.splice(0)) next({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#queue.length > 0) return Promise.resolve({ value: this.#queue.shift() as T, done: false }); // it is not empty
    if (this.#done) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
  return(): Promise<IteratorResult<T>> {
    this.#queue.length = 0;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }
  [Symbol.asyncIterator](): this {
    return this;
  }
  [Symbol.dispose](): void {
    this.end();
  }
}
