import { contract, unary } from '@rpcxjs/core';
import { flag } from '@rpcxjs/protocol';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { failure, rig, settled, until, type Rig } from './fake-server.ts';

const { Get, Put } = contract('Store', { Get: unary<number, number>(), Put: unary<number, void>() }).methods;

async function connected(given: Parameters<typeof rig>[0] = {}): Promise<Rig> {
  const one = await rig(given);
  one.server.onCall = (call) => one.server.reply(call);
  await one.client.call('A', 'B', 1);
  one.server.received.length = 0;
  one.server.onCall = (call) => {
    if ((call.flags & flag.oneway) === 0) one.server.reply(call, { payload: call.payload.toString() });
  };
  return one;
}

describe('a batch', () => {
  it('G14: sends nothing before it is called, then everything in one write, and each call has its own reply', async () => {
    await using one = await connected();
    const batch = one.client.batch();
    const handles = Array.from({ length: 100 }, (_, n) => batch.add(Get, n));
    await settled();
    expect([batch.length, one.server.received.length, handles[0]?.state]).toEqual([100, 0, 'queued']);
    const before = one.client.stats().traffic.chunksWritten;
    await batch.call();
    expect(one.client.stats().traffic.chunksWritten - before).toBe(1);
    expect(handles.every(({ state }) => state === 'settled')).toBe(true);
    expect(await Promise.all(handles)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(batch.length).toBe(0);
  });

  it('G15: has one deadline: what is done by then keeps its value, the rest is TIMEOUT, and so is the batch', async () => {
    const clock = manualClock();
    await using one = await connected({ clock });
    one.server.onCall = (call) => {
      if (Number(call.payload) < 40) one.server.reply(call, { payload: call.payload.toString() });
    };
    const batch = one.client.batch();
    const handles = Array.from({ length: 100 }, (_, n) => batch.add(Get, n));
    const called = failure(batch.call({ timeoutMs: 10 }));
    await until(() => one.client.stats().succeeded === 41);
    clock.advance(20);
    expect(await called).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT', message: expect.stringMatching(/^60 of 100 calls/) as string });
    const ends = await Promise.all(handles.map((handle) => handle.catch((error) => (error as { reason: string }).reason)));
    expect(ends).toEqual(handles.map((_, n) => (n < 40 ? n : 'TIMEOUT')));
    expect(one.client.stats().active).toBe(0);
  });

  it('G16: mixes one-way calls in, which are done when they are written', async () => {
    await using one = await connected();
    const batch = one.client.batch();
    const handles = Array.from({ length: 100 }, (_, n) => {
      batch.addOneway(Put, n);
      return batch.add(Get, n);
    });
    await batch.call();
    expect(await Promise.all(handles)).toEqual(handles.map((_, n) => n));
    expect(one.server.received.map(({ method }) => method)).toEqual(handles.flatMap(() => ['Put', 'Get']));
  });

  it('keeps the errors of its calls to themselves', async () => {
    await using one = await connected();
    one.server.onCall = (call) => (call.payload.toString() === '1' ? one.server.fail(call, 'no') : one.server.reply(call, { payload: '7' }));
    const batch = one.client.batch();
    const [good, bad] = [batch.add(Get, 0), batch.add(Get, 1)];
    await batch.call();
    expect(await good).toBe(7);
    expect(await failure(Promise.resolve(bad))).toMatchObject({ message: 'no', remote: true });
  });

  it('ends with its signal, leaves out what was cancelled before, and can be used again', async () => {
    await using one = await connected();
    one.server.onCall = undefined;
    const batch = one.client.batch();
    const out = batch.add(Get, 1);
    const held = batch.add(Get, 2, { metadata: { own: 'yes' } });
    out.cancel('no more');
    expect(batch.length).toBe(1);
    expect(await failure(Promise.resolve(out))).toMatchObject({ reason: 'ABORTED', sent: false, cause: 'no more' });
    const stop = new AbortController();
    const called = failure(batch.call({ signal: stop.signal }));
    expect((await one.server.call(0)).metadata).toMatchObject({ own: 'yes' });
    stop.abort();
    expect(await called).toMatchObject({ code: 'canceled', reason: 'ABORTED', message: expect.stringMatching(/^1 of 1 calls/) as string });
    expect(held.state).toBe('settled');
    await batch.call();
    const again = batch.add(Get, 3);
    one.server.onCall = (call) => one.server.reply(call, { payload: call.payload.toString() });
    await batch.call();
    expect(await again).toBe(3);
    expect(one.server.received).toHaveLength(2);
  });

  it('leaves together also with plugins that start late and while the server is still being dialled', async () => {
    await using one = await rig({ plugins: [{ name: 'late', start: settled }] });
    one.server.onCall = (call) => one.server.reply(call, { payload: call.payload.toString() });
    const batch = one.client.batch();
    const handles = Array.from({ length: 50 }, (_, n) => batch.add(Get, n));
    await batch.call();
    expect(await Promise.all(handles)).toHaveLength(50);
    expect(one.client.stats().traffic.chunksWritten).toBeLessThanOrEqual(2);
  });

  it('fails all its calls on a client that is closed', async () => {
    await using one = await connected();
    const batch = one.client.batch();
    const handle = batch.add(Get, 1);
    await one.client.close();
    await batch.call();
    expect(await failure(Promise.resolve(handle))).toMatchObject({ reason: 'CLOSED' });
  });

  it('fails all its calls when a plugin does not start, and keeps to its deadline while one is starting', async () => {
    const clock = manualClock();
    const starts = [() => { throw new Error('no disk'); }, () => new Promise<void>(() => {})];
    await using one = await rig({ clock, plugins: [{ name: 'late', start: () => starts.shift()?.() }] });
    const batch = one.client.batch();
    const failed = batch.add(Get, 1);
    await batch.call();
    expect(await failure(Promise.resolve(failed))).toMatchObject({ code: 'internal', message: 'the client\'s plugin "late" did not start: no disk', sent: false });
    const waits = batch.add(Get, 2);
    const called = failure(batch.call({ timeoutMs: 300 }));
    await settled();
    clock.advance(300);
    expect(await called).toMatchObject({ reason: 'TIMEOUT' });
    expect(await failure(Promise.resolve(waits))).toMatchObject({ reason: 'TIMEOUT', sent: false });
  });
});
