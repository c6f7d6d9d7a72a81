const base = 2 ** 0.25;
const buckets = 128;
const leastMs = 0.01;
const size = 1024;
const enough = 20;

/** How long the last thousand or so calls took, from 10 µs to more than a day, in buckets each a fifth wider than the one before. */
export class LatencyWindow {
  #current = new Uint32Array(buckets);
  #previous = new Uint32Array(buckets);
  #count = 0;
  #known = 0;

  add(durationMs: number): void {
    const bucket = durationMs <= leastMs ? 0 : Math.min(buckets - 1, Math.ceil(Math.log(durationMs / leastMs) / Math.log(base)));
    this.#current[bucket] = (this.#current[bucket] ?? 0) + 1;
    if (++this.#count < size) return;
    const forgotten = this.#previous;
    this.#previous = this.#current;
    this.#current = forgotten.fill(0);
    this.#known = this.#count;
    this.#count = 0;
  }

  /** Milliseconds that this share of the calls did not exceed; undefined until 20 are known. */
  quantile(share: number): number | undefined {
    const count = this.#count + this.#known;
    if (count < enough) return undefined;
    let left = Math.ceil(count * share);
    for (let bucket = 0; bucket < buckets; bucket++) {
      left -= (this.#current[bucket] ?? 0) + (this.#previous[bucket] ?? 0);
      if (left <= 0) return leastMs * base ** bucket;
    }
    return undefined;
  }
}
