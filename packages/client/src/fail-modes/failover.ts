import type { FailMode } from '@rpcxjs/core';

export interface FailoverOptions {
  /** Attempts after the first one. @default 2 */
  readonly retries?: number;
  /** Longest wait before the second attempt; it doubles, and the wait is drawn between 0 and it. @default 20 ms */
  readonly backoffMs?: number;
  /** Longest wait of all. @default 1000 ms */
  readonly maxBackoffMs?: number;
  /** Between 0 and 1. @default Math.random */
  readonly random?: () => number;
}

/** Tries again on another server, where that is safe: nothing was sent, the server refused, or the method is idempotent. */
export function failover(options: FailoverOptions = {}): FailMode {
  const { retries = 2, backoffMs = 20, maxBackoffMs = 1000, random = Math.random } = options;
  if (!Number.isInteger(retries) || retries < 0) throw new TypeError(`retries is ${retries}: it takes a whole number that is not negative`);
  return {
    name: 'failover',
    next({ retryable, attempt, error }) {
      if (!retryable || attempt > retries) return 'give-up';
      const wait = random() * Math.min(maxBackoffMs, backoffMs * 2 ** (attempt - 1));
      return { again: 'other', afterMs: Math.max(wait, error.retryAfterMs ?? 0) };
    },
  };
}
