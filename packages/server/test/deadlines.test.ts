import { setTimeout as wait } from 'node:timers/promises';
import type { Interceptor, RpcError, ServerCall } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { frame, heartbeatFlag, onewayFlag } from './frame.ts';
import { gate, openServer, until } from './open-server.ts';

const offer = frame({ flags: heartbeatFlag, metadata: { _rpcxjs: '1;n=0123456789abcdef;cancel.1,errors.1' } });
const cancel = (sequence: bigint) => frame({ flags: onewayFlag, service: '_rpcxjs', method: 'cancel.1', sequence, codecId: 0 });
const timeout = (ms: number | string) => ({ metadata: { __ServerTimeout: String(ms) } });

describe('D2: a call whose time is over', () => {
  it('when it arrives reaches neither its handler nor its decoder', async () => {
    let ran = 0;
    let decoded = 0;
    const codec = { id: 7, name: 'spy', encode() {}, decode: () => (decoded += 1) };
    await using open = await openServer({ codecs: [codec] }, (server) => server.registerFunction('S', 'M', () => (ran += 1)));
    const peer = await open.peer();
    peer.send(offer, frame({ service: 'S', method: 'M', sequence: 1n, codecId: 7, ...timeout(0) }), frame({ service: 'S', method: 'M', sequence: 2n, codecId: 7, ...timeout(-1) }));
    for (const sequence of [1n, 2n]) {
      const { metadata } = await peer.reply(sequence);
      expect(JSON.parse(metadata['_rpcxjs-error'] ?? '{}')).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT' });
    }
    expect([ran, decoded]).toEqual([0, 0]);
  });

  it('in the queue is refused when its turn comes, and its handler is not invoked', async () => {
    const clock = manualClock();
    const hold = gate();
    const ran: string[] = [];
    await using open = await openServer({ clock, limits: { maxCalls: 1 } }, (server) =>
      server.registerFunction('S', 'Hold', () => hold.promise).registerFunction('S', 'M', (name: string) => ran.push(name)),
    );
    const peer = await open.peer();
    peer.send(offer, frame({ service: 'S', method: 'Hold', sequence: 1n, payload: '1' }));
    peer.send(frame({ service: 'S', method: 'M', sequence: 2n, payload: '"late"', ...timeout(100) }), frame({ service: 'S', method: 'M', sequence: 3n, payload: '"patient"', ...timeout(1000) }));
    await until(() => open.server.stats().queued === 2);
    clock.advance(300);
    hold.open();
    expect((await peer.reply(3n)).flags & 3).toBe(0);
    expect(JSON.parse((await peer.reply(2n)).metadata['_rpcxjs-error'] ?? '{}')).toMatchObject({ code: 'deadline_exceeded' });
    expect(ran).toEqual(['patient']);
    expect(open.server.stats()).toMatchObject({ running: 0, queued: 0 });
  });

  it('behind a slow handler of the same chunk is refused, counted from when it came', async () => {
    const clock = manualClock();
    const ran: string[] = [];
    const slow = (name: string): string => {
      ran.push(name);
      clock.advance(500);
      return name;
    };
    await using open = await openServer({ clock, limits: { framesPerTurn: 1 } }, (server) => server.registerFunction('S', 'M', slow));
    const peer = await open.peer();
    const call = (name: string, sequence: bigint, ms: number) => frame({ service: 'S', method: 'M', sequence, payload: `"${name}"`, ...timeout(ms) });
    peer.send(offer, call('first', 1n, 5000), call('late', 2n, 300), call('patient', 3n, 5000));
    const replies = Promise.all([peer.reply(1n), peer.reply(2n), peer.reply(3n)]);
    for (let turns = 0; turns < 10; turns++) await clock.advanceAsync(1);
    expect((await replies).map(({ flags }) => flags & 3)).toEqual([0, 1, 0]);
    expect(ran).toEqual(['first', 'patient']);
  });

  it('behind an asynchronous interceptor is refused, and so is one whose caller cancelled meanwhile', async () => {
    const clock = manualClock();
    const held: (() => void)[] = [];
    const slow: Interceptor<ServerCall> = (next) => async (call) => {
      await new Promise<void>((resolve) => held.push(resolve));
      return next(call);
    };
    let ran = 0;
    await using open = await openServer({ clock, intercept: [slow] }, (server) => server.registerFunction('S', 'M', () => (ran += 1)));
    const peer = await open.peer();
    peer.send(offer, frame({ service: 'S', method: 'M', sequence: 1n, payload: '1', ...timeout(100) }), frame({ service: 'S', method: 'M', sequence: 2n, payload: '1' }), frame({ service: 'S', method: 'M', sequence: 3n, payload: '1', ...timeout(500) }));
    await until(() => held.length === 3);
    clock.advance(300);
    peer.send(cancel(2n));
    await new Promise((resolve) => { setImmediate(resolve); });
    for (const go of held) go();
    expect(JSON.parse((await peer.reply(1n)).metadata['_rpcxjs-error'] ?? '{}')).toMatchObject({ code: 'deadline_exceeded' });
    expect((await peer.reply(3n)).flags & 3).toBe(0);
    await until(() => open.server.stats().running === 0);
    expect(ran).toBe(1);
    expect(peer.frames.some(({ sequence }) => sequence === 2n)).toBe(false);
  });

  it('behind a slow decompressor is refused', async () => {
    const clock = manualClock();
    const unzip = gate<Uint8Array>();
    let ran = 0;
    await using open = await openServer({ clock, compressors: [{ id: 1, name: 'slow', compress: (bytes) => bytes, decompress: () => unzip.promise }] }, (server) => server.registerFunction('S', 'M', () => (ran += 1)));
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, flags: 0x04, payload: 'zip', ...timeout(100) }));
    await until(() => open.server.stats().running === 1);
    clock.advance(300);
    unzip.open(Buffer.from('1'));
    expect((await peer.reply(1n)).flags & 3).toBe(1);
    expect(ran).toBe(0);
  });
});

describe('D3: extreme deadlines', () => {
  it.each([
    ['0', 'expired'], ['-1', 'expired'], ['-9223372036854775808', 'expired'], ['-0', 'expired'],
    ['1', 1], ['2147483648', 300_000], ['9007199254740992', 300_000], ['9223372036854775807', 300_000], ['99999999999999999999999999', 300_000], ['300001', 300_000], ['299999', 299_999], ['+5', 5],
    ['Infinity', undefined], ['NaN', undefined], ['', undefined], [' ', undefined], ['\n', undefined], ['1e3', undefined], ['0x10', undefined], ['1.5', undefined], ['-', undefined], ['ten', undefined], ['١', undefined],
  ] as const)('%j asks for %s', async (text, expected) => {
    const clock = manualClock();
    const remaining: (number | undefined)[] = [];
    await using open = await openServer({ clock }, (server) => server.registerFunction('S', 'M', (_: unknown, call: ServerCall) => remaining.push(call.remainingMs())));
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, payload: '1', ...timeout(text) }));
    const reply = await peer.reply(1n);
    expect(reply.flags & 3).toBe(expected === 'expired' ? 1 : 0);
    expect(remaining).toEqual(expected === 'expired' ? [] : [expected]);
  });

  it('fire neither early nor with a warning, and leave no timer behind', async () => {
    const warnings: unknown[] = [];
    const warned = (warning: unknown) => warnings.push(warning);
    process.on('warning', warned);
    const hold = gate();
    const aborted: string[] = [];
    await using open = await openServer({ limits: { maxTimeoutMs: Number.MAX_SAFE_INTEGER } }, (server) =>
      server.registerFunction('S', 'M', async (name: string, call: ServerCall) => {
        call.signal.addEventListener('abort', () => aborted.push(name));
        await hold.promise;
        return call.signal.aborted;
      }),
    );
    const client = open.client();
    const calls = [2 ** 31, 2 ** 53, Infinity].map((timeoutMs) => client.call('S', 'M', String(timeoutMs), { timeoutMs }));
    await until(() => open.server.stats().running === 3);
    await new Promise((resolve) => { setTimeout(resolve, 30); });
    hold.open();
    expect(await Promise.all(calls)).toEqual([false, false, false]);
    process.off('warning', warned);
    expect(warnings).toEqual([]);
    expect(aborted).toEqual([]);
  });
});

describe('D4: the signal of a handler', () => {
  interface Seen {
    readonly call: ServerCall;
    readonly reasons: unknown[];
  }
  async function holding(seen: Seen[], finish: Promise<unknown>) {
    return openServer({}, (server) =>
      server.registerFunction('S', 'M', async (_: unknown, call: ServerCall) => {
        const reasons: unknown[] = [];
        call.signal.addEventListener('abort', () => reasons.push(call.signal.reason));
        seen.push({ call, reasons });
        return finish;
      }),
    );
  }

  it('fires within 50 ms when the caller cancels a call in flight, and no reply follows', async () => {
    const seen: Seen[] = [];
    const finish = gate<string>();
    await using open = await holding(seen, finish.promise);
    const client = open.client();
    const controller = new AbortController();
    let settles = 0;
    const call = client.call('S', 'M', 1, { signal: controller.signal }).finally(() => (settles += 1));
    await until(() => seen.length === 1);
    await until(() => open.server.peers()[Symbol.iterator]().next().value.capabilities.size > 0);
    const at = performance.now();
    controller.abort(new Error('enough'));
    await expect(call).rejects.toMatchObject({ code: 'canceled', reason: 'ABORTED' });
    await until(() => seen[0]?.reasons.length === 1);
    expect(performance.now() - at).toBeLessThan(50);
    expect(seen[0]?.reasons).toMatchObject([{ code: 'canceled' }]);
    expect(open.server.stats().running, 'it counts until it ends').toBe(1);
    const before = open.server.stats().traffic.framesWritten;
    finish.open('too late');
    await until(() => open.server.stats().running === 0);
    expect(open.server.stats().traffic.framesWritten).toBe(before);
    expect(settles).toBe(1);
    expect(client.stats()).toMatchObject({ active: 0, lateReplies: 0 });
  });

  it('is not needed when the caller cancels before anything was sent: nothing is', async () => {
    const seen: Seen[] = [];
    await using open = await holding(seen, Promise.resolve());
    const client = open.client();
    await expect(client.call('S', 'M', 1, { signal: AbortSignal.abort(new Error('before')) })).rejects.toMatchObject({ code: 'canceled', sent: false });
    const controller = new AbortController();
    const queued = client.call('S', 'M', 1, { signal: controller.signal });
    controller.abort();
    await expect(queued).rejects.toMatchObject({ code: 'canceled' });
    await client.call('S', 'M', 1);
    expect(seen).toHaveLength(1);
  });

  it('does not fire after the reply, whatever is cancelled or disconnected then', async () => {
    const seen: Seen[] = [];
    await using open = await holding(seen, Promise.resolve('done'));
    const peer = await open.peer();
    peer.send(offer, frame({ service: 'S', method: 'M', sequence: 1n, payload: '1', ...timeout(10) }));
    await peer.reply(1n);
    peer.send(cancel(1n), cancel(99n), frame({ service: 'S', method: 'M', sequence: 2n, payload: '1' }));
    await peer.reply(2n);
    await peer.close();
    await new Promise((resolve) => { setTimeout(resolve, 30); });
    expect(seen.map(({ reasons }) => reasons)).toEqual([[], []]);
  });

  it('fires on a disconnect, also for calls that had not looked at it before', async () => {
    const calls: ServerCall[] = [];
    const finish = gate();
    await using open = await openServer({}, (server) => server.registerFunction('S', 'M', (_: unknown, call: ServerCall) => (calls.push(call), finish.promise)));
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, payload: '1' }));
    await until(() => calls.length === 1);
    const [call] = calls;
    const { peer: handlersPeer } = call as ServerCall;
    expect(handlersPeer.closed.aborted).toBe(false);
    peer.connection.abort();
    await until(() => handlersPeer.closed.aborted);
    expect(call?.signal.aborted).toBe(true);
    expect(call?.signal.reason).toMatchObject({ reason: 'CONNECTION_LOST' });
    finish.open();
    await until(() => open.server.stats().running === 0);
  });

  it('fires at the deadline, by the clock of the server, and its timer goes with the call', async () => {
    const clock = manualClock();
    const reasons: RpcError[] = [];
    const finish = gate();
    await using open = await openServer({ clock }, (server) =>
      server.registerFunction('S', 'M', (_: unknown, call: ServerCall) => {
        call.signal.addEventListener('abort', () => reasons.push(call.signal.reason as RpcError));
        return finish.promise;
      }),
    );
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, payload: '1', ...timeout(200) }));
    await until(() => open.server.stats().running === 1);
    clock.advance(196);
    expect(reasons).toEqual([]);
    clock.advance(8);
    expect(reasons).toMatchObject([{ code: 'deadline_exceeded', reason: 'TIMEOUT' }]);
    finish.open();
    expect((await peer.reply(1n)).flags & 3, 'what was done in spite of it is still told').toBe(0);
  });

  it('of an abandoned handler keeps no timer', async () => {
    const clock = manualClock();
    await using open = await openServer({ clock }, (server) => server.registerFunction('S', 'M', (_: unknown, call: ServerCall) => (void call.signal, new Promise(() => {}))));
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, payload: '1', ...timeout(200_000) }));
    await until(() => open.server.stats().running === 1);
    expect(clock.pending).toBe(1);
    peer.connection.abort();
    await until(() => open.server.stats().connections === 0);
    expect(clock.pending).toBe(0);
  });

  it('of a call that still waits for a place: a cancel takes it out, and its handler never runs', async () => {
    const hold = gate();
    let ran = 0;
    await using open = await openServer({ limits: { maxCalls: 1, maxQueuedCalls: 2 } }, (server) => server.registerFunction('S', 'Hold', () => hold.promise).registerFunction('S', 'M', () => (ran += 1)));
    const peer = await open.peer();
    peer.send(offer, frame({ service: 'S', method: 'Hold', sequence: 1n, payload: '1' }), frame({ service: 'S', method: 'M', sequence: 2n, payload: '1' }), frame({ service: 'S', method: 'M', sequence: 3n, payload: '1' }), cancel(2n));
    await until(() => open.server.stats().queued === 2);
    hold.open();
    await peer.reply(3n);
    expect(ran).toBe(1);
    expect(peer.frames.some(({ sequence }) => sequence === 2n)).toBe(false);
  });
});

describe('J1, J2: clocks that step or are wrong', () => {
  it('change nothing: deadlines are durations on the wire and monotonic here', async () => {
    const serverClock = manualClock({ wallTimeMs: 0 });
    const clientClock = manualClock({ startMs: 5e9, wallTimeMs: 4e12 });
    const remaining: (number | undefined)[] = [];
    const fired: number[] = [];
    const finish = gate();
    await using open = await openServer({ clock: serverClock }, (server) =>
      server.registerFunction('S', 'M', (_: unknown, call: ServerCall) => {
        remaining.push(call.remainingMs());
        call.signal.addEventListener('abort', () => fired.push(serverClock.now()));
        return finish.promise;
      }),
    );
    const client = open.client({ clock: clientClock });
    let failed: unknown;
    const call = client.call('S', 'M', 1, { timeoutMs: 1000 }).catch((error: unknown) => (failed = error));
    await until(() => remaining.length === 1);
    expect(remaining).toEqual([1000]);
    for (const clock of [serverClock, clientClock]) {
      clock.stepWallTime(7_200_000);
      clock.advance(500);
      clock.stepWallTime(-14_400_000);
      clock.advance(450);
    }
    expect(fired).toEqual([]);
    expect(failed).toBeUndefined();
    serverClock.advance(54);
    expect(fired.map((at) => Math.abs(at - 1000) <= 8)).toEqual([true]);
    clientClock.advance(58);
    await call;
    expect(failed).toMatchObject({ code: 'deadline_exceeded' });
    finish.open();
    await until(() => open.server.stats().running === 0);
  });
});

describe('a handler that its signal stopped', () => {
  it('answers with what the signal says, also to Go', async () => {
    const clock = manualClock();
    await using open = await openServer({ clock }, (server) => server.registerFunction('S', 'M', (_: never, call) => wait(60_000, undefined, { signal: call.signal })));
    const peer = await open.peer();
    peer.send(offer, frame({ service: 'S', method: 'M', sequence: 1n, payload: '1', ...timeout(100) }));
    await until(() => open.server.stats().running === 1);
    await clock.advanceAsync(104);
    const { metadata } = await peer.reply(1n);
    expect(metadata['__rpcx_error__']).toBe('the deadline of this call of S.M has passed');
    expect(JSON.parse(metadata['_rpcxjs-error'] ?? '{}')).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT' });
  });
});
