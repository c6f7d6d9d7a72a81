import { RpcError } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { createServer } from '../src/index.ts';
import { frame, heartbeatFlag } from './frame.ts';
import { gate, openServer, until } from './open-server.ts';

const offer = frame({ flags: heartbeatFlag, sequence: 1n << 40n, metadata: { _rpcxjs: '1;n=0123456789abcdef;cancel.1,errors.1' } });
const call = (sequence: bigint, method: string) => frame({ service: 'S', method, sequence, payload: '1' });
const waitMs = (ms: number) => new Promise((resolve) => { setTimeout(resolve, ms); });
const once = { name: 'once', next: () => 'give-up' as const };

describe('the queue of a server', () => {
  it('is not one connection\'s alone: another one gets its share of a full one, and what had too much is told to come back', async () => {
    const hold = gate();
    await using open = await openServer({ limits: { maxCalls: 1, maxQueuedCalls: 4 } }, (server) => server.registerFunction('S', 'Hold', () => hold.promise));
    const [greedy, modest] = [await open.peer(), await open.peer()];
    greedy.send(offer, ...[1n, 2n, 3n, 4n, 5n].map((sequence) => call(sequence, 'Hold')));
    await until(() => open.server.stats().queued === 4);
    modest.send(offer, ...[1n, 2n, 3n].map((sequence) => call(sequence, 'Hold')));
    // Two of four each: the third of the modest one finds its own share used up, as the last two of the greedy one were taken away.
    for (const [peer, sequence] of [[greedy, 5n], [greedy, 4n], [modest, 3n]] as const) {
      expect(JSON.parse((await peer.reply(sequence)).metadata['_rpcxjs-error'] ?? '')).toMatchObject({ code: 'unavailable', reason: 'OVERLOADED', retryAfterMs: 100, unrun: true });
    }
    expect(open.server.stats()).toMatchObject({ running: 1, queued: 4, refused: 3 });
    hold.open();
    for (const [peer, sequence] of [[greedy, 3n], [modest, 2n]] as const) expect((await peer.reply(sequence)).flags & 3).toBe(0);
    expect(open.server.stats()).toMatchObject({ running: 0, queued: 0 });
  });

  it('D9: a whole server with five times the calls that it can answer goes on answering (the figure itself: src/admission.test.ts)', async () => {
    await using open = await openServer({ limits: { maxCalls: 1, maxQueuedCalls: 1024 } }, (server) => server.registerFunction('S', 'Work', () => waitMs(1)));
    const client = open.client({ failMode: once });
    const ms = 400;
    let best = 0;
    for (const from = performance.now(); performance.now() - from < ms;) await client.call('S', 'Work', 1).then(() => (best += 1));
    let answered = 0;
    const calls: Promise<unknown>[] = [];
    for (const from = performance.now(); performance.now() - from < ms;) {
      while (calls.length < (5 * best * (performance.now() - from)) / ms) {
        calls.push(client.call('S', 'Work', 1, { timeoutMs: 100 }).then(() => (answered += 1), (error: unknown) => expect(RpcError.is(error)).toBe(true)));
      }
      await waitMs(1);
    }
    await Promise.all(calls);
    // Oldest first it would be a fifth: nearly all that is run is too late then.
    expect(answered).toBeGreaterThanOrEqual(0.4 * best);
  });

  it('G23: of three calls of a server for two the third waits, also when all but the first are read no more, and heartbeats are answered', async () => {
    let running = 0;
    let most = 0;
    const handle = async (): Promise<void> => {
      most = Math.max(most, (running += 1));
      await waitMs(100);
      running -= 1;
    };
    await using open = await openServer({ limits: { maxCalls: 2, maxQueuedCalls: 0 }, whenFull: 'pause' }, (server) => server.registerFunction('S', 'Work', handle));
    const [one, two] = [await open.peer(), await open.peer()];
    one.send(call(1n, 'Work'), call(2n, 'Work'));
    await until(() => open.server.stats().running === 2);
    two.send(call(3n, 'Work'), call(4n, 'Work'), call(5n, 'Work'));
    one.send(frame({ flags: heartbeatFlag, sequence: 9n }));
    await one.reply(9n);
    expect(open.server.stats(), 'one waits, and the others are not read').toMatchObject({ running: 2, queued: 1, calls: 3 });
    for (const sequence of [3n, 4n, 5n]) expect((await two.reply(sequence)).flags & 3).toBe(0);
    expect(most).toBe(2);
    expect(open.server.stats()).toMatchObject({ refused: 0, calls: 5 });
  });

  it('G23: reads up to 64 waiting calls of a connection, so that heartbeats among them are answered, and holds its sender back beyond', async () => {
    const hold = gate();
    await using open = await openServer({ limits: { maxCalls: 1 }, whenFull: 'pause' }, (server) => server.registerFunction('S', 'Hold', () => hold.promise));
    const peer = await open.peer();
    peer.send(call(0n, 'Hold'), ...Array.from({ length: 60 }, (_, index) => call(BigInt(index + 1), 'Hold')), frame({ flags: heartbeatFlag, sequence: 999n }));
    await peer.reply(999n);
    peer.send(...Array.from({ length: 940 }, (_, index) => call(BigInt(index + 61), 'Hold')));
    await waitMs(20);
    expect(open.server.stats()).toMatchObject({ running: 1, queued: 64, calls: 65 });
    hold.open();
    await peer.reply(1000n);
    expect(peer.frames.filter(({ flags }) => (flags & 0x83) === 0x80)).toHaveLength(1001 + 1);
    expect(open.server.stats()).toMatchObject({ running: 0, queued: 0, refused: 0 });
  });

  it('G23: a client of ours that is not read because the server is full does not take it for dead, however long that lasts', async () => {
    const hold = gate();
    const clock = manualClock();
    await using open = await openServer({ clock, limits: { maxCalls: 1, maxQueuedCalls: 1 }, whenFull: 'pause' }, (server) => server.registerFunction('S', 'Hold', () => hold.promise));
    const client = open.client({ clock, failMode: once, timeoutMs: 60_000 });
    const calls = Array.from({ length: 10 }, () => client.call('S', 'Hold', 1));
    void Promise.allSettled(calls);
    await until(() => open.server.stats().queued === 1);
    for (let second = 0; second < 30; second++) {
      clock.advance(1000);
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => { setImmediate(resolve); });
    }
    expect(client.stats()).toMatchObject({ active: 10, failed: 0, connections: 1 });
    hold.open();
    await until(() => client.stats().active === 0 || (clock.advance(1), false));
    expect(client.stats()).toMatchObject({ succeeded: 10, failed: 0 });
  });

  it('G23: a Go client that is held back gets the answers to its heartbeats, since it ends its connection without them: what stands before one is read', async () => {
    const hold = gate();
    const clock = manualClock();
    await using open = await openServer({ clock, limits: { maxCalls: 1, maxQueuedCalls: 1 }, whenFull: 'pause' }, (server) => server.registerFunction('S', 'Hold', () => hold.promise));
    const peer = await open.peer();
    const calls = Array.from({ length: 1000 }, (_, index) => call(BigInt(index), 'Hold'));
    peer.send(...calls, frame({ flags: heartbeatFlag, sequence: 5000n }));
    await until(() => open.server.stats().queued === 1);
    expect(open.server.stats().calls).toBe(2);
    for (let second = 0; second < 5; second += 1) await clock.advanceAsync(1000);
    await peer.reply(5000n);
    peer.send(frame({ flags: heartbeatFlag, sequence: 5001n }));
    await peer.reply(5001n);
    expect(open.server.stats()).toMatchObject({ running: 1, queued: 999, refused: 0 });
    hold.open();
    await until(() => open.server.stats().running === 0 || (clock.advance(1), false));
    expect(peer.frames.filter(({ flags }) => (flags & 0x83) === 0x80)).toHaveLength(1000 + 2);
    expect(open.server.stats()).toMatchObject({ calls: 1000, queued: 0, refused: 0, expired: 0, connections: 1 });
  });

  it('G23: what is read of a Go client that is held back has its limit', async () => {
    const hold = gate();
    const clock = manualClock();
    await using open = await openServer({ clock, limits: { maxCalls: 1, maxQueuedCalls: 1 }, whenFull: 'pause' }, (server) => server.registerFunction('S', 'Hold', () => hold.promise));
    const peer = await open.peer();
    const payload = new Uint8Array(64 * 1024);
    peer.send(call(0n, 'Hold'));
    await until(() => open.server.stats().running === 1);
    for (let sequence = 1n; sequence <= 500n; sequence += 1n) peer.send(frame({ sequence, service: 'S', method: 'Hold', codecId: 0, payload }));
    for (let second = 0; second < 20; second += 1) await clock.advanceAsync(1000);
    expect(open.server.stats().queued).toBeGreaterThan(50);
    expect(open.server.stats().queued).toBeLessThan(70);
    hold.open();
    await until(() => open.server.stats().calls === 501 || (clock.advance(1), false));
    expect(open.server.stats()).toMatchObject({ queued: 0, refused: 0, expired: 0, connections: 1 });
  });

  it('G23: connections of which nothing is read any more end like others', async () => {
    const hold = gate();
    await using open = await openServer({ limits: { maxCalls: 1, maxQueuedCalls: 1 }, whenFull: 'pause' }, (server) => server.registerFunction('S', 'Hold', () => hold.promise));
    const holder = await open.peer();
    holder.send(call(1n, 'Hold'));
    await until(() => open.server.stats().running === 1);
    const gone = await open.peer();
    gone.send(call(1n, 'Hold'), call(2n, 'Hold'));
    await until(() => open.server.stats().queued === 1);
    gone.connection.abort();
    await until(() => open.server.stats().connections === 1);
    expect(open.server.stats()).toMatchObject({ queued: 0, expired: 1 });
    await open.server.close({ graceMs: 20 });
    hold.open();
  });
});

describe('the event loop', () => {
  const spin = (ms: number): void => {
    for (const until = performance.now() + ms; performance.now() < until;);
  };

  it('that is later than allowed means that new calls are refused, until it keeps its time again', async () => {
    await using open = await openServer({ limits: { maxLoopDelayMs: 50 } }, (server) =>
      server.registerFunction('S', 'Spin', async (ms: number) => { await waitMs(0); spin(ms); }).registerFunction('S', 'Echo', (input: unknown) => input));
    const client = open.client({ failMode: once });
    const from = performance.now();
    const spinning = client.call('S', 'Spin', 200);
    await spinning;
    await waitMs(0);
    const refusal = await client.call('S', 'Echo', 1).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'unavailable', reason: 'OVERLOADED', message: expect.stringMatching(/event loop is \d+ ms late/) as string });
    expect((refusal as RpcError).retryAfterMs).toBeGreaterThanOrEqual(100);
    expect((refusal as RpcError).retryAfterMs).toBeLessThanOrEqual(performance.now() - from);
    expect(open.server.stats()).toMatchObject({ refused: 1 });
    await until(() => open.server.stats().loopDelayMs === 0);
    expect(await client.call('S', 'Echo', 2)).toBe(2);
    await until(() => open.server.stats().loopDelayMs === 0);
  });

  it('is not measured without the option, and not while no calls come', async () => {
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Echo', (input: unknown) => input));
    await open.client().call('S', 'Echo', 1);
    expect(open.server.stats().loopDelayMs).toBe(0);
    expect(() => createServer({ limits: { maxLoopDelayMs: Number.NaN } })).toThrow(/maxLoopDelayMs/);
  });
});
