import { consoleLogger, type Peer, type RpcError, type ServerCall } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { expect, it } from 'vitest';
import { rateLimitRequests, type RateLimitRequestsOptions } from './rate-limit-requests.ts';

const peer = (id: string, host?: string) => ({ id, remote: host === undefined ? undefined : { network: 'tcp', host } }) as Peer; // all that it looks at

async function limited(options: RateLimitRequestsOptions) {
  const clock = manualClock();
  const plugin = rateLimitRequests(options);
  await plugin.start?.({ clock, logger: consoleLogger(clock) });
  const handle = plugin.intercept?.(() => ({ output: 'run', metadata: {} }));
  const call = (changes: Partial<ServerCall>): RpcError | 'run' => {
    const made: Partial<ServerCall> = { service: 'S', method: 'M', peer: peer('1'), ...changes };
    try {
      void handle?.(made as ServerCall); // all that it looks at
      return 'run';
    } catch (error) {
      return error as RpcError; // it throws nothing else
    }
  };
  return { clock, call, runs: (changes: Partial<ServerCall> = {}) => call(changes) === 'run' };
}

it('refuses with a code, a reason, the time to wait and the text of Go in front, and a call is taken after that time', async () => {
  const { clock, call, runs } = await limited({ perSecond: 4, burst: 2 });
  expect([runs(), runs()]).toEqual([true, true]);
  expect(call({})).toMatchObject({
    code: 'resource_exhausted', reason: 'RATE_LIMITED', retryAfterMs: 250, sent: false,
    message: 'request reached rate limit: S.M was not run, 4 calls a second are allowed; try again in 250 ms',
  });
  clock.advance(249);
  expect(runs()).toBe(false);
  clock.advance(1);
  expect([runs(), runs()]).toEqual([true, false]);
});

it('refuses without a stack, which would cost more than the call: those who call too often would slow down everybody', async () => {
  const { call } = await limited({ perSecond: 1 });
  call({});
  expect((call({}) as RpcError).stack).not.toMatch(/\n +at /);
  expect(new Error('afterwards').stack).toMatch(/\n +at /);
});

it('counts each peer, address, method or key by itself', async () => {
  const peers = await limited({ perSecond: 1, per: 'peer' });
  const [one, two] = [peer('1', '1.2.3.4:1'), peer('2', '1.2.3.4:2')];
  expect([peers.runs({ peer: one }), peers.runs({ peer: one }), peers.runs({ peer: two })]).toEqual([true, false, true]);
  const addresses = await limited({ perSecond: 1, per: 'address' });
  expect([addresses.runs({ peer: one }), addresses.runs({ peer: two }), addresses.runs({ peer: peer('3') })]).toEqual([true, false, true]);
  const methods = await limited({ perSecond: 1, per: 'method' });
  expect([methods.runs(), methods.runs(), methods.runs({ method: 'N' }), methods.runs({ service: 'T' })]).toEqual([true, false, true, true]);
  const keys = await limited({ perSecond: 1, key: ({ metadata }) => metadata['tenant'] });
  const tenant = (name: string) => ({ metadata: { tenant: name } });
  expect([keys.runs(tenant('a')), keys.runs(tenant('a')), keys.runs(tenant('b')), keys.runs({ metadata: {} }), keys.runs({ metadata: {} })]).toEqual([true, false, true, true, true]);
});

it('counts one who has a whole network of public IPv6 addresses once, and each machine of a private one by itself', async () => {
  const { runs } = await limited({ perSecond: 1, per: 'address' });
  const from = (host: string) => runs({ peer: peer('1', host) });
  expect([from('[2001:db8:1:2::1]:1'), from('[2001:db8:1:2::2]:1'), from('[2001:db8:1:3::1]:1')]).toEqual([true, false, true]);
  expect([from('[fd00::1]:1'), from('[fd00::2]:1'), from('[fd00::1]:2')]).toEqual([true, true, false]);
});

it('keeps long names apart without keeping them', async () => {
  const { runs } = await limited({ perSecond: 1, per: 'method' });
  const long = 'x'.repeat(100_000);
  expect([runs({ method: long }), runs({ method: long }), runs({ method: `${long}y` })]).toEqual([true, false, true]);
});

it.each([{}, { perSecond: 0 }, { perSecond: 1, burst: -1 }, { perSecond: 1, per: 'user' }, { perSecond: 1, key: 'tenant' }, { perSecond: 1, key: () => 'a', per: 'peer' }, { perSecond: 1, maxBuckets: 0 }])('%j is a TypeError', (options) => {
  expect(() => rateLimitRequests(options as never)).toThrow(TypeError);
});
