import type { Clock } from '@rpcxjs/core';

const everyMs = 20;

/** Measures how late the event loop is, with a timer that is armed only while calls come. */
export class LoopGuard {
  /** How late the last timer was, in milliseconds; 0 when no calls come. */
  delayMs = 0;
  readonly #clock: Clock;
  readonly #maxDelayMs: number;
  #asked = false;
  #armed = false;
  #dueAt = 0;

  constructor(clock: Clock, maxDelayMs: number) {
    this.#clock = clock;
    this.#maxDelayMs = maxDelayMs;
  }

  /** True while the loop is later than allowed. */
  late(): boolean {
    this.#asked = true;
    if (!this.#armed) this.#arm();
    return this.delayMs > this.#maxDelayMs;
  }

  #arm(): void {
    this.#armed = true;
    this.#asked = false;
    this.#dueAt = this.#clock.now() + everyMs;
    this.#clock.setTimer(() => this.#measure(), everyMs);
  }

  #measure(): void {
    const lateMs = Math.max(0, this.#clock.now() - this.#dueAt);
    // A rise counts at once, a fall by halves: one timer in time between two late ones is no recovery.
    this.delayMs = lateMs > this.delayMs / 2 ? lateMs : this.delayMs / 2;
    if (this.#asked || this.delayMs > this.#maxDelayMs) return this.#arm();
    this.#armed = false;
    this.delayMs = 0;
  }
}
