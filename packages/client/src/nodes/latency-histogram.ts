// Eight buckets for each doubling of a microsecond, up to 2^31 of them (36 minutes): a bucket is at most 12.5 % wide.
const buckets = 8 + 28 * 8 + 8;

/** Durations of the last 30 to 60 seconds, in buckets of a logarithmic scale. Adding costs an increment and allocates nothing. */
export class LatencyHistogram {
  static readonly halfLifeMs = 30_000;
  #young: Uint32Array = new Uint32Array(buckets);
  #old: Uint32Array = new Uint32Array(buckets);
  #turnAt = Number.NaN;

  add(durationMs: number, now: number): void {
    if (!(now < this.#turnAt)) this.#turn(now);
    const index = bucketOf(durationMs);
    this.#young[index] = (this.#young[index] as number) + 1; // within the array
  }

  /** Milliseconds that the given share of the calls stayed below, correct to 7 %; undefined when there were none. */
  quantile(share: number, now: number): number | undefined {
    if (now >= this.#turnAt) this.#turn(now);
    let total = 0;
    for (let index = 0; index < buckets; index++) total += this.#count(index);
    if (total === 0) return undefined;
    let left = Math.max(1, Math.ceil(total * share));
    for (let index = 0; index < buckets; index++) {
      left -= this.#count(index);
      if (left <= 0) return middleMs(index);
    }
    return middleMs(buckets - 1);
  }

  #count(index: number): number {
    return (this.#young[index] as number) + (this.#old[index] as number); // within the arrays
  }

  #turn(now: number): void {
    const lateMs = now - this.#turnAt;
    const forgotten = this.#old;
    this.#old = this.#young;
    this.#young = forgotten.fill(0);
    if (lateMs >= LatencyHistogram.halfLifeMs) this.#old.fill(0);
    this.#turnAt = now + LatencyHistogram.halfLifeMs;
  }
}

function bucketOf(durationMs: number): number {
  const scaled = durationMs * 1000;
  const micros = scaled >= 2_147_483_647 ? 2_147_483_647 : scaled > 0 ? scaled | 0 : 0;
  if (micros < 8) return micros;
  const exponent = 31 - Math.clz32(micros);
  return (exponent - 2) * 8 + ((micros >> (exponent - 3)) & 7);
}

function middleMs(index: number): number {
  if (index < 8) return (index + 0.5) / 1000;
  const width = 2 ** ((index >> 3) - 1);
  return ((8 + (index & 7) + 0.5) * width) / 1000;
}
