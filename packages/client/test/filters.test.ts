import { contract, runAmbient, systemClock, unary } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { createClient } from '../src/client.ts';
import { failure, rig, settled, until } from './fake-server.ts';

const { Put } = contract('Store', { Put: unary<number, void>() }).methods;

describe('a filter of outgoing messages', () => {
  it('M20: stops a request: FILTERED, nothing on the wire, and no other server is tried', async () => {
    const asked: string[] = [];
    await using one = await rig({ filters: { outgoing: (call, address) => { asked.push(`${call.method} ${address}`); return call.method !== 'Secret'; } } });
    one.server.onCall = (call) => one.server.reply(call);
    expect(await one.client.call('A', 'Open', 1)).toBe('ok');
    expect(await failure(one.client.call('A', 'Secret', 1))).toMatchObject({ code: 'failed_precondition', reason: 'FILTERED', sent: false, address: one.server.address });
    expect(await failure(one.client.raw({ service: 'A', method: 'Secret', metadata: {}, payload: new Uint8Array(1), codecId: 0, compressorId: 0, oneway: false, error: false }))).toMatchObject({ reason: 'FILTERED' });
    await settled();
    expect(one.server.received.map(({ method }) => method)).toEqual(['Open']);
    expect(asked).toEqual(['Open', 'Secret', 'Secret'].map((method) => `${method} ${one.server.address}`));
    expect(one.client.stats()).toMatchObject({ active: 0, retries: 0 });
  });

  it('that throws fails the call, and the next one is fine', async () => {
    await using one = await rig({ filters: { outgoing: ({ input }) => { if (input === 1) throw new Error('a slip'); return true; } } });
    one.server.onCall = (call) => one.server.reply(call);
    expect(await failure(one.client.call('A', 'B', 1))).toMatchObject({ code: 'internal', sent: false, message: expect.stringContaining('a slip') as string });
    expect(await one.client.call('A', 'B', 2)).toBe('ok');
  });
});

describe('a filter of incoming messages', () => {
  it('M20: rejects a reply before it is decoded, an error as well', async () => {
    const seen: unknown[] = [];
    await using one = await rig({ filters: { incoming: ({ metadata, error, payloadBytes, service, method }) => { seen.push([service, method, error, payloadBytes]); return metadata['bad'] === undefined; } } });
    one.server.onCall = (call) => one.server.reply(call, call.method === 'Bad' ? { payload: '{', metadata: { bad: '1' } } : {});
    expect(await failure(one.client.call('A', 'Bad', 1))).toMatchObject({ code: 'failed_precondition', reason: 'FILTERED', sent: true });
    expect(await one.client.call('A', 'Good', 1)).toBe('ok');
    one.server.onCall = (call) => one.server.fail(call, 'no', { bad: '1' });
    expect(await failure(one.client.call('A', 'B', 1))).toMatchObject({ reason: 'FILTERED' });
    expect(seen).toEqual([['A', 'Bad', false, 1], ['A', 'Good', false, 4], ['A', 'B', true, 0]]);
  });

  it('may drop a reply: the call waits as if it had not come, until its deadline or its connection ends', async () => {
    const clock = manualClock();
    let drop = true;
    await using one = await rig({ clock, filters: { incoming: () => (drop ? 'drop' : true) } });
    one.server.onCall = (call) => one.server.reply(call);
    const late = failure(one.client.call('A', 'B', 1, { timeoutMs: 100 }));
    const lost = failure(one.client.call('A', 'C', 1, { timeoutMs: Infinity }));
    await until(() => one.client.stats().traffic.framesRead >= 2);
    clock.advance(110);
    expect(await late).toMatchObject({ reason: 'TIMEOUT' });
    expect(one.client.pendingCount).toBe(1);
    one.server.connection.abort();
    expect(await lost).toMatchObject({ reason: 'CONNECTION_LOST' });
    drop = false;
    expect(await one.client.call('A', 'D', 1)).toBe('ok');
  });

  it('that throws fails that call only', async () => {
    let slips = 1;
    await using one = await rig({ filters: { incoming: () => { if (slips-- > 0) throw new Error('a slip'); return true; } } });
    one.server.onCall = (call) => one.server.reply(call);
    expect(await failure(one.client.call('A', 'B', 1))).toMatchObject({ code: 'internal', message: expect.stringContaining('a slip') as string });
    expect(await one.client.call('A', 'B', 1)).toBe('ok');
  });
});

describe('a client that requires deadlines', () => {
  it('M03: refuses a call without one before anything else happens', async () => {
    let started = 0;
    await using one = await rig({ requireDeadline: true, plugins: [{ name: 'p', start: () => void (started += 1) }] });
    const endless = { timeoutMs: Infinity };
    const refused = { code: 'invalid_argument', reason: 'NO_DEADLINE', sent: false };
    const raw = { service: 'A', method: 'B', metadata: {}, payload: new Uint8Array(0), codecId: 0, compressorId: 0, oneway: false, error: false };
    expect(await failure(one.client.call('A', 'B', 1))).toMatchObject(refused);
    expect(await failure(one.client.call('A', 'B', 1, endless))).toMatchObject(refused);
    expect(await failure(one.client.raw(raw))).toMatchObject(refused);
    expect(await failure(Promise.resolve(one.client.start(Put, 1)))).toMatchObject(refused);
    expect(await failure(one.client.service<{ B(n: number): Promise<void> }>('A').B(1))).toMatchObject(refused);
    expect(await failure(one.client.fork(Put, 1))).toMatchObject(refused);
    expect([started, one.server.connections.length]).toEqual([0, 0]);
  });

  it('M03: takes one that is given, one that is inherited, and one-way calls without', async () => {
    await using one = await rig({ requireDeadline: true });
    one.server.onCall = (call) => one.server.reply(call);
    expect(await one.client.call('A', 'B', 1, { timeoutMs: 1000 })).toBe('ok');
    expect(await runAmbient({ deadline: systemClock.now() + 1000 }, () => one.client.call('A', 'B', 1))).toBe('ok');
    await one.client.oneway(Put, 1);
    await one.client.oneshot(Put, 1);
  });
});

describe('contributors of headers', () => {
  it('M29: write in their order, once an attempt, what the server gets beside the time that is left', async () => {
    let attempt = 0;
    await using one = await rig({
      headers: [
        (metadata) => { metadata['trace'] = `t${++attempt}`; },
        (metadata, call) => { metadata['order'] = `${metadata['trace']} ${call.service}.${call.method}`; },
      ],
    });
    one.server.onCall = (call) => {
      if (one.server.received.length === 1) one.server.fail(call, 'rpcx: server is closing');
      else one.server.reply(call);
    };
    const mine = { own: 'yes' };
    await one.client.call('A', 'B', 1, { timeoutMs: 5000, metadata: mine }).catch(() => {});
    await one.client.call('A', 'C', 1, { timeoutMs: 5000, metadata: mine });
    expect(mine).toEqual({ own: 'yes' });
    const last = one.server.received.at(-1)?.metadata ?? {};
    expect(last).toMatchObject({ trace: 't2', order: 't2 A.C', own: 'yes' });
    expect(Number(last['__ServerTimeout'])).toBeGreaterThan(0);
    expect(Number(last['__ServerTimeout'])).toBeLessThanOrEqual(5000);
  });

  it('that throw fail their call, and nothing of it is written', async () => {
    await using one = await rig({ headers: [(_metadata, call) => { if (call.method === 'Bad') throw new Error('a slip'); }] });
    one.server.onCall = (call) => one.server.reply(call);
    expect(await failure(one.client.call('A', 'Bad', 1))).toMatchObject({ code: 'internal', sent: false, message: 'A.Bad could not be written: a slip' });
    expect(await one.client.call('A', 'Good', 1)).toBe('ok');
    expect(one.server.received.map(({ method }) => method)).toEqual(['Good']);
  });

  it('may make a call themselves', async () => {
    await using one = await rig({ headers: [(_metadata, call) => { if (call.method === 'Outer') void one.client.call('A', 'Inner', 1); }] });
    one.server.onCall = (call) => one.server.reply(call);
    expect(await one.client.call('A', 'Outer', 1)).toBe('ok');
    await until(() => one.server.received.length === 2);
    expect(one.server.received.map(({ method }) => method).toSorted()).toEqual(['Inner', 'Outer']);
  });
});

it.each([[{ filters: { outgoing: 1 } }, 'filters.outgoing'], [{ filters: { incoming: 'drop' } }, 'filters.incoming'], [{ headers: [() => {}, { a: 'b' }] }, 'headers[1]']])('what is no function is refused when the client is made: %j', (options, name) => {
  const transport = { networks: ['memory'], dial: () => Promise.reject(new Error('down')) };
  expect(() => createClient({ servers: 'memory@a', transports: [transport], ...(options as object) })).toThrow(new RegExp(name.replaceAll(/[.[\]]/g, '.')));
});
