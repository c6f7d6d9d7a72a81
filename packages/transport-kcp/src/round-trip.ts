/** Estimates the time of a round trip, and from it when a segment counts as lost (kcp-go `update_ack`). */
export class RoundTrip {
  #smoothed = 0;
  #variance = 0;
  readonly #leastMs: number;
  readonly #intervalMs: number;
  /** After this time without an acknowledgement a segment is sent again. */
  timeoutMs = 200;

  constructor(leastMs: number, intervalMs: number) {
    this.#leastMs = leastMs;
    this.#intervalMs = intervalMs;
  }

  measure(tripMs: number): void {
    if (this.#smoothed === 0) {
      this.#smoothed = tripMs;
      this.#variance = tripMs / 2;
    } else {
      const off = tripMs - this.#smoothed;
      this.#smoothed += off / 8;
      // A trip that was much shorter than expected says little about the next one.
      const weight = tripMs < this.#smoothed - this.#variance ? 32 : 4;
      this.#variance += (Math.abs(off) - this.#variance) / weight;
    }
    this.timeoutMs = Math.min(60_000, Math.max(this.#leastMs, this.#smoothed + Math.max(this.#intervalMs, 4 * this.#variance)));
  }

  /** How long a segment may be overtaken by later ones before it counts as lost: reordering is no loss. */
  get overtakenMs(): number {
    return Math.min(this.timeoutMs, this.#smoothed + Math.max(10, 4 * this.#variance));
  }
}
