import type { Connection } from '@rpcxjs/core';
import { consoleLogger } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { expect, it } from 'vitest';
import { rateLimitConnections, type RateLimitConnectionsOptions } from './rate-limit-connections.ts';

const from = (host: string | undefined) => ({ remote: host === undefined ? undefined : { network: 'tcp', host } }) as Connection; // all that it looks at

async function limited(options: RateLimitConnectionsOptions) {
  const clock = manualClock();
  const plugin = rateLimitConnections(options);
  await plugin.start?.({ clock, logger: consoleLogger(clock) });
  return { clock, takes: (host?: string) => plugin.acceptConnection?.(from(host)) !== undefined };
}

it('lets in a burst and then as many as the rate says', async () => {
  const { clock, takes } = await limited({ perSecond: 10, burst: 3 });
  expect([takes(), takes(), takes(), takes()]).toEqual([true, true, true, false]);
  clock.advance(100);
  expect([takes(), takes()]).toEqual([true, false]);
});

it('counts each address by itself when told to, and all without one together', async () => {
  const { takes } = await limited({ perSecond: 1, per: 'address' });
  expect([takes('1.2.3.4:1'), takes('1.2.3.4:2'), takes('[::ffff:1.2.3.4]:3'), takes('1.2.3.5:1'), takes(), takes('/run/x')]).toEqual([true, false, false, true, true, false]);
});

it.each([{}, { perSecond: 0 }, { perSecond: 1, burst: 0.5 }, { perSecond: 1, per: 'peer' }, { perSecond: 1, maxBuckets: 0 }])('%j is a TypeError', (options) => {
  expect(() => rateLimitConnections(options as never)).toThrow(TypeError);
});
