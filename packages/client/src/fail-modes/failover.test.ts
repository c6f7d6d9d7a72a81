import { RpcError, type ClientCall } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { failfast } from './failfast.ts';
import { failover, type FailoverOptions } from './failover.ts';

const never = {} as ClientCall; // neither mode looks at the call
const fail = (attempt: number, retryable: boolean, retryAfterMs?: number) => ({ attempt, retryable, instance: undefined, error: new RpcError('unavailable', 'down', { retryAfterMs }) });
const waits = (options: FailoverOptions, attempts: number): unknown[] => {
  const mode = failover(options);
  return Array.from({ length: attempts }, (_, index) => {
    const decision = mode.next(fail(index + 1, true), never);
    return decision === 'give-up' ? decision : [decision.again, decision.afterMs, decision.jitterMs];
  });
};

describe('failover', () => {
  it('tries twice more on another server, within waits that double up to the longest', () => {
    expect(waits({}, 3)).toEqual([['other', 0, 20], ['other', 0, 40], 'give-up']);
    expect(waits({ retries: 5, backoffMs: 100, maxBackoffMs: 500 }, 6)).toEqual([['other', 0, 100], ['other', 0, 200], ['other', 0, 400], ['other', 0, 500], ['other', 0, 500], 'give-up']);
    expect(waits({ retries: 0 }, 1)).toEqual(['give-up']);
  });

  it('waits at least as long as the server asked for', () => {
    expect(failover().next(fail(1, true, 250), never)).toEqual({ again: 'other', afterMs: 250, jitterMs: 20 });
    expect(failover().next(fail(1, true, 0), never)).toMatchObject({ afterMs: 0 });
  });

  it('does not try again what may have run', () => {
    expect(failover({ retries: 9 }).next(fail(1, false), never)).toBe('give-up');
  });

  it.each([-1, 1.5, Number.NaN, Infinity])('of %d retries is refused', (retries) => {
    expect(() => failover({ retries })).toThrow(TypeError);
  });
});

it('failfast makes one attempt, whatever happened', () => {
  expect([failfast().next(fail(1, true), never), failfast().next(fail(1, false), never)]).toEqual(['give-up', 'give-up']);
});
