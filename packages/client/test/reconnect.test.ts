import { manualClock, seededRandom } from '@rpcxjs/testing';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { RpcError, type Connection, type Dialer } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { createClient } from '../src/client.ts';
import { LinkBackoff } from '../src/link-backoff.ts';
import { reconnectDefaults } from '../src/link-options.ts';
import { openLink } from './calls.ts';
import { failure, FakeServer, recordingLogger, rig, settled, until } from './fake-server.ts';

const once = { name: 'once', next: () => 'give-up' as const };

describe('the backoff of a server', () => {
  it('grows by 1.6 from 100 ms to 5 s, all of it drawn, and begins anew after a stable connection', () => {
    const clock = { ...manualClock(), random: () => 1 };
    const backoff = new LinkBackoff(reconnectDefaults, clock);
    const waits = Array.from({ length: 12 }, () => {
      backoff.failed();
      return Math.round(backoff.waitMs(0));
    });
    expect(waits).toEqual([100, 160, 256, 410, 655, 1049, 1678, 2684, 4295, 5000, 5000, 5000]);
    expect(backoff.callWaitMs(0)).toBe(1000);
    backoff.connected();
    expect(backoff.waitMs(0)).toBe(0);
    backoff.lost(4999);
    expect(backoff.waitMs(0)).toBe(5000);
    backoff.lost(5000);
    expect(backoff.waitMs(0)).toBe(1500);
    const draws = new LinkBackoff(reconnectDefaults, { ...clock, random: () => 0.25 });
    draws.failed();
    expect(draws.waitMs(0)).toBe(25);
    const partly = new LinkBackoff({ ...reconnectDefaults, jitter: 0.2 }, { ...clock, random: () => 0.5 });
    partly.failed();
    expect(partly.waitMs(0)).toBe(90);
  });

  it('grows from 1 ms where the second dial is to come at once: a server that stays down is not dialled in circles', () => {
    const clock = { ...manualClock(), random: () => 1 };
    const backoff = new LinkBackoff({ ...reconnectDefaults, initialMs: 0 }, clock);
    const waits = Array.from({ length: 20 }, () => {
      backoff.failed();
      return Math.round(backoff.waitMs(0));
    });
    expect([...waits.slice(0, 4), waits[19]]).toEqual([0, 2, 3, 4, 5000]);
  });

  it('lets the first connection that was lost young be dialled again at once, and further ones as failed dials', () => {
    const clock = { ...manualClock(), random: () => 1 };
    const backoff = new LinkBackoff(reconnectDefaults, clock);
    backoff.lost(10);
    expect(backoff.callWaitMs(0)).toBe(0);
    backoff.connected();
    backoff.lost(10);
    expect(backoff.callWaitMs(0)).toBe(160);
  });

  it('is ended by a call that comes a second after a failed dial, which wakes one dial', async () => {
    const clock = manualClock();
    let dials = 0;
    const down: Dialer = { networks: ['memory'], dial: () => { dials += 1; return Promise.reject(new Error('down')); } };
    const { link, send, ended } = openLink({ transports: [down], clock, reconnect: { jitter: 0, initialMs: 5000 } });
    send('a');
    await ended(1);
    send('b');
    await clock.advanceAsync(999);
    send('c');
    await ended(3);
    expect([dials, link.failing]).toEqual([1, true]);
    await clock.advanceAsync(1);
    expect(link.failing).toBe(false);
    send('d');
    send('e');
    await ended(5);
    expect(dials).toBe(2);
    link.abort(new RpcError('canceled', 'done'));
  });

  it('holds back the next call after a stable connection was lost, by a second and a half at most', async () => {
    const clock = manualClock();
    await using one = await rig({ clock });
    one.server.onCall = (call) => one.server.reply(call);
    await one.client.call('S', 'M', 1);
    await clock.advanceAsync(6000);
    one.server.network.links[0]?.cut();
    await until(() => one.client.stats().connections === 0);
    const call = one.client.call('S', 'M', 1);
    await settled();
    expect(one.client.queuedCount).toBe(1);
    await clock.advanceAsync(1500);
    expect(await call).toBe('ok');
  });
});

/** How many dials come at which time, when every client has calls all the time and the server is away for so long. */
async function herd(clients: number, awayMs: number): Promise<{ readonly peak: number; readonly backMs: number; readonly all: number }> {
  const network = memoryNetwork();
  const clock = manualClock();
  const server = await FakeServer.listen(network, 'fake', clock);
  const connects: number[] = [];
  const all = Array.from({ length: clients }, (_, index) => {
    // One clock for the test and lots of their own, as processes have.
    const own = { ...clock, now: clock.now, random: seededRandom(index + 1) };
    const dialer: Dialer = {
      networks: ['memory'],
      dial: async (...given) => {
        const connection = await network.dial(...given);
        connects.push(clock.now());
        return connection;
      },
    };
    return createClient({ servers: 'memory@fake', transports: [dialer], clock: own, logger: recordingLogger(), failMode: once, timeoutMs: Infinity });
  });
  await Promise.all(all.map((client) => client.ready()));
  await clock.advanceAsync(6000);
  connects.length = 0;
  const lostAt = clock.now();
  if (awayMs > 0) network.change({ refuse: true });
  for (const link of network.links) link.cut();
  await settled();
  for (let now = 0; now < awayMs + 5000; now += 50) {
    if (now >= awayMs && network.weather.refuse) network.change({ refuse: false });
    for (const client of all) void client.call('S', 'M', 1).catch(() => {});
    await clock.advanceAsync(50);
  }
  const peak = Math.max(...connects.map((from) => connects.filter((at) => at >= from && at < from + 100).length));
  const backMs = Math.max(...connects) - lostAt - awayMs;
  for (const client of all) client.abort();
  void server;
  return { peak: peak / clients, backMs, all: connects.length };
}

describe('E7: when a server goes away from 200 clients that have calls all the time', () => {
  it.each([0, 300, 1000, 3000])('and comes back after %i ms, no more than 15 % of them connect in any 100 ms', async (awayMs) => {
    const { peak, backMs, all } = await herd(200, awayMs);
    expect(all).toBe(200);
    expect(peak).toBeLessThanOrEqual(0.15);
    expect(backMs).toBeLessThanOrEqual(10_000);
  }, 30_000);
});

it('E8: a server that is up for a second and down for a second, 60 times, is dialled at a bounded rate, and nothing is left behind', async () => {
  const clock = manualClock();
  const network = memoryNetwork();
  const server = await FakeServer.listen(network, 'fake', clock);
  server.onCall = (call, connection) => { if (connection === server.connection) server.reply(call); };
  const dials: number[] = [];
  const counting: Dialer = { networks: ['memory'], dial: (...given) => { dials.push(clock.now()); return network.dial(...given); } };
  const client = createClient({ servers: server.address, transports: [counting], clock, logger: recordingLogger(), failMode: once });
  let [succeeded, failed] = [0, 0];
  for (let round = 0; round < 60; round++) {
    for (const refuse of [false, true]) {
      network.change({ refuse });
      if (refuse) for (const link of network.links) link.cut();
      for (let step = 0; step < 50; step++) {
        void client.call('S', 'M', 1, { timeoutMs: 900 }).then(() => (succeeded += 1), () => (failed += 1));
        await clock.advanceAsync(20);
      }
    }
  }
  const perSecond = dials.map((from) => dials.filter((at) => at >= from && at < from + 1000).length);
  // Three thousand calls found no connection; once it is known that it flaps, no more than a few a second dial.
  expect(Math.max(...perSecond.slice(10))).toBeLessThanOrEqual(10);
  expect(dials.length).toBeLessThan(60 * 4);
  expect(succeeded).toBeGreaterThan(300);
  await clock.advanceAsync(2000);
  expect(client.stats()).toMatchObject({ active: 0, queued: 0 });
  expect(succeeded + failed).toBe(60 * 100);
  client.abort();
  await settled();
  expect([network.links.length, clock.pending]).toEqual([0, 0]);
}, 30_000);

it('a server that leaves without a word gets a hint at TLS', async () => {
  await using one = await rig({ failMode: once });
  const error = failure(one.client.call('S', 'M', 1));
  one.server.greets = 'nothing';
  await one.server.call(0);
  await one.server.connection.close();
  expect((await error).message).toContain('do both sides agree on TLS');
  const two = await rig({ failMode: once });
  two.server.greets = 'nothing';
  two.server.onCall = (_, connection: Connection) => void connection.write(Uint8Array.of(0x15, 0x03, 0x03, 0, 2, 2, 70));
  expect(await failure(two.client.call('S', 'M', 1))).toMatchObject({ reason: 'BAD_FRAME', message: expect.stringContaining('the alert of a TLS server') as string });
  await two[Symbol.asyncDispose]();
});
