import type { Clock } from '@rpcxjs/core';
import type { ServerLimits } from './server-options.ts';

/** Somebody's call that waits for a place. */
export interface Queued {
  /** The connection that it came on: the queue is shared out among them. */
  readonly owner: object;
  /** Whether nobody waits for it any more, or its time is over, so that it need not stay in the queue. */
  stale(): boolean;
  /** Called when it leaves the queue without having run, because it was stale. */
  dropped(): void;
  /** Called when it loses its place in a full queue, because its connection had more than its share. */
  displaced(): void;
  /** Called when it may run; returning false gives the place back. */
  admitted(): boolean;
}

// A queue that was not empty for so long is no burst but an overload: then the newest calls have the best chance to be answered in time.
const pressureMs = 100;
// Searching all of a full queue for each newcomer would make it slow.
const mostLookedAt = 8;

/** Limits the calls that run in the whole server (cancelled ones count until their handler ends), and lets a few wait, each connection in its turn. */
export class Admission {
  running = 0;
  /** Calls refused because too many were running. */
  refused = 0;
  /** Calls that waited until nobody wanted them any more. */
  expired = 0;
  queued = 0;
  readonly #limits: ServerLimits;
  readonly #clock: Clock;
  /** The waiting calls of each connection, in the order of their turns. */
  readonly #queues = new Map<object, Queued[]>();
  #waitingSince = 0;
  #admitting = false;

  constructor(limits: ServerLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Takes a place for a call; false when there is none. */
  enter(): boolean {
    if (this.running >= this.#limits.maxCalls) return false;
    this.running += 1;
    return true;
  }

  /** Queues a call; false when the queue is full, unless `always`. */
  wait(call: Queued, always = false): boolean {
    if (this.queued >= this.#limits.maxQueuedCalls && !this.#makeRoom(call.owner) && !always) return false;
    if (this.queued === 0) this.#waitingSince = this.#clock.now();
    const queue = this.#queues.get(call.owner);
    if (queue === undefined) this.#queues.set(call.owner, [call]);
    else queue.push(call);
    this.queued += 1;
    return true;
  }

  /** Takes out the stale calls, for example all those of a connection that ended. */
  sweep(): void {
    const dropped: Queued[] = [];
    for (const [owner, queue] of this.#queues) {
      const kept: Queued[] = [];
      for (const call of queue) (call.stale() ? dropped : kept).push(call);
      if (kept.length === 0) this.#queues.delete(owner);
      else if (kept.length < queue.length) this.#queues.set(owner, kept);
    }
    this.queued -= dropped.length;
    this.expired += dropped.length;
    for (const call of dropped) call.dropped();
  }

  leave(): void {
    this.running -= 1;
    // A call that ends at once comes back here from within: the loop below goes on with the next one, otherwise the stack would be as deep as the queue.
    if (this.#admitting || this.queued === 0) return;
    this.#admitting = true;
    try {
      while (this.queued > 0 && this.running < this.#limits.maxCalls) {
        this.running += 1;
        const call = this.#next();
        if (call?.stale() === true) this.#drop(call);
        else if (call?.admitted() === true) continue;
        this.running -= 1;
      }
    } finally {
      this.#admitting = false;
    }
  }

  /** The next connection's oldest call, or its newest under pressure. */
  #next(): Queued | undefined {
    for (const [owner, queue] of this.#queues) {
      const pressed = this.#clock.now() - this.#waitingSince > pressureMs;
      const call = pressed ? queue.pop() : queue.shift();
      this.queued -= 1;
      this.#queues.delete(owner);
      if (queue.length > 0) this.#queues.set(owner, queue);
      return call;
    }
    return undefined;
  }

  /** Makes room by dropping calls whose time is over, the oldest first; else a connection with more than its share of the queue gives a place to one with less. */
  #makeRoom(owner: object): boolean {
    const own = this.#queues.get(owner);
    if (own !== undefined) this.#dropStale(owner, own);
    let looked = 0;
    for (const [other, queue] of this.#queues) {
      if (this.queued < this.#limits.maxQueuedCalls || looked++ >= mostLookedAt) break;
      this.#dropStale(other, queue);
    }
    if (this.queued < this.#limits.maxQueuedCalls) return true;
    const mine = this.#queues.get(owner)?.length ?? 0;
    const share = this.#limits.maxQueuedCalls / (this.#queues.size + (mine === 0 ? 1 : 0));
    if (mine + 1 > share) return false;
    for (const queue of this.#queues.values()) {
      if (queue.length <= share) continue;
      this.queued -= 1;
      queue.pop()?.displaced();
      return true;
    }
    return false;
  }

  #dropStale(owner: object, queue: Queued[]): void {
    let stale = 0;
    while (queue[stale]?.stale() === true) stale += 1;
    if (stale === 0) return;
    const dropped = queue.splice(0, stale);
    if (queue.length === 0) this.#queues.delete(owner);
    this.queued -= stale;
    for (const call of dropped) {
      this.expired += 1;
      call.dropped();
    }
  }

  #drop(call: Queued): void {
    this.expired += 1;
    call.dropped();
  }
}
