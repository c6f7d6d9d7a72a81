import type { Clock } from '@rpcxjs/core';
import type { LinkRules } from './link-options.ts';

/** Decides when one server may be dialled again. */
export class LinkBackoff {
  readonly #rules: LinkRules['reconnect'];
  readonly #clock: Clock;
  #failures = 0;
  /** Set when a stable connection was lost, as those of other clients may have been: until there is a connection, dials are at least `spreadMs` apart, which keeps the clients as far apart as their random times were. */
  #spread = false;
  #dueAt = -Infinity;
  #wakesAt = -Infinity;

  constructor(rules: LinkRules['reconnect'], clock: Clock) {
    this.#rules = rules;
    this.#clock = clock;
  }

  /** Milliseconds until calls that wait may dial. */
  waitMs(now: number): number {
    return Math.max(0, this.#dueAt - now);
  }
  /** Milliseconds until a new call may dial. */
  callWaitMs(now: number): number {
    return Math.max(0, Math.min(this.#dueAt, this.#wakesAt) - now);
  }

  /** A dial failed. */
  failed(): void {
    const { wakeMs, spreadMs } = this.#rules;
    const now = this.#clock.now();
    const leastMs = this.#spread ? spreadMs : 0;
    this.#dueAt = now + Math.max(leastMs, this.#delay());
    this.#wakesAt = now + Math.max(leastMs, wakeMs);
    this.#failures += 1;
  }
  /** Dials that were made together fail together, and count as one. */
  failedOnce(now: number): void {
    if (this.waitMs(now) < 1) this.failed();
  }

  /** A connection that had lasted so long was lost. If it was young, the server is dialled again at once the first time, and after that as after a failed dial. */
  lost(lastedMs: number): void {
    const { stableMs, spreadMs } = this.#rules;
    const now = this.#clock.now();
    if (lastedMs < stableMs) {
      if (this.#failures > 0) this.failed();
      else this.#failures = 1;
      return;
    }
    this.#failures = 0;
    this.#spread = spreadMs > 0;
    this.#dueAt = now + spreadMs * this.#clock.random();
    this.#wakesAt = this.#dueAt;
  }

  /** There is a connection; how long it will last is not known yet. */
  connected(): void {
    this.#dueAt = this.#wakesAt = -Infinity;
    this.#spread = false;
  }

  /** Forgets all earlier failures. */
  reset(): void {
    this.#failures = 0;
    this.connected();
  }

  #delay(): number {
    const { initialMs, factor, maxMs, jitter } = this.#rules;
    // Zero would stay zero however often it is multiplied: after the first failure it counts as a millisecond.
    const first = this.#failures > 0 ? Math.max(1, initialMs) : initialMs;
    const most = Math.min(maxMs, first * factor ** Math.min(this.#failures, 100));
    return most * (1 - jitter + jitter * this.#clock.random());
  }
}
