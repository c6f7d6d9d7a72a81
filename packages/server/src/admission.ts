import type { ServerLimits } from './server-options.ts';

/** Somebody's call that waits for a place. */
export interface Queued {
  /** Nobody waits for it any more, or it is too late: it gives its place in the queue to others. */
  stale(): boolean;
  /** It left the queue without getting a place. */
  dropped(): void;
  /** A place is free and taken for it; false gives it back. */
  admitted(): boolean;
}

/** Counts the calls of the whole server that run, cancelled ones until their handler ends, and lets a few wait. */
export class Admission {
  running = 0;
  refused = 0;
  readonly #limits: ServerLimits;
  #queue: Queued[] = [];
  #admitting = false;

  constructor(limits: ServerLimits) {
    this.#limits = limits;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** True when the call may run now, having taken its place. */
  enter(): boolean {
    if (this.running >= this.#limits.maxCalls) return false;
    this.running += 1;
    return true;
  }

  /** False when the queue is full: refuse, before anything is decoded. */
  wait(call: Queued): boolean {
    // The oldest are the first whose time is over; looking at all of them for each newcomer would make a full queue slow.
    while (this.#queue.length >= this.#limits.maxQueuedCalls && this.#queue[0]?.stale() === true) this.#queue.shift()?.dropped();
    if (this.#queue.length >= this.#limits.maxQueuedCalls) return false;
    this.#queue.push(call);
    return true;
  }

  /** Takes those out that are stale, all of one connection that ended, say. */
  sweep(): void {
    const stale = new Set(this.#queue.filter((call) => call.stale()));
    if (stale.size === 0) return;
    this.#queue = this.#queue.filter((call) => !stale.has(call));
    for (const call of stale) call.dropped();
  }

  leave(): void {
    this.running -= 1;
    // One that ends at once leaves from within: the loop below goes on with the next, or a full queue would be as many calls deep.
    if (this.#admitting) return;
    this.#admitting = true;
    try {
      while (this.#queue.length > 0 && this.running < this.#limits.maxCalls) {
        this.running += 1;
        if (this.#queue.shift()?.admitted() !== true) this.running -= 1;
      }
    } finally {
      this.#admitting = false;
    }
  }
}
