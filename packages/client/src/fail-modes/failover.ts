import type { FailMode } from '@rpcxjs/core';
import { retryOrGiveUp, retryRule, type RetryOptions } from './retry-rule.ts';

/** Tries again on another server, where that is safe: nothing was sent, the server refused, or the method is idempotent. */
export function failover(options: RetryOptions = {}): FailMode {
  const rule = retryRule('failover', options);
  return { name: 'failover', next: (failure) => retryOrGiveUp(failure, rule, 'other') };
}
