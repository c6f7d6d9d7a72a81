import { bytesCodec, RpcError, type CallOptions, type ClientCall, type ClientPlugin, type Discovery, type Interceptor } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { createClient, type Client } from '../src/client.ts';
import type { ClientOptions } from '../src/client-options.ts';
import { methodsOf } from '../src/method-refs.ts';
import { deferred, failure, recordingLogger, rig, settled, until } from './fake-server.ts';

const rawMessage = { service: 'C', method: 'B', metadata: {}, payload: new Uint8Array(0), codecId: bytesCodec.id, compressorId: 0, oneway: false, error: false };

describe('a client that was closed', () => {
  it('watches no discovery any more, whatever is called on it', async () => {
    let watches = 0;
    const discovery: Discovery = { async *watch() { watches += 1; yield []; } };
    const client = createClient({ discovery, transports: [], logger: recordingLogger() });
    await client.close();
    const closed = { code: 'failed_precondition', reason: 'CLOSED', sent: false };
    expect(await failure(client.call('A', 'B', 1))).toMatchObject(closed);
    expect(await failure(client.inform(methodsOf('A')['B']!, 1))).toMatchObject(closed);
    expect(await failure(client.raw(rawMessage))).toMatchObject(closed);
    expect(await failure(client.service<{ B(): Promise<number> }>('D').B())).toMatchObject(closed);
    expect([watches, client.nodes()]).toEqual([0, []]);
  });

  it('opens no connection for what was asked of it in the same turn', async () => {
    for (const [ask, ended] of ['ready', 'ping', 'lock'].flatMap((one) => ['abort', 'close'].map((end) => [one, end] as const))) {
      await using one = await rig();
      const { client, server } = one;
      const asked = ask === 'ready' ? client.ready() : ask === 'ping' ? client.ping(server.address) : client.lock();
      const refused = failure(asked);
      if (ended === 'abort') client.abort();
      await client.close();
      expect(await refused).toMatchObject({ reason: 'CLOSED', sent: false });
      await settled();
      expect([ask, ended, client.stats().connections, server.network.links.length]).toEqual([ask, ended, 0, 0]);
    }
  });

  it.each(['ready', 'ping', 'lock'] as const)('keeps no connection for a %s() that was asked a few microtasks before', async (ask) => {
    for (let microtasks = 1; microtasks <= 12; microtasks += 1) {
      await using one = await rig();
      const { client, server } = one;
      const asked = ask === 'ready' ? client.ready() : ask === 'ping' ? client.ping(server.address) : client.lock();
      const ended = asked.then(() => 'CLOSED', (error: RpcError) => error.reason); // it may have been there already
      for (let passed = 0; passed < microtasks; passed += 1) await Promise.resolve();
      client.abort();
      await client.close();
      await settled();
      expect([microtasks, await ended, client.stats().connections, server.network.links.length]).toEqual([microtasks, 'CLOSED', 0, 0]);
    }
  });

  it('has no nodes, also when its servers are in a list', async () => {
    await using one = await rig();
    await one.client.close();
    await failure(one.client.call('A', 'B', 1));
    expect(one.client.nodes()).toEqual([]);
  });

  it.each([Number.NaN, -1])('does not take %d for a time to wait, and is not closed then', async (graceMs) => {
    await using one = await rig();
    one.server.onCall = (call) => one.server.reply(call);
    await expect(one.client.close({ graceMs })).rejects.toThrow(`graceMs is ${graceMs}: it takes milliseconds that are not negative`);
    expect(await one.client.call('A', 'B', 1)).toBe('ok');
  });
});

describe('a name that is no text', () => {
  it.each([[undefined, 'B', 'undefined'], ['A', undefined, 'undefined'], ['A', 7, '7']])('%s.%s is a TypeError that says what to pass', async (service, method, text) => {
    await using one = await rig();
    await expect(one.client.call(service as string, method as string, 1)).rejects.toThrow(new TypeError(`the name of a service or method is ${text}: it takes a text, as in call('Arith', 'Mul', input)`));
  });
});

describe('a call under way while its client closes', () => {
  it('is tried again as ever: a server that is rolled in the same moment costs nothing', async () => {
    await using one = await rig({ reconnect: { spreadMs: 0 } });
    let closing: Promise<void> | undefined;
    one.server.onCall = (call, connection) => {
      if (closing !== undefined) one.server.reply(call);
      else {
        closing = one.client.close();
        connection.abort();
      }
    };
    const call = one.client.service<{ B(input: number): Promise<string> }>('A', { idempotent: ['B'] }).B(1);
    expect(await call).toBe('ok');
    await closing;
    expect(one.server.received).toHaveLength(2);
  });

  it('is not tried again once the client was stopped, whatever its fail mode says', async () => {
    await using one = await rig({ failMode: { name: 'for ever', next: () => ({ again: 'same', afterMs: 0 }) } });
    const call = failure(one.client.call('A', 'B', 1));
    await one.server.call(0);
    one.client.abort();
    expect(await call).toMatchObject({ code: 'canceled', reason: 'CLOSED' });
    expect(one.client.stats().retries).toBe(0);
  });
});

describe('a call that its client ends', () => {
  const end = { abort: (client: Client) => client.abort(), close: (client: Client) => void client.close({ graceMs: 0 }) };
  const silent: Discovery = { async *watch() { await new Promise(() => {}); yield []; } };
  it.each<['abort' | 'close', string, Partial<ClientOptions>]>([
    ['abort', 'waits for its connection', { transports: [{ networks: ['memory'], dial: () => new Promise(() => {}) }] }],
    ['close', 'waits for its connection', { transports: [{ networks: ['memory'], dial: () => new Promise(() => {}) }] }],
    ['abort', 'waits for the list of servers', { servers: undefined, discovery: silent }],
    ['close', 'waits for the list of servers', { servers: undefined, discovery: silent }],
    ['abort', 'waits for its next attempt', { transports: [{ networks: ['memory'], dial: () => Promise.reject(new Error('down')) }], failMode: { name: 'later', next: () => ({ again: 'same', afterMs: 1000 }) } }],
    ['abort', 'is held by an interceptor', { intercept: [() => () => new Promise(() => {})] }],
    ['abort', 'is held by an interceptor of its attempt', { plugins: [{ name: 'keeps', interceptAttempt: () => () => new Promise(() => {}) }] }],
    ['close', 'is held by an interceptor of its attempt', { plugins: [{ name: 'keeps', interceptAttempt: () => () => new Promise(() => {}) }] }],
  ])('by %s() while it %s was not sent', async (how, _where, options) => {
    await using one = await rig(options);
    const called = failure(one.client.call('A', 'B', 1));
    await settled();
    end[how](one.client);
    expect(await called).toMatchObject({ code: 'canceled', reason: 'CLOSED', sent: false });
    expect(one.client.stats()).toMatchObject({ active: 0, queued: 0 });
  });

  it('gets what the interceptors of its attempt make of the end, if they make it soon', async () => {
    const clock = manualClock();
    const wraps = { name: 'wraps', interceptAttempt: (next) => async (call) => { try { return await next(call); } catch (cause) { throw new RpcError('aborted', 'mine', { cause, sent: true }); } } } satisfies ClientPlugin;
    await using one = await rig({ clock, plugins: [wraps] });
    const called = failure(one.client.call('A', 'B', 1));
    await one.server.call(0);
    one.client.abort();
    expect(await called).toMatchObject({ code: 'aborted', message: 'mine', cause: { reason: 'CLOSED' } });
    clock.advance(100);
    expect(one.client.stats()).toMatchObject({ active: 0, calls: 1, failed: 1 });
  });

  it('while a server has it was sent, also if it waits for its next attempt', async () => {
    await using one = await rig({ failMode: { name: 'later', next: () => ({ again: 'same', afterMs: 1000 }) } });
    const called = [failure(one.client.call('A', 'B', 1)), failure(one.client.service<{ C(): Promise<void> }>('A', { idempotent: ['C'] }).C())];
    one.server.onCall = (call, connection) => {
      if (call.method === 'C') connection.abort();
    };
    await until(() => one.server.received.length === 2);
    await settled();
    const held = failure(one.client.call('A', 'D', 1));
    await until(() => one.server.received.length === 3);
    one.client.abort();
    for (const call of [...called, held]) expect(await call).toMatchObject({ sent: true });
  });
});

describe('options of a call that cannot be', () => {
  const { B } = methodsOf<{ B(input: number): Promise<number> }>('A');
  it.each([
    [{ timeoutMs: Number.NaN }, 'timeoutMs is NaN: it takes milliseconds, or Infinity for no limit'],
    [{ timeoutMs: '500' }, 'timeoutMs is "500": it takes milliseconds, or Infinity for no limit'],
    [{ signal: new AbortController() }, 'signal is an object of another kind: it takes an AbortSignal, which is the signal of an AbortController'],
    [{ signal: null }, 'signal is null: it takes an AbortSignal, which is the signal of an AbortController'],
    [{ timeout: 5 }, 'a call got the option "timeout": it takes { timeoutMs, signal, metadata, onReply, waitForReady, hashKey }'],
    [{ timeoutMs: 5, Signal: undefined }, 'a call got the option "Signal": it takes { timeoutMs, signal, metadata, onReply, waitForReady, hashKey }'],
  ])('fail every kind of call, and leave nothing behind: %o', async (wrong, message) => {
    await using one = await rig();
    const options = wrong as CallOptions;
    const batch = one.client.batch();
    const inBatch = batch.add(B, 1);
    const calls: PromiseLike<unknown>[] = [
      one.client.call('A', 'B', 1, options), one.client.oneway(B, 1, options), one.client.oneshot(B, 1, options), one.client.start(B, 1, options),
      one.client.inform(B, 1, options), one.client.fork(B, 1, options), one.client.broadcast(B, 1, options), one.client.raw(rawMessage, options),
    ];
    void batch.call(options).catch(() => {});
    for (const call of [...calls, inBatch]) expect(await failure(Promise.resolve(call))).toMatchObject({ code: 'invalid_argument', sent: false, message });
    expect([one.client.pendingCount, one.server.received.length]).toEqual([0, 0]);
  });

  it.each([
    { get timeoutMs() { throw new Error('trap'); } }, { get signal() { throw new Error('trap'); } }, new Proxy({}, { ownKeys: () => { throw new Error('trap'); } }),
  ])('that throw when they are looked at fail their call alone, and the client can be closed', async (options) => {
    await using one = await rig();
    const message = 'the options of a call cannot be read: trap';
    for (const call of [() => one.client.call('A', 'B', 1, options), () => one.client.oneway(B, 1, options)]) expect(await failure(call())).toMatchObject({ code: 'invalid_argument', sent: false, message });
    expect(one.client.pendingCount).toBe(0);
    await one.client.close();
  });

  it.each([
    [null, 'null'], ['trace=7', '"trace=7"'], [[['trace', '7']], 'an object of another kind'], [new Map([['trace', '7']]), 'an object of another kind'],
  ])('metadata that are no object of texts fail, where they would be lost: %o', async (metadata, described) => {
    await using one = await rig();
    const options = { metadata } as unknown as CallOptions;
    const message = `metadata is ${described}: it takes an object of texts, for example { trace: '7' }`;
    const calls: PromiseLike<unknown>[] = [one.client.call('A', 'B', 1, options), one.client.oneway(B, 1, options), one.client.oneshot(B, 1, options), one.client.start(B, 1, options), one.client.inform(B, 1, options)];
    for (const call of calls) expect(await failure(Promise.resolve(call))).toMatchObject({ code: 'invalid_argument', sent: false, message });
    expect([one.client.pendingCount, one.server.received.length]).toEqual([0, 0]);
  });
});

describe('a call that its interceptors still hold', () => {
  const held = (gate: Promise<unknown>): Interceptor<ClientCall> => (next) => async (call) => {
    await gate;
    return next(call);
  };

  it('is under way: a client that closes lets it finish, and takes no other', async () => {
    const token = deferred();
    await using one = await rig({ intercept: [held(token.promise)] });
    one.server.onCall = (call) => one.server.reply(call);
    const called = one.client.call('A', 'B', 1);
    let closed = false;
    const closing = one.client.close().then(() => (closed = true));
    expect(await failure(one.client.call('A', 'C', 1))).toMatchObject({ reason: 'CLOSED', sent: false });
    await settled();
    expect(closed).toBe(false);
    token.resolve();
    expect(await called).toBe('ok');
    await closing;
    expect(one.server.received.map(({ method }) => method)).toEqual(['B']);
  });

  it.each([
    ['when the time to close is over', (client: Client) => void client.close({ graceMs: 100 })],
    ['when the client is aborted', (client: Client) => client.abort()],
  ])('for ever fails %s, even without a deadline', async (_when, end) => {
    const clock = manualClock();
    await using one = await rig({ clock, intercept: [held(new Promise(() => {}))] });
    const called = failure(one.client.call('A', 'B', 1, { timeoutMs: Infinity }));
    end(one.client);
    for (let turns = 0; turns < 4; turns++) {
      await settled();
      clock.advance(50);
    }
    expect(await called).toMatchObject({ code: 'canceled', reason: 'CLOSED' });
  });

  it('may still make something of the end of its client', async () => {
    const kept: Interceptor<ClientCall> = (next) => async (call) => {
      try {
        return await next(call);
      } catch {
        await settled();
        return { output: 'kept', metadata: {} };
      }
    };
    await using one = await rig({ intercept: [kept] });
    const called = one.client.call('A', 'B', 1);
    await one.server.call(0);
    await one.client.close({ graceMs: 0 });
    expect(await called).toBe('kept');
  });
});
