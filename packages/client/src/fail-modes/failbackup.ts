import type { ClientCall, FailMode } from '@rpcxjs/core';
import { LatencyWindow } from '../latency-window.ts';
import { checkMs, retryOrGiveUp, retryRule, type RetryOptions } from './retry-rule.ts';

export interface FailbackupOptions extends RetryOptions {
  /** Milliseconds after which a second server is asked as well. @default the 95th percentile of the method's latency, at least 10 ms (Go's), 100 ms until it is known */
  readonly latencyMs?: number | undefined;
}

const leastMs = 10;
const unknownMs = 100;
const mostMethods = 1000;

/**
 * Asks a second server when the first one is slow, takes the first success and cancels the other; an error of one does not end the call while
 * the other may still answer. Both servers may run the call, so that only idempotent methods are asked twice, unless `retryUnsafe`. What fails
 * altogether is tried again elsewhere, as `failover` does.
 */
export function failbackup(options: FailbackupOptions = {}): FailMode {
  const rule = retryRule('failbackup', options, { latencyMs: true });
  const { latencyMs } = options;
  if (latencyMs !== undefined) checkMs('latencyMs', latencyMs);
  const windows = new Map<string, LatencyWindow>();
  const windowOf = (call: ClientCall): LatencyWindow => {
    const key = `${call.service}\0${call.method}`;
    let window = windows.get(key);
    if (window === undefined) {
      // A gateway may be asked for any names: they must not pile up.
      if (windows.size >= mostMethods) windows.clear();
      windows.set(key, (window = new LatencyWindow()));
    }
    return window;
  };
  return {
    name: 'failbackup',
    next: (failure) => retryOrGiveUp(failure, rule, 'other'),
    hedgeAfterMs: (call) => {
      if (!call.idempotent && !rule.retryUnsafe) return undefined;
      return latencyMs ?? Math.max(leastMs, windowOf(call).quantile(0.95) ?? unknownMs);
    },
    ...(latencyMs === undefined && { succeeded: (call: ClientCall, durationMs: number) => windowOf(call).add(durationMs) }),
  };
}
