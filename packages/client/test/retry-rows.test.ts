import type { Dialer } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { createClient } from '../src/client.ts';
import { wasSent } from '../src/error-kind.ts';
import { failover } from '../src/fail-modes/failover.ts';
import { presets } from '../src/presets.ts';
import { FakeServer, failure, recordingLogger, rig, until } from './fake-server.ts';

describe('what is tried again', () => {
  it('M30: is what was refused before it was sent: two refusals, then success, with two waits within their range', async () => {
    const clock = manualClock();
    const server = await FakeServer.listen();
    server.onCall = (call) => server.reply(call);
    const attempts: number[] = [];
    const refusing: Dialer = { networks: ['refuse'], dial: () => Promise.reject(new Error('refused')) };
    const client = createClient({
      ...presets.morpc, servers: ['refuse@a', 'refuse@b', server.address], transports: [refusing, server.network], logger: recordingLogger(), clock,
      // Those that refuse come first.
      selector: { name: 'in order', build: (instances) => ({ pick: ({ avoid }) => ({ instance: instances.toSorted((a, b) => (a.address < b.address ? 1 : -1)).find(({ address }) => avoid?.has(address) !== true)! }) }) },
      plugins: [{ name: 'p', interceptAttempt: (next) => (call) => { attempts.push(clock.now()); return next(call); } }],
    });
    const call = client.call('A', 'B', 1, { timeoutMs: 5000 });
    await until(() => { clock.advance(0.25); return attempts.length === 3; });
    expect(await call).toBe('ok');
    const [first = 0, second = 0, third = 0] = attempts;
    expect(second - first).toBeLessThanOrEqual(11);
    expect(third - second).toBeLessThanOrEqual(21);
    expect([client.stats().retries, server.received.length]).toEqual([2, 1]);
    client.abort();
    await client.close();
  });

  it('M30: is never what was written: the server runs it once', async () => {
    await using one = await rig({ failMode: failover({ retries: 5 }) });
    one.server.onCall = (_call, connection) => connection.abort();
    expect(await failure(one.client.call('A', 'B', 1))).toMatchObject({ reason: 'CONNECTION_LOST', sent: true });
    expect([one.server.received.length, one.client.stats().retries]).toEqual([1, 0]);
  });

  it.each([
    ['idempotent', {}, { idempotent: ['B'] }],
    ['tried again as in Go', { retryUnsafe: true }, {}],
  ] as const)('counts as sent once one of its attempts was, whatever became of those after it: %s', async (_what, options, service) => {
    const server = await FakeServer.listen();
    let refused = false;
    const network: Dialer = { networks: ['memory'], dial: (...given) => (refused ? Promise.reject(new Error('refused')) : server.network.dial(...given)) };
    server.onCall = (_call, connection) => {
      refused = true;
      connection.abort();
    };
    const client = createClient({ servers: server.address, transports: [network], logger: recordingLogger(), reconnect: { spreadMs: 0 }, failMode: failover({ retries: 2, backoffMs: 0, ...options }) });
    const error = await failure(client.service<{ B(input: number): Promise<number> }>('A', service).B(1));
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED', sent: true, attempts: [{ error: { reason: 'CONNECTION_LOST', sent: true } }, { error: { sent: false } }, { error: { sent: false } }] });
    expect(wasSent(error)).toBe(true);
    await client.close();
  });
});

describe('a deadline', () => {
  it.each([20, 100, 5000])('G09: of %d ms ends the call within 20 ms of it, whether the server answers nothing or cannot be reached', async (timeoutMs) => {
    const clock = manualClock();
    const never: Dialer = { networks: ['never'], dial: (_address, { signal }) => new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('given up')))) };
    const unreachable = createClient({ servers: 'never@there', transports: [never], logger: recordingLogger(), clock, pool: { connectTimeoutMs: 60_000 } });
    await using mute = await rig({ clock });
    for (const client of [mute.client, unreachable]) {
      let endedAt = Number.NaN;
      const began = clock.now();
      const call = failure(client.call('A', 'B', 1, { timeoutMs })).then((error) => { endedAt = clock.now(); return error; });
      if (client === mute.client) await mute.server.call(0);
      await until(() => { clock.advance(1); return !Number.isNaN(endedAt); });
      expect(await call).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT' });
      expect(endedAt - began).toBeGreaterThanOrEqual(timeoutMs - 1);
      expect(endedAt - began).toBeLessThanOrEqual(timeoutMs + 20);
    }
    unreachable.abort();
    await unreachable.close();
  });
});
