import { RpcError, type ClientCall } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { failfast } from './failfast.ts';
import { failbackup } from './failbackup.ts';
import { failover } from './failover.ts';
import { failtry } from './failtry.ts';
import type { RetryOptions } from './retry-rule.ts';

const never = {} as ClientCall; // neither mode looks at the call
const fail = (attempt: number, retryable: boolean, retryAfterMs?: number) => ({ attempt, retryable, instance: undefined, error: new RpcError('unavailable', 'down', { retryAfterMs }) });
const waits = (options: RetryOptions, attempts: number): unknown[] => {
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

it('failtry stays with the server', () => {
  expect(failtry().next(fail(1, true), never)).toEqual({ again: 'same', afterMs: 0, jitterMs: 20 });
});

it.each([failover, failtry, failbackup])('%O with retryUnsafe tries again what may have run, but nothing that the server answered', (mode) => {
  expect(mode({ retryUnsafe: true }).next(fail(1, false), never)).toMatchObject({ jitterMs: 20 });
  const answered = { ...fail(1, false), error: new RpcError('not_found', 'no such order') };
  expect(mode({ retryUnsafe: true }).next(answered, never)).toBe('give-up');
});

it.each([{ backoffMs: '20' as never }, { retryUnsafe: 'false' as never }, { retrys: 1 } as never, 5 as never, { backoffMs: -1 }, { backoffMs: Infinity }, { maxBackoffMs: Number.NaN }, { retries: 101 }])('%o is refused', (options) => {
  for (const mode of [failover, failtry, failbackup]) expect(() => mode(options)).toThrow(TypeError);
});

describe('failbackup', () => {
  const call = (method: string, idempotent = true): ClientCall => ({ service: 'S', method, idempotent }) as ClientCall; // all that it looks at

  it('asks a second server only for what may run twice', () => {
    expect(failbackup({ latencyMs: 7 }).hedgeAfterMs?.(call('Read'))).toBe(7);
    expect(failbackup({ latencyMs: 7 }).hedgeAfterMs?.(call('Write', false))).toBeUndefined();
    expect(failbackup({ latencyMs: 7, retryUnsafe: true }).hedgeAfterMs?.(call('Write', false))).toBe(7);
  });

  it('measures each method by itself and waits as long as 95 of 100 calls took', () => {
    const mode = failbackup();
    expect(mode.hedgeAfterMs?.(call('Slow'))).toBe(100);
    for (let rank = 1; rank <= 100; rank++) mode.succeeded?.(call('Slow'), rank * 10);
    for (let rank = 1; rank <= 100; rank++) mode.succeeded?.(call('Fast'), 0.2);
    expect(mode.hedgeAfterMs?.(call('Slow'))).toBeGreaterThanOrEqual(950);
    expect(mode.hedgeAfterMs?.(call('Slow'))).toBeLessThan(1150);
    expect(mode.hedgeAfterMs?.(call('Fast'))).toBe(10);
    expect(mode.hedgeAfterMs?.(call('New'))).toBe(100);
  });

  it('does not remember more methods than a thousand', () => {
    const mode = failbackup();
    for (let count = 0; count < 20; count++) mode.succeeded?.(call('M0'), 1);
    expect(mode.hedgeAfterMs?.(call('M0'))).toBe(10);
    for (let name = 1; name <= 1000; name++) mode.succeeded?.(call(`M${name}`), 1);
    expect(mode.hedgeAfterMs?.(call('M0'))).toBe(100);
  });

  it.each([-1, Number.NaN, Infinity])('of %d milliseconds is refused', (latencyMs) => {
    expect(() => failbackup({ latencyMs })).toThrow(TypeError);
  });
});
