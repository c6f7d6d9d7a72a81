import type { Clock } from '@rpcxjs/core';
import type { ServerLimits } from './server-options.ts';

/** Somebody's call that waits for a place. */
export interface Queued {
  /** The connection that it came on: the queue is shared out among them. */
  readonly owner: object;
  /** Nobody waits for it any more, or it is too late: it gives its place in the queue to others. */
  stale(): boolean;
  /** It left the queue without getting a place, being stale. */
  dropped(): void;
  /** Its connection had more than its share of a full queue, and another one came. */
  displaced(): void;
  /** A place is free and taken for it; false gives it back. */
  admitted(): boolean;
}

// A queue that was not empty for so long is no burst: the newest have the best chance to be answered in time.
const pressureMs = 100;
// Looking through all of a full queue for each newcomer would make it slow.
const mostLookedAt = 8;

/** Counts the calls of the whole server that run, cancelled ones until their handler ends, and lets a few wait, each connection in its turn. */
export class Admission {
  running = 0;
  /** Calls refused because too many were running. */
  refused = 0;
  /** Calls that waited until nobody wanted them any more. */
  expired = 0;
  queued = 0;
  readonly #limits: ServerLimits;
  readonly #clock: Clock;
  /** In the order of their turns. */
  readonly #queues = new Map<object, Queued[]>();
  #waitingSince = 0;
  #admitting = false;

  constructor(limits: ServerLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** True when the call may run now, having taken its place. */
  enter(): boolean {
    if (this.running >= this.#limits.maxCalls) return false;
    this.running += 1;
    return true;
  }

  /** False when the queue is full, unless it must hold more: refuse, before anything is decoded. */
  wait(call: Queued, always = false): boolean {
    if (this.queued >= this.#limits.maxQueuedCalls && !this.#makeRoom(call.owner) && !always) return false;
    if (this.queued === 0) this.#waitingSince = this.#clock.now();
    const queue = this.#queues.get(call.owner);
    if (queue === undefined) this.#queues.set(call.owner, [call]);
    else queue.push(call);
    this.queued += 1;
    return true;
  }

  /** Takes those out that are stale, all of one connection that ended, say. */
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
    // One that ends at once leaves from within: the loop below goes on with the next, or a full queue would be as many calls deep.
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

  /** The oldest are the first whose time is over; then whoever has more than a share of the queue gives of it to those who have less. */
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
