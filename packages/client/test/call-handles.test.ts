import { contract, RpcError, unary } from '@rpcxjs/core';
import { flag } from '@rpcxjs/protocol';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { methodsOf } from '../src/method-refs.ts';
import { failure, rig, settled, until, type Rig } from './fake-server.ts';

const { Get, Put } = contract('Store', { Get: unary<number, string>(), Put: unary<number, void>({ idempotent: true }) }).methods;

/** Makes the connection, so that what follows is the test's alone. */
async function connected(one: Rig): Promise<void> {
  one.server.onCall = (call) => one.server.reply(call);
  await one.client.call('A', 'B', 1);
  one.server.onCall = undefined;
  one.server.received.length = 0;
}

describe('a started call', () => {
  it('G12: N02: is its reply when awaited, in any order, and says once each when it is done', async () => {
    await using one = await rig();
    one.server.onCall = (call) => one.server.reply(call, { payload: `"got ${call.payload.toString()}"`, metadata: { n: call.payload.toString() } });
    const done: string[] = [];
    const handles = Array.from({ length: 50 }, (_, n) => one.client.start(Get, n, { done: ({ method, state }) => done.push(`${method}${n} ${state}`) }));
    for (const [n, handle] of [...handles.entries()].toReversed()) expect(await handle).toBe(`got ${n}`);
    expect(done).toEqual(handles.map((_, n) => `Get${n} settled`));
    expect(handles[7]).toMatchObject({ service: 'Store', method: 'Get', state: 'settled', metadata: { n: '7' }, address: one.server.address });
  });

  it('M02: has been sent before it has its reply, and is queued before it is sent', async () => {
    await using one = await rig();
    const handle = one.client.start(Get, 1);
    expect([handle.state, handle.metadata]).toEqual(['queued', undefined]);
    await handle.sent;
    expect(handle.state).toBe('written');
    one.server.reply(await one.server.call(0));
    expect(await handle).toBe('ok');
    expect(handle.state).toBe('settled');
  });

  it('M02: that is left behind keeps nothing and raises nothing, however it ends', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    const clock = manualClock();
    await using one = await rig({ clock });
    const done: unknown[] = [];
    for (const input of [1, 2]) one.client.start(Get, input, { timeoutMs: 50, done: (call) => done.push(call.state) });
    one.server.fail(await one.server.call(0), 'no');
    await until(() => done.length === 1);
    clock.advance(60);
    await settled();
    expect(done).toHaveLength(2);
    expect(one.client.stats()).toMatchObject({ active: 0, failed: 2 });
    await one.client.start(Get, 3, { timeoutMs: 1 }).sent.catch(() => {});
    clock.advance(60);
    await settled();
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('G13: that is cancelled while it waits for a writer never reaches the wire, and cancelling it twice is harmless', async () => {
    await using one = await rig();
    await connected(one);
    // The server does not read: what comes now fills the buffers, then it waits.
    one.server.connection.pause();
    const big = methodsOf<{ Big(text: string): Promise<string> }>('Store').Big;
    const filling = Array.from({ length: 64 }, () => one.client.start(big, 'x'.repeat(100_000)));
    await until(() => one.client.queuedCount > 0);
    const handles = Array.from({ length: 10 }, (_, n) => one.client.start(Get, n));
    await settled();
    expect(handles.map(({ state }) => state)).toEqual(Array.from({ length: 10 }, () => 'queued'));
    for (const handle of handles) handle.cancel('enough');
    for (const handle of handles) handle.cancel('really');
    expect(await failure(Promise.resolve(handles[0]))).toMatchObject({ code: 'canceled', reason: 'ABORTED', sent: false, cause: 'enough' });
    expect(await failure(handles[1]!.sent)).toMatchObject({ code: 'canceled' });
    one.server.onCall = (call) => one.server.reply(call);
    one.server.connection.resume();
    await Promise.all(filling);
    expect(one.server.received.map(({ method }) => method)).not.toContain('Get');
    handles[0]?.cancel();
    expect(handles[0]?.state).toBe('settled');
  });

  it('G13: that is cancelled when it was sent ends at once, and the server is told', async () => {
    await using one = await rig();
    one.server.greets = 'agree';
    await connected(one);
    const handle = one.client.start(Get, 1);
    const call = await one.server.call(0);
    handle.cancel();
    expect(await failure(Promise.resolve(handle))).toMatchObject({ code: 'canceled', sent: true });
    await until(() => one.server.received.length === 2);
    expect(one.server.received[1]).toMatchObject({ service: '_rpcxjs', method: 'cancel.1', sequence: call.sequence, flags: flag.oneway });
  });

  it('has what its caller passes: signal, metadata and a listener for the reply', async () => {
    await using one = await rig();
    const stop = new AbortController();
    const heard: unknown[] = [];
    const handle = one.client.start(Get, 1, { signal: stop.signal, metadata: { a: 'b' }, onReply: ({ address }) => heard.push(address) });
    const other = one.client.start(Get, 2, { signal: stop.signal, onReply: () => heard.push('never') });
    const call = await one.server.call(0);
    expect(call.metadata).toMatchObject({ a: 'b' });
    one.server.reply(call);
    await handle;
    stop.abort();
    expect(await failure(Promise.resolve(other))).toMatchObject({ reason: 'ABORTED' });
    expect(heard).toEqual([one.server.address]);
  });

  it('fails where nothing can be sent, sent and reply alike, and a listener that throws is logged', async () => {
    await using one = await rig({ servers: 'memory@nobody' });
    const handle = one.client.start(Get, 1, { done: () => { throw new Error('a slip'); } });
    expect(await failure(handle.sent)).toMatchObject({ reason: 'CONNECT_FAILED' });
    expect(await handle.catch((error) => RpcError.is(error) && error.reason)).toBe('CONNECT_FAILED');
    expect(one.logger.lines).toMatchObject([{ message: expect.stringContaining('a slip') as string }]);
  });

  it('that an interceptor answers by itself counts as sent', async () => {
    await using one = await rig({ intercept: [() => () => ({ output: 'cached', metadata: {} })] });
    const handle = one.client.start(Get, 1);
    await handle.sent;
    expect(await handle.finally(() => {})).toBe('cached');
  });
});

describe('what can be cancelled', () => {
  it('costs no signal of its own, neither by itself nor in a batch', async () => {
    await using one = await rig();
    await connected(one);
    one.server.onCall = (call) => one.server.reply(call);
    const { AbortController: Original } = globalThis;
    let made = 0;
    globalThis.AbortController = class extends Original {
      constructor() {
        super();
        made += 1;
      }
    };
    try {
      const batch = one.client.batch();
      const handles = [one.client.start(Get, 1), one.client.start(Get, 2, { metadata: { a: 'b' } }), batch.add(Get, 3)];
      await batch.call();
      expect(await Promise.all(handles)).toEqual(['ok', 'ok', 'ok']);
      expect(made).toBe(0);
    } finally {
      globalThis.AbortController = Original;
    }
  });

  it('ends with whichever comes first, its handle or its signal, and has the reason of that', async () => {
    await using one = await rig();
    const stop = new AbortController();
    const [byHandle, bySignal, unnamed] = [1, 2, 3].map((n) => one.client.start(Get, n, { signal: stop.signal }));
    byHandle?.cancel('mine');
    unnamed?.cancel();
    stop.abort('theirs');
    byHandle?.cancel('late');
    expect(await failure(Promise.resolve(byHandle))).toMatchObject({ reason: 'ABORTED', cause: 'mine' });
    expect(await failure(Promise.resolve(bySignal))).toMatchObject({ reason: 'ABORTED', cause: 'theirs' });
    expect(await failure(Promise.resolve(unnamed))).toMatchObject({ reason: 'ABORTED', cause: { name: 'AbortError' } });
  });

  it('ends in interceptors that never pass it on, in those that pass it on twice, and while plugins start', async () => {
    const clock = manualClock();
    const never = await rig({ clock, intercept: [() => () => new Promise(() => {})] });
    const held = never.client.start(Get, 1);
    const twice = await rig({ intercept: [(next) => async (call) => await Promise.any([next(call), next(call)])] });
    const both = twice.client.start(Get, 1);
    await twice.server.call(1);
    const late = await rig({ plugins: [{ name: 'late', start: () => new Promise<void>(() => {}) }] });
    const early = late.client.start(Get, 1);
    for (const handle of [held, both, early]) handle.cancel('enough');
    clock.advance(50);
    expect(await failure(Promise.resolve(held))).toMatchObject({ reason: 'ABORTED', sent: false, cause: 'enough' });
    expect(await failure(Promise.resolve(both))).toMatchObject({ errors: [{ reason: 'ABORTED' }, { reason: 'ABORTED' }] });
    expect(await failure(Promise.resolve(early))).toMatchObject({ reason: 'ABORTED', sent: false });
    expect([never.client.pendingCount, twice.client.pendingCount, late.client.pendingCount]).toEqual([0, 0, 0]);
    for (const { client } of [never, twice, late]) client.abort();
  });

  it('tells whoever asks late whether it was sent, and what came of it, however often', async () => {
    await using one = await rig({ intercept: [(next) => async (call) => (call.input === 3 ? Promise.reject(undefined) : await next(call))] }); // oxlint-disable-line prefer-promise-reject-errors -- programs without types do it
    one.server.onCall = (call) => (call.payload.toString() === '2' ? one.server.fail(call, 'no') : one.server.reply(call));
    const [good, bad, odd] = [1, 2, 3].map((n) => one.client.start(Get, n));
    await until(() => [good, bad, odd].every((handle) => handle?.state === 'settled'));
    expect([await good, await good, await good?.sent]).toEqual(['ok', 'ok', undefined]);
    expect(await bad?.sent).toBeUndefined();
    for (const again of [1, 2]) expect([again, (await failure(Promise.resolve(bad))).message]).toEqual([again, 'no']);
    expect(bad?.sent).toBe(bad?.sent);
    expect(await odd?.then(() => 'done', (error: unknown) => [error])).toEqual([undefined]);
    expect(await odd?.sent.then(() => 'sent', () => 'unsent')).toBe('unsent');
  });
});

describe('oneshot', () => {
  it('G11: resolves while the call waits for a connection, which it then gets', async () => {
    await using one = await rig();
    await one.client.oneshot(Put, 1);
    expect(one.server.received).toHaveLength(0);
    expect((await one.server.call(0)).flags & flag.oneway).toBe(flag.oneway);
    expect(one.client.stats()).toMatchObject({ succeeded: 1, active: 0 });
  });

  it('G05: rejects at once when the queue is full, and displaces nothing', async () => {
    await using one = await rig({ queue: { max: 2, overflow: 'drop-oldest' } });
    const waiting = [one.client.start(Get, 1), one.client.start(Get, 2)];
    expect(await failure(one.client.oneshot(Put, 3))).toMatchObject({ code: 'resource_exhausted', reason: 'OVERLOADED', sent: false });
    expect(await failure(one.client.oneway(Put, 3))).toMatchObject({ reason: 'OVERLOADED' });
    one.server.onCall = (call) => one.server.reply(call);
    expect(await Promise.all(waiting)).toEqual(['ok', 'ok']);
  });

  it('rejects on a client that is closed, and with interceptors around the attempt as well', async () => {
    await using one = await rig({ queue: { max: 1 }, plugins: [{ name: 'p', interceptAttempt: (next) => async (call) => await next(call) }] });
    const first = one.client.start(Get, 1);
    expect(await failure(one.client.oneshot(Put, 2))).toMatchObject({ reason: 'OVERLOADED' });
    first.cancel();
    one.client.abort();
    expect(await failure(one.client.oneshot(Put, 3))).toMatchObject({ reason: 'CLOSED' });
  });
});

it('methodsOf names methods by an interface, or by any name', async () => {
  await using one = await rig();
  one.server.onCall = (call) => one.server.reply(call, { payload: JSON.stringify(`${call.service}.${call.method} ${call.payload.toString()}`) });
  interface Arith { Mul(args: { A: number; B: number }): Promise<string>; Reset(): Promise<void> }
  const arith = methodsOf<Arith>('Arith', { idempotent: ['Mul'] });
  expect(arith.Mul).toMatchObject({ service: 'Arith', name: 'Mul', kind: 'unary', idempotent: true });
  expect(arith.Mul).toBe(arith.Mul);
  expect(await one.client.start(arith.Mul, { A: 6, B: 7 })).toBe('Arith.Mul {"A":6,"B":7}');
  await one.client.start(arith.Reset, undefined);
  expect(await one.client.fork(methodsOf('Other')['Any']!, [1])).toBe('Other.Any [1]');
  // @ts-expect-error a misspelt method
  expect(arith.Mull).toBeDefined();
});

it.each([
  [undefined, 'undefined is'], ['Arith.Mul', '"Arith.Mul" is'], [{}, 'an object of another kind is'], [methodsOf('Arith'), 'an object of another kind is'],
  [{ kind: 'push', service: 'A', name: 'B' }, 'push "A.B" is'],
])('%j is no method, and each verb says so and what it takes', async (method, said) => {
  await using one = await rig();
  const wrong = method as never; // as a program without types passes it
  const { client } = one;
  expect(() => client.start(wrong, 1)).toThrow(`${said} no method that can be called: it takes one of a contract, Arith.methods.Mul, or of methodsOf('Arith').Mul`);
  expect(() => client.batch().add(wrong, 1)).toThrow(TypeError);
  for (const call of [client.oneway(wrong, 1), client.oneshot(wrong, 1), client.broadcast(wrong, 1), client.fork(wrong, 1), client.inform(wrong, 1)]) {
    expect(await failure(call)).toBeInstanceOf(TypeError);
  }
});
