import { RpcError, type CallOptions, type ClientCall, type Compressor, type Dialer, type Discovery, type Interceptor } from '@rpcxjs/core';
import { flag } from '@rpcxjs/protocol';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../src/client-options.ts';
import { failfast } from '../src/fail-modes/failfast.ts';
import { methodsOf } from '../src/method-refs.ts';
import { deferred, failure, rig, settled, until } from './fake-server.ts';

const never = new Promise<never>(() => {});
/** Takes for ever in one direction. */
const stuck = (direction: 'compress' | 'decompress', begun: () => void): Compressor => ({ id: 2, name: 'stuck', compress: (payload) => payload, decompress: (payload) => payload, [direction]: () => { begun(); return never; } });

describe('a call that ends by itself says whether it was sent', () => {
  it.each([
    ['deadline_exceeded', 'S.M was not done within'],
    ['canceled', 'was cancelled by its caller'],
  ])('%s while its reply is being inflated: it was', async (code, message) => {
    const clock = manualClock();
    const begun = deferred();
    const controller = new AbortController();
    await using one = await rig({ clock, compressors: [stuck('decompress', () => begun.resolve())] });
    const error = failure(one.client.call('S', 'M', 1, { timeoutMs: 100, signal: controller.signal }));
    one.server.reply(await one.server.call(0), { flags: 2 << flag.compressorShift });
    await begun.promise;
    if (code === 'canceled') controller.abort();
    else await clock.advanceAsync(110);
    expect(await error).toMatchObject({ code, sent: true, message: expect.stringContaining(message) as string });
  });

  it.each(['close', 'abort'] as const)('every kind of call ends with its client while plugins are starting, by %s()', async (how) => {
    await using one = await rig({ timeoutMs: Infinity, plugins: [{ name: 'late', start: () => new Promise<void>(() => {}) }] });
    const { client, server } = one;
    const { Get } = methodsOf('Store');
    const batch = client.batch();
    const ofBatch = batch.add(Get!, 1);
    const begun = [
      client.call('Store', 'Get', 1), Promise.resolve(client.start(Get!, 1)), client.oneway(Get!, 1), client.oneshot(Get!, 1), client.inform(Get!, 1), batch.call().then(() => ofBatch),
      client.raw({ service: 'Store', method: 'Get', codecId: 1, compressorId: 0, oneway: false, error: false, metadata: {}, payload: new Uint8Array(1) }),
      client.ready(), client.ping(server.address), client.lock(),
    ].map((one_) => failure(one_));
    await settled();
    if (how === 'abort') client.abort();
    await client.close();
    for (const error of await Promise.all(begun)) expect(error).toMatchObject({ code: 'canceled', reason: 'CLOSED', sent: false });
  });

  it('a ping ends within its time while plugins are starting', async () => {
    const clock = manualClock();
    await using one = await rig({ clock, plugins: [{ name: 'late', start: () => new Promise<void>(() => {}) }] });
    const late = failure(one.client.ping(one.server.address, { timeoutMs: 50 }));
    await settled();
    clock.advance(50);
    expect(await late).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT' });
  });

  it('every kind of call ends within its time, and with its signal, while plugins are starting', async () => {
    const clock = manualClock();
    const { B } = methodsOf<{ B(input: number): Promise<number> }>('A');
    await using one = await rig({ clock, plugins: [{ name: 'late', start: () => never }] });
    const { client } = one;
    const all = (options: CallOptions): Promise<unknown>[] => [
      client.call('A', 'B', 1, options), client.oneway(B, 1, options), client.oneshot(B, 1, options), client.start(B, 1, options).finally(() => {}),
      client.inform(B, 1, options), client.fork(B, 1, options), client.broadcast(B, 1, options),
    ];
    const stop = new AbortController();
    const timed = Promise.all(all({ timeoutMs: 100 }).map(failure));
    const stopped = Promise.all(all({ signal: stop.signal }).map(failure));
    stop.abort();
    for (const error of await stopped) expect(error).toMatchObject({ code: 'canceled', reason: 'ABORTED', sent: false });
    await clock.advanceAsync(110);
    for (const error of await timed) expect(error).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT', sent: false, message: expect.stringContaining('plugins did not start') as string });
  });

  it('and when it was not, what it waited for: the list of servers, a server that refuses, one that does not accept', async () => {
    const silent: Discovery = { async *watch(_service, { signal }) { await new Promise((resolve) => signal?.addEventListener('abort', resolve)); yield []; } };
    const refuses: Dialer = { networks: ['memory'], dial: () => Promise.reject(new Error('nobody listens there')) };
    const hangs: Dialer = { networks: ['memory'], dial: (_address, { signal }) => new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('given up')))) };
    const cases: [Partial<ClientOptions>, string][] = [
      [{ servers: undefined, discovery: silent }, 'the servers of "A" are not known yet: does its discovery answer?'],
      [{ servers: 'memory@a', transports: [refuses], queue: { whileDown: 'keep' } }, 'no connection to memory@a: nobody listens there'],
      [{ servers: 'memory@a', transports: [hangs] }, 'no connection to memory@a has come about yet'],
    ];
    for (const [given, hold] of cases) {
      const clock = manualClock();
      await using one = await rig({ clock, ...given });
      const ended = failure(one.client.call('A', 'B', 1, { timeoutMs: 50 }));
      await settled();
      await clock.advanceAsync(60);
      expect(await ended).toMatchObject({ reason: 'TIMEOUT', sent: false, message: expect.stringMatching(/^A\.B was not sent within \d+ ms; /) as string });
      expect((await ended).message.endsWith(`; ${hold}`)).toBe(true);
    }
  });

  it('while it is being compressed: it was not', async () => {
    const clock = manualClock();
    const begun = deferred();
    await using one = await rig({ clock, compressors: [stuck('compress', () => begun.resolve())] });
    const error = failure(one.client.call('S', 'M', 'x'.repeat(2000), { timeoutMs: 100 }));
    await begun.promise;
    await clock.advanceAsync(110);
    expect(await error).toMatchObject({ code: 'deadline_exceeded', sent: false });
    await settled();
    expect(one.server.received).toEqual([]);
  });

  it('after an attempt that was lost, while the next one waits for a connection: it was', async () => {
    const clock = manualClock();
    await using one = await rig({ clock, failMode: { name: 'patient', next: () => ({ again: 'same', afterMs: 0 }) } });
    const error = failure(one.client.call('S', 'M', 1, { timeoutMs: 100 }));
    await one.server.call(0);
    one.server.network.links[0]?.cut();
    one.server.network.change({ blackHole: 'both' });
    await until(() => one.client.stats().retries === 1);
    await clock.advanceAsync(1);
    expect(one.client.stats().queued).toBe(1);
    await clock.advanceAsync(110);
    expect(await error).toMatchObject({ code: 'deadline_exceeded', sent: true, cause: { reason: 'CONNECTION_LOST' } });
  });

  it('while an interceptor looks at its reply: it was', async () => {
    const clock = manualClock();
    const begun = deferred();
    const plugins: ClientOptions['plugins'] = [{ name: 'slow', interceptAttempt: (next) => async (call) => { await next(call); begun.resolve(); return never; } }];
    await using one = await rig({ clock, plugins });
    const error = failure(one.client.call('S', 'M', 1, { timeoutMs: 100 }));
    one.server.reply(await one.server.call(0));
    await begun.promise;
    await clock.advanceAsync(110);
    expect(await error).toMatchObject({ code: 'deadline_exceeded', sent: true });
  });

  const again: Interceptor<ClientCall> = (next) => async (call) => { try { return await next(call); } catch { return await next(call); } };
  const changed: Interceptor<ClientCall> = (next) => async (call) => { try { return await next(call.with({ input: 1 })); } catch { return await next(call.with({ input: 2 })); } };
  const both: Interceptor<ClientCall> = (next) => async (call) => { const [one, other] = [next(call), next(call)]; await Promise.allSettled([one, other]); return await other; };
  const drops: Interceptor<ClientCall> = (next) => async (call) => { try { await next(call); } catch {} throw new RpcError('aborted', 'never mind', { sent: false }); };
  it.each<[string, Partial<ClientOptions>]>([
    ['passes it on again', { intercept: [again] }],
    ['passes it on again, changed', { intercept: [changed] }],
    ['passes it on twice', { intercept: [both] }],
    ['makes an error of its own', { intercept: [drops] }],
    ['stands before another one that does', { intercept: [(next) => (call) => next(call), again] }],
    ['passes its attempt on again', { plugins: [{ name: 'p', interceptAttempt: again }] }],
    ['passes its attempt on again, changed', { plugins: [{ name: 'p', interceptAttempt: changed }] }],
    ['makes an error of its own of an attempt', { plugins: [{ name: 'p', interceptAttempt: drops }] }],
  ])('through an interceptor that %s: it was, if any of that was sent', async (_what, options) => {
    let requests = 0;
    // The first one leaves and is lost, and nothing leaves any more.
    await using one = await rig({ ...options, failMode: failfast(), filters: { outgoing: () => (requests += 1) === 1 } });
    const lost = failure(one.client.call('S', 'M', 1));
    await one.server.call(0);
    one.server.network.links[0]?.cut();
    expect(await lost).toMatchObject({ sent: true });
    expect(await failure(one.client.call('S', 'M', 1))).toMatchObject({ sent: false });
    expect(one.server.received).toHaveLength(1);
  });

  it('through interceptors of calls and of attempts, whose deadline comes between: it was, if a changed copy was sent', async () => {
    const clock = manualClock();
    await using one = await rig({ clock, intercept: [again], plugins: [{ name: 'p', interceptAttempt: changed }], failMode: failfast() });
    const ended = failure(one.client.call('S', 'M', 1, { timeoutMs: 100 }));
    await one.server.call(0);
    await clock.advanceAsync(200);
    expect(await ended).toMatchObject({ reason: 'TIMEOUT', sent: true });
    expect(one.server.received).toHaveLength(1);
  });

  it('while an interceptor rests between two passes: it was, if the first one was sent', async () => {
    const clock = manualClock();
    const rests: Interceptor<ClientCall> = (next) => async (call) => { try { await next(call.with({ input: 2 })); } catch {} return never; };
    await using one = await rig({ clock, failMode: failfast(), intercept: [rests] });
    const ended = failure(one.client.call('S', 'M', 1, { timeoutMs: 100 }));
    one.server.fail(await one.server.call(0), 'no');
    await settled();
    await clock.advanceAsync(150);
    expect(await ended).toMatchObject({ reason: 'TIMEOUT', sent: true, message: expect.stringContaining('was not done within') as string });
  });
});

it('the time that interceptors took is not told to the server as time that is left', async () => {
  const clock = manualClock();
  const door = deferred();
  const slow: ClientOptions['intercept'] = [(next) => async (call) => { if (call.method === 'M') await door.promise; return next(call); }];
  await using one = await rig({ clock, intercept: slow });
  const warm = one.client.call('S', 'Warm', 1);
  one.server.reply(await one.server.call(0));
  await warm;
  const call = one.client.call('S', 'M', 1, { timeoutMs: 1000 });
  await clock.advanceAsync(400);
  door.resolve();
  const request = await one.server.call(1);
  expect(request.metadata['__ServerTimeout']).toBe('600');
  one.server.reply(request);
  expect(await call).toBe('ok');
});
