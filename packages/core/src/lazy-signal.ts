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
/** One listener a signal, however many calls share it: Node warns of a leak from the eleventh on. */
const hubs = new WeakMap<AbortSignal, Set<Told>>();

/**
 * Runs `run` once when `signal` aborts, at once if it has; returns what takes it off again.
 * `AbortSignal.any` keeps every derived signal alive as long as its source (nodejs/node#54614), this keeps nothing.
 */
export function onAbort(signal: AbortSignal, run: (reason: unknown) => void): () => void {
  if (signal.aborted) {
    run(signal.reason);
    return () => {};
  }
  // A function of its own for each call, so that the same one may be given twice.
  const told: Told = (reason) => run(reason);
  const waiting = hubs.get(signal) ?? openHub(signal);
  waiting.add(told);
  return () => {
    waiting.delete(told);
    if (waiting.size === 0) closers.get(waiting)?.();
  };
}

const closers = new WeakMap<Set<Told>, () => void>();

function openHub(signal: AbortSignal): Set<Told> {
  const waiting = new Set<Told>();
  const close = (): void => {
    signal.removeEventListener('abort', listener);
    hubs.delete(signal);
  };
  const listener = (): void => {
    close();
    for (const told of waiting) told(signal.reason);
  };
  hubs.set(signal, waiting);
  closers.set(waiting, close);
  signal.addEventListener('abort', listener);
  return waiting;
}
