/** An AbortSignal that is made when somebody looks at it: making one costs microseconds, and most calls never need it. */
export class LazySignal {
  #controller: AbortController | undefined;
  #reason: unknown;
  #aborted = false;
  #told: Set<Told> | undefined;

  get aborted(): boolean {
    return this.#aborted;
  }
  get reason(): unknown {
    return this.#reason;
  }
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }
  /** Only the first reason counts. */
  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    for (const told of this.#told ?? []) told(reason);
    this.#told = undefined;
  }
  /** As `onAbort(signal, run)`, without making the signal. */
  listen(run: (reason: unknown) => void): () => void {
    if (this.#aborted) {
      run(this.#reason);
      return () => {};
    }
    const told: Told = (reason) => run(reason);
    (this.#told ??= new Set()).add(told);
    return () => void this.#told?.delete(told);
  }
}

type Told = (reason: unknown) => void;
/** Everyone who waits for one signal. */
interface Hub {
  readonly waiting: Set<Told>;
  close(): void;
}
/** One listener a signal, however many calls share it: Node warns of a leak from the eleventh on. */
const hubs = new WeakMap<AbortSignal, Hub>();

/**
 * Runs `run` once when `signal` aborts, at once if it has; returns a function that takes it off again.
 * `AbortSignal.any` keeps every derived signal alive as long as its source (nodejs/node#54614), this keeps nothing.
 */
export function onAbort(signal: AbortSignal, run: (reason: unknown) => void): () => void {
  if (signal.aborted) {
    run(signal.reason);
    return () => {};
  }
  // A function of its own for each call, so that the same one may be given twice.
  const told: Told = (reason) => run(reason);
  const hub = hubs.get(signal) ?? openHub(signal);
  hub.waiting.add(told);
  return () => {
    if (hub.waiting.delete(told) && hub.waiting.size === 0) hub.close();
  };
}

function openHub(signal: AbortSignal): Hub {
  const waiting = new Set<Told>();
  const close = (): void => {
    signal.removeEventListener('abort', listener);
    hubs.delete(signal);
  };
  const listener = (): void => {
    close();
    for (const told of waiting) told(signal.reason);
  };
  const hub: Hub = { waiting, close };
  hubs.set(signal, hub);
  signal.addEventListener('abort', listener);
  return hub;
}
