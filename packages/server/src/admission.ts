import type { ServerLimits } from './server-options.ts';

/** Somebody's call that waits for a place. */
export interface Queued {
  /** A place is free and taken for it; false gives it back. */
  admitted(): boolean;
}

/** Counts the calls of the whole server that run, cancelled ones until their handler ends, and lets a few wait. */
export class Admission {
  running = 0;
  refused = 0;
  readonly #limits: ServerLimits;
  readonly #queue: Queued[] = [];

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
    if (this.#queue.length >= this.#limits.maxQueuedCalls) return false;
    this.#queue.push(call);
    return true;
  }

  leave(): void {
    this.running -= 1;
    while (this.#queue.length > 0 && this.running < this.#limits.maxCalls) {
      this.running += 1;
      if (this.#queue.shift()?.admitted() !== true) this.running -= 1;
    }
  }
}
