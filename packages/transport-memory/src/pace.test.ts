import { systemClock } from '@rpcxjs/core';
import { afterEach, expect, it, vi } from 'vitest';
import { Pace } from './pace.ts';

afterEach(() => vi.useRealTimers());

it('delivers while a test holds the timers, also where that holds queueMicrotask, as Jest does: heartbeats came too late', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate', 'queueMicrotask'] });
  const pace = new Pace();
  const deliveries: number[] = [];
  for (const delivery of [1, 2]) pace.soon(() => deliveries.push(delivery), systemClock);
  expect(deliveries).toEqual([]);
  await Promise.resolve();
  expect(deliveries).toEqual([1, 2]);
});
