import { contract, unary } from '@rpcxjs/core';
import { reserved } from '@rpcxjs/protocol';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { failover } from '../src/fail-modes/failover.ts';
import { deferred, failure, rig, settled, until } from './fake-server.ts';

const { Put } = contract('Store', { Put: unary<number, void>() }).methods;

describe('the counts of a client', () => {
  it('G22: are 0 before the first call, the averages too, and plain JSON', async () => {
    await using one = await rig();
    const { averages, traffic, ...rest } = one.client.stats();
    expect(averages).toEqual({ callMs: 0, bytes: 0, chunks: 0 });
    expect(Object.values(traffic).every((count) => count === 0)).toBe(true);
    expect(Object.values(rest).every((count) => count === 0)).toBe(true);
    expect(JSON.parse(JSON.stringify(one.client.stats()))).toEqual(one.client.stats());
  });

  it('have the attempts that the retry budget did not allow', async () => {
    await using one = await rig({ retryBudget: { ratio: 0, perSecond: 0.1 }, failMode: failover({ retries: 3, backoffMs: 0, retryUnsafe: true }) });
    one.server.greets = 'agree';
    one.server.onCall = (call) => one.server.fail(call, 'not today', { [reserved.structuredError]: '{"code":"unavailable"}' });
    for (let calls = 0; calls < 2; calls++) await failure(one.client.call('A', 'B', 1));
    expect(one.client.stats()).toMatchObject({ calls: 2, retries: 1, overBudget: 2 });
  });

  it('G22: have the bytes of the wire, the dials and errors, and what a call took on average; a reset makes them 0', async () => {
    const clock = manualClock();
    await using one = await rig({ clock });
    let bytes = 0;
    for (const millis of [10, 30]) {
      const call = one.client.call('A', 'B', 1);
      const got = await one.server.call(one.client.stats().succeeded);
      bytes += got.bytes;
      clock.advance(millis);
      one.server.reply(got);
      await call;
    }
    await failure((async () => {
      const call = one.client.call('A', 'Bad', 1);
      one.server.fail(await one.server.call(2), 'no');
      await call;
    })());
    const heartbeats = one.server.heartbeats.reduce((sum, frame) => sum + frame.bytes, 0);
    const stats = one.client.stats();
    expect(stats).toMatchObject({ calls: 3, succeeded: 2, failed: 1, callMs: 40, dials: 1, dialErrors: 0, connections: 1, active: 0 });
    expect(stats.traffic.bytesWritten).toBe(bytes + heartbeats + (one.server.received[2]?.bytes ?? 0));
    expect(stats.averages.callMs).toBeCloseTo(40 / 3);
    expect(stats.averages.bytes).toBeCloseTo((stats.traffic.bytesRead + stats.traffic.bytesWritten) / 3);
    expect(stats.averages.chunks).toBeCloseTo((stats.traffic.chunksRead + stats.traffic.chunksWritten) / 3);
    one.client.resetStats();
    expect(one.client.stats()).toMatchObject({ calls: 0, succeeded: 0, failed: 0, callMs: 0, dials: 0, connections: 1, averages: { callMs: 0, bytes: 0, chunks: 0 } });
    expect(one.client.stats().traffic).toMatchObject({ bytesRead: 0, bytesWritten: 0, framesWritten: 0 });
    await one.client.oneway(Put, 1);
    expect(one.client.stats()).toMatchObject({ calls: 1, succeeded: 1 });
  });

  it('G22: count dials that fail', async () => {
    await using one = await rig({ servers: 'memory@nobody' });
    await failure(one.client.call('A', 'B', 1, { timeoutMs: 50 }));
    const { dials, dialErrors } = one.client.stats();
    expect(dials).toBeGreaterThan(0);
    expect(dialErrors).toBe(dials);
  });

  it('G22: count connections that end with an error, not those that end cleanly', async () => {
    await using one = await rig();
    one.server.onCall = (call) => one.server.reply(call);
    await one.client.call('A', 'B', 1);
    await one.server.connection.close();
    await until(() => one.client.stats().connections === 0);
    expect(one.client.stats().connectionErrors).toBe(0);
    await one.client.call('A', 'B', 1);
    one.server.connection.abort(new Error('torn'));
    await until(() => one.client.stats().connections === 0);
    expect(one.client.stats()).toMatchObject({ connectionErrors: 1, dials: 2 });
    await one.client.call('A', 'B', 1);
    one.server.connection.write(new Uint8Array(64));
    await until(() => one.client.stats().connectionErrors === 2);
    await one.client.close();
    expect(one.client.stats().connectionErrors).toBe(2);
  });

  it('G20: say how many calls are pending, and how many of them wait', async () => {
    await using one = await rig();
    const seen: number[] = [];
    const calls = Array.from({ length: 10 }, (_, n) => {
      const call = one.client.call('A', 'B', n);
      seen.push(one.client.pendingCount);
      return call;
    });
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(one.client.queuedCount).toBe(10);
    for (let n = 0; n < 10; n++) one.server.reply(await one.server.call(n));
    expect(one.client.queuedCount).toBe(0);
    await Promise.all(calls);
    expect(one.client.pendingCount).toBe(0);
  });

  it('have the calls that wait for plugins to start among the active ones, whichever way they go out, and those among the failed that these fail', async () => {
    const clock = manualClock();
    const door = deferred();
    await using one = await rig({ clock, plugins: [{ name: 'slow', start: () => door.promise }] });
    one.server.onCall = (call) => one.server.reply(call);
    const message = { service: 'A', method: 'B', metadata: {}, payload: new TextEncoder().encode('1'), codecId: 1, compressorId: 0, oneway: false, error: false };
    const late = failure(one.client.call('A', 'B', 1, { timeoutMs: 50 }));
    const waiting = [one.client.call('A', 'B', 1), one.client.raw(message), one.client.inform(Put, 1), Promise.resolve(one.client.start(Put, 1))];
    await settled();
    expect([one.client.pendingCount, one.client.stats()]).toMatchObject([5, { active: 5, calls: 5, failed: 0 }]);
    await clock.advanceAsync(60);
    await late;
    expect([one.client.pendingCount, one.client.stats()]).toMatchObject([4, { active: 4, calls: 5, failed: 1, callMs: 50 }]);
    door.resolve();
    await Promise.all(waiting);
    expect(one.client.stats()).toMatchObject({ active: 0, calls: 5, succeeded: 4, failed: 1 });

    await using other = await rig({ plugins: [{ name: 'broken', start: () => Promise.reject(new Error('no key')) }] });
    await failure(other.client.call('A', 'B', 1));
    expect(other.client.stats()).toMatchObject({ active: 0, calls: 1, failed: 1, succeeded: 0 });
  });

  it('have the calls that interceptors pass on; those that they hold, before and after that, are only among the pending ones', async () => {
    const [before, after] = [deferred(), deferred()];
    await using one = await rig({ intercept: [(next) => async (call) => {
      await before.promise;
      const reply = await next(call);
      await after.promise;
      return reply;
    }] });
    one.server.onCall = (call) => one.server.reply(call);
    const calls = [one.client.call('A', 'B', 1), one.client.call('A', 'B', 1)];
    expect([one.client.pendingCount, one.client.stats()]).toMatchObject([2, { active: 0, calls: 0 }]);
    before.resolve();
    await until(() => one.client.stats().calls === 2);
    expect(one.client.pendingCount).toBe(2);
    await until(() => one.client.stats().succeeded === 2);
    expect(one.client.pendingCount).toBe(2);
    after.resolve();
    await Promise.all(calls);
    await settled();
    expect([one.client.pendingCount, one.client.stats()]).toMatchObject([0, { active: 0, calls: 2, succeeded: 2 }]);
  });

  it('G10: N25: count replies that come too late, which harm nothing; calls that timed out leave nothing', async () => {
    const clock = manualClock();
    await using one = await rig({ clock });
    const failed = Array.from({ length: 1000 }, () => failure(one.client.call('A', 'B', 1, { timeoutMs: 50 })));
    await until(() => one.server.received.length === 1000);
    clock.advance(60);
    for (const error of await Promise.all(failed)) expect(error.reason).toBe('TIMEOUT');
    expect(one.client.stats()).toMatchObject({ active: 0, queued: 0, failed: 1000 });
    for (const call of one.server.received.slice(0, 5)) one.server.reply(call);
    await until(() => one.client.stats().lateReplies === 5);
    await settled();
    one.server.onCall = (call) => one.server.reply(call);
    expect(await one.client.call('A', 'B', 1)).toBe('ok');
    expect([one.server.connections.length, one.client.pendingCount]).toEqual([1, 0]);
  });
});
