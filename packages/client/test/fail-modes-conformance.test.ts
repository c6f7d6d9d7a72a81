import { failModeCases } from '@rpcxjs/conformance';
import type { FailMode } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { failbackup } from '../src/fail-modes/failbackup.ts';
import { failfast } from '../src/fail-modes/failfast.ts';
import { failover } from '../src/fail-modes/failover.ts';
import { failtry } from '../src/fail-modes/failtry.ts';

describe.each([['failfast', failfast], ['failtry', failtry], ['failover', failover], ['failbackup', failbackup]] as const)('%s', (_name, create) => {
  for (const one of failModeCases({ create })) it(one.name, one.run);
});

describe('failover with retryUnsafe', () => {
  // It retries what may have run: that is what it is for, and the one case that says otherwise is not for it.
  for (const one of failModeCases({ create: () => failover({ retryUnsafe: true }), retriesUnsafe: true })) if (one.skip === undefined) it(one.name, one.run);
});

describe('a fail mode that is broken', () => {
  const failing = async (create: () => FailMode): Promise<string[]> => {
    const names: string[] = [];
    for (const one of failModeCases({ create })) await one.run().catch(() => names.push(one.name));
    return names;
  };
  const sound: FailMode = { name: 'sound', next: ({ retryable, attempt, error }) => (retryable && attempt < 3 ? { again: 'other', afterMs: error.retryAfterMs ?? 0 } : 'give-up') };

  it('fails the cases that it breaks, and a sound one none', async () => {
    expect(await failing(() => sound)).toEqual([]);
    expect(await failing(() => ({ ...sound, name: '' }))).toHaveLength(1);
    expect(await failing(() => ({ ...sound, next: ({ error }) => ({ again: 'same', afterMs: error.retryAfterMs ?? 0 }) }))).toHaveLength(3);
    expect(await failing(() => ({ ...sound, next: ({ attempt, retryable }) => (attempt < 3 && retryable ? { again: 'same', afterMs: 1 } : 'give-up') }))).toEqual([expect.stringContaining('as long as the server asks')]);
    expect(await failing(() => ({ ...sound, next: (failure) => (failure.attempt === 2 ? { again: 'same', afterMs: Number.NaN } : sound.next(failure, {} as never)) }))).toHaveLength(1);
    expect(await failing(() => ({ ...sound, hedgeAfterMs: () => -1 }))).toHaveLength(1);
    expect(await failing(() => ({ ...sound, hedgeAfterMs: () => 5 }))).toEqual([expect.stringContaining('must not run twice')]);
    expect(await failing(() => {
      let asked = 0;
      return { name: 'counts', next: (failure) => (++asked > 2 ? 'give-up' : sound.next(failure, {} as never)) };
    })).toEqual([expect.stringContaining('many calls at once')]);
  });
});
