import type { Clock, Timer } from '@rpcxjs/core';

/** Something that wants to be called at a time. */
export interface Beating {
  /** When `beat` is due, on the clock's axis; Infinity is never. Only the pulse and `beat` set it. */
  dueAt: number;
  /** Does what is due and sets `dueAt` anew. */
  beat(nowMs: number): void;
}

/** The one timer of a socket, for all its conversations. */
export class Pulse {
  readonly #clock: Clock;
  readonly #members = new Set<Beating>();
  #timer: Timer | undefined;
  #firesAt = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  join(member: Beating): void {
    this.#members.add(member);
    this.#armFor(member.dueAt);
  }

  /** Calls `beat` at `atMs` or before. */
  wake(member: Beating, atMs: number): void {
    if (atMs >= member.dueAt || !this.#members.has(member)) return;
    member.dueAt = atMs;
    this.#armFor(atMs);
  }

  leave(member: Beating): void {
    this.#members.delete(member);
    if (this.#members.size === 0) this.#disarm();
  }

  #armFor(atMs: number): void {
    // A timer that is early costs one look; setting it again for each datagram would cost more.
    if (atMs >= this.#firesAt) return;
    this.#disarm();
    this.#firesAt = atMs;
    this.#timer = this.#clock.setTimer(() => this.#fire(), Math.max(1, Math.ceil(atMs - this.#clock.now())));
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#firesAt = Infinity;
  }

  #fire(): void {
    this.#timer = undefined;
    this.#firesAt = Infinity;
    const now = this.#clock.now();
    let next = Infinity;
    for (const member of this.#members) {
      if (member.dueAt <= now) member.beat(now);
      if (member.dueAt < next && this.#members.has(member)) next = member.dueAt;
    }
    if (next < Infinity) this.#armFor(next);
  }
}
