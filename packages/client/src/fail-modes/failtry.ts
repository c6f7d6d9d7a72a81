import type { FailMode } from '@rpcxjs/core';
import { retryOrGiveUp, retryRule, type RetryOptions } from './retry-rule.ts';

/** Tries again on the same server, where that is safe, as `failover` does elsewhere. */
export function failtry(options: RetryOptions = {}): FailMode {
  const rule = retryRule('failtry', options);
  return { name: 'failtry', next: (failure) => retryOrGiveUp(failure, rule, 'same') };
}
