import { described } from '@rpcxjs/core/options';
/** How fast a bucket fills and how much it holds. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Tokens that are spent one by one and come back at a steady rate; full at first. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** 0 when a token was taken, else the milliseconds until there is one. */
  take(now: number): number {
    const { perSecond, burst } = this.#rate;
    if (now > this.#at) {
      this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1000) * perSecond);
      this.#at = now;
    }
    // Sums of fractions may miss a whole number by a rounding error.
    if (this.#tokens >= 1 - 1e-9) {
      this.#tokens = Math.max(0, this.#tokens - 1);
      return 0;
    }
    return Math.max(1, Math.ceil(((1 - this.#tokens) / perSecond) * 1000 - 1e-6));
  }
}

/** A bucket for each key. Beyond the limit the one not used for the longest time is forgotten. */
export class TokenBuckets {
  readonly #rate: Rate;
  readonly #max: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(rate: Rate, max: number) {
    this.#rate = rate;
    this.#max = max;
  }

  get size(): number {
    return this.#buckets.size;
  }

  take(key: string, now: number): number {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= this.#max) this.#buckets.delete(this.#buckets.keys().next().value as string); // it is not empty
      bucket = new TokenBucket(this.#rate, now);
    } else this.#buckets.delete(key);
    // To the end: the first of them is the one that was not used for the longest time.
    this.#buckets.set(key, bucket);
    return bucket.take(now);
  }

  /** The key was none that is to be limited: it takes no place of others. */
  forget(key: string): void {
    this.#buckets.delete(key);
  }
}

/** Throws TypeError for an invalid rate. */
export function checkedRate(name: string, options: { readonly perSecond: number; readonly burst?: number | undefined }): Rate {
  const { perSecond } = options;
  if (!(Number.isFinite(perSecond) && perSecond > 0)) throw new TypeError(`perSecond of ${name} is ${described(perSecond)}: it takes a number above 0; 1 in a minute is 1 / 60`);
  const burst = options.burst ?? Math.max(1, Math.ceil(perSecond));
  if (!(Number.isSafeInteger(burst) && burst >= 1)) throw new TypeError(`burst of ${name} is ${described(burst)}: it takes a whole number from 1`);
  return { perSecond, burst };
}

/** Throws TypeError for an invalid limit. */
export function checkedBound(name: string, value: number): number {
  if (!(Number.isSafeInteger(value) && value >= 1)) throw new TypeError(`maxBuckets of ${name} is ${described(value)}: it takes a whole number from 1`);
  return value;
}
