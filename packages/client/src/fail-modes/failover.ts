import type { FailMode } from '@rpcxjs/core';

export interface FailoverOptions {
  /** Attempts after the first one. @default 2 */
  readonly retries?: number;
  /** Longest wait before the second attempt; it doubles, and the wait is drawn between 0 and it. @default 20 ms */
  readonly backoffMs?: number;
  /** Longest wait of all. @default 1000 ms */
  readonly maxBackoffMs?: number;
}

/** Tries again on another server, where that is safe: nothing was sent, the server refused, or the method is idempotent. */
export function failover(options: FailoverOptions = {}): FailMode {
  const { retries = 2, backoffMs = 20, maxBackoffMs = 1000 } = options;
  if (!Number.isInteger(retries) || retries < 0) throw new TypeError(`retries is ${retries}: it takes a whole number that is not negative`);
  return {
    name: 'failover',
    next({ retryable, attempt, error }) {
      if (!retryable || attempt > retries) return 'give-up';
      return { again: 'other', afterMs: error.retryAfterMs ?? 0, jitterMs: Math.min(maxBackoffMs, backoffMs * 2 ** (attempt - 1)) };
    },
  };
}
