import type { Codec, Compressor, ServerCall } from '@rpcxjs/core';
import { defaultSessionLimits } from '@rpcxjs/session';
import { describe, expect, it } from 'vitest';
import { frame, heartbeatFlag, onewayFlag } from './frame.ts';
import { gate, openServer, until } from './open-server.ts';

const offer = frame({ flags: heartbeatFlag, sequence: 1n << 40n, metadata: { _rpcxjs: '1;n=0123456789abcdef;cancel.1,errors.1' } });
const structured = (metadata: Readonly<Record<string, string>>): Record<string, unknown> => JSON.parse(metadata['_rpcxjs-error'] ?? '{}') as Record<string, unknown>;

function spyCodec() {
  const counts = { decoded: 0, inflated: 0 };
  const codec: Codec = { id: 1, name: 'json', encode: (value, writer) => writer.appendUtf8(JSON.stringify(value ?? null)), decode: () => ((counts.decoded += 1), 1) };
  const compressor: Compressor = { id: 1, name: 'gzip', compress: (bytes) => bytes, decompress: (bytes) => ((counts.inflated += 1), bytes) };
  return { counts, codec, compressor };
}

describe('calls above the caps', () => {
  it('of one connection are refused before decoding, with when to come back, and others are not touched', async () => {
    const { counts, codec, compressor } = spyCodec();
    const hold = gate();
    await using open = await openServer({ codecs: [codec], compressors: [compressor], limits: { maxCallsPerConnection: 2 } }, (server) => server.registerFunction('S', 'Hold', () => hold.promise));
    const peer = await open.peer();
    peer.send(offer, ...[1n, 2n, 3n, 4n].map((sequence) => frame({ service: 'S', method: 'Hold', sequence, flags: 0x04, payload: '1' })));
    for (const sequence of [3n, 4n]) expect(structured((await peer.reply(sequence)).metadata)).toMatchObject({ code: 'unavailable', reason: 'OVERLOADED', retryAfterMs: 100 });
    expect(counts).toEqual({ decoded: 2, inflated: 2 });
    expect(open.server.stats()).toMatchObject({ running: 2, refused: 2 });
    const other = await open.peer();
    other.send(frame({ service: 'S', method: 'Hold', sequence: 1n, payload: '1' }));
    await until(() => open.server.stats().running === 3);
    hold.open();
    await other.reply(1n);
    await peer.reply(2n);
    peer.send(frame({ service: 'S', method: 'Hold', sequence: 5n, payload: '1' }));
    expect((await peer.reply(5n)).flags & 3).toBe(0);
  });

  it('of the server wait in the queue, undecoded, and beyond it are refused', async () => {
    const { counts, codec } = spyCodec();
    const hold = gate();
    await using open = await openServer({ codecs: [codec], limits: { maxCalls: 2, maxQueuedCalls: 3 } }, (server) => server.registerFunction('S', 'Hold', () => hold.promise));
    const peers = [await open.peer(), await open.peer()];
    for (const peer of peers) peer.send(offer, ...[1n, 2n, 3n, 4n].map((sequence) => frame({ service: 'S', method: 'Hold', sequence, payload: '1' })));
    await until(() => open.server.stats().refused === 3);
    expect(open.server.stats()).toMatchObject({ running: 2, queued: 3, refused: 3 });
    expect(counts.decoded).toBe(2);
    hold.open();
    await until(() => peers.every((peer) => peer.frames.length === 5));
    expect(open.server.stats()).toMatchObject({ running: 0, queued: 0 });
    expect(counts.decoded).toBe(5);
    const refused = peers.flatMap((peer) => peer.frames).filter(({ metadata }) => structured(metadata)['reason'] === 'OVERLOADED');
    expect(refused).toHaveLength(3);
  });

  it('are tried again by our client, because they were not run', async () => {
    const hold = gate();
    let ran = 0;
    await using open = await openServer({ limits: { maxCalls: 1, maxQueuedCalls: 0 } }, (server) => server.registerFunction('S', 'Hold', () => hold.promise).registerFunction('S', 'M', () => (ran += 1)));
    const client = open.client();
    const holding = client.call('S', 'Hold', 1);
    await until(() => open.server.stats().running === 1);
    const call = client.call('S', 'M', 1);
    await until(() => open.server.stats().refused === 1);
    hold.open();
    await holding;
    expect(await call).toBe(1);
    expect(ran).toBe(1);
  });

  it('a thousand that waited and end at once do not pile up on the stack', async () => {
    const hold = gate();
    let ran = 0;
    await using open = await openServer({ limits: { maxCalls: 1, maxQueuedCalls: 20_000 } }, (server) => server.registerFunction('S', 'Hold', () => hold.promise).registerFunction('S', 'M', () => (ran += 1)));
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'Hold', sequence: 1n, payload: '1' }));
    for (let sequence = 2n; sequence < 10_002n; sequence++) peer.send(frame({ service: 'S', method: 'M', sequence, payload: '1' }));
    await until(() => open.server.stats().queued === 10_000);
    hold.open();
    await peer.reply(10_001n);
    expect(ran).toBe(10_000);
    expect(peer.frames.every(({ flags }) => (flags & 3) === 0)).toBe(true);
  });

  it('of a connection that is gone leave the queue to others', async () => {
    const hold = gate();
    let ran = 0;
    await using open = await openServer({ limits: { maxCalls: 1, maxQueuedCalls: 2 } }, (server) => server.registerFunction('S', 'Hold', () => hold.promise).registerFunction('S', 'M', () => (ran += 1)));
    const holder = await open.peer();
    holder.send(frame({ service: 'S', method: 'Hold', sequence: 1n, payload: '1' }));
    const gone = await open.peer();
    await until(() => open.server.stats().running === 1);
    gone.send(frame({ service: 'S', method: 'M', sequence: 1n, payload: '1' }), frame({ service: 'S', method: 'M', sequence: 2n, payload: '1' }));
    await until(() => open.server.stats().queued === 2);
    gone.connection.abort();
    await until(() => open.server.stats().connections === 1);
    expect(open.server.stats().queued).toBe(0);
    holder.send(frame({ service: 'S', method: 'M', sequence: 2n, payload: '1' }));
    hold.open();
    expect((await holder.reply(2n)).flags & 3).toBe(0);
    expect(ran).toBe(1);
  });

  it('whose callers gave up make room for new ones in a full queue', async () => {
    const hold = gate();
    const ran: unknown[] = [];
    await using open = await openServer({ limits: { maxCalls: 1, maxQueuedCalls: 2 } }, (server) => server.registerFunction('S', 'Hold', () => hold.promise).registerFunction('S', 'M', (input: unknown) => ran.push(input)));
    const peer = await open.peer();
    const cancel = (sequence: bigint) => frame({ flags: onewayFlag, service: '_rpcxjs', method: 'cancel.1', sequence, codecId: 0 });
    peer.send(offer, frame({ service: 'S', method: 'Hold', sequence: 1n, payload: '1' }));
    peer.send(frame({ service: 'S', method: 'M', sequence: 2n, payload: '"a"' }), frame({ service: 'S', method: 'M', sequence: 3n, payload: '"b"' }), cancel(2n), cancel(3n));
    peer.send(frame({ service: 'S', method: 'M', sequence: 4n, payload: '"c"' }), frame({ service: 'S', method: 'M', sequence: 5n, payload: '"d"' }));
    await until(() => open.server.stats().calls === 5);
    hold.open();
    await peer.reply(5n);
    expect(ran).toEqual(['c', 'd']);
    expect(open.server.stats().refused).toBe(0);
  });
});

describe('B10: floods of cancels', () => {
  it('20 000 calls, each cancelled at once, never run more handlers than the limit, which count until they end', async () => {
    const limit = 500;
    let running = 0;
    let most = 0;
    let started = 0;
    const release: (() => void)[] = [];
    await using open = await openServer({ limits: { maxCallsPerConnection: limit } }, (server) =>
      server.registerFunction('S', 'Stubborn', async () => {
        started += 1;
        most = Math.max(most, (running += 1));
        await new Promise<void>((resolve) => release.push(resolve));
        running -= 1;
      }),
    );
    const peer = await open.peer();
    peer.send(offer);
    for (let sequence = 0n; sequence < 20_000n; sequence++) {
      peer.send(frame({ service: 'S', method: 'Stubborn', sequence, payload: '1' }), frame({ flags: onewayFlag, service: '_rpcxjs', method: 'cancel.1', sequence, codecId: 0 }));
      if (sequence % 1000n === 999n) await until(() => open.server.stats().calls === Number(sequence) + 1);
    }
    expect(most).toBe(limit);
    expect(started).toBe(limit);
    expect(open.server.stats()).toMatchObject({ running: limit, refused: 20_000 - limit, connections: 1 });
    const honest = await open.peer();
    honest.send(frame({ service: 'S', method: 'Stubborn', sequence: 1n, payload: '1' }));
    await until(() => running === limit + 1);
    for (const resolve of release.splice(0)) resolve();
    expect((await honest.reply(1n)).flags & 3).toBe(0);
    await until(() => open.server.stats().running === 0);
  });

  it('an honest client that cancels 5000 calls is never disconnected, and its other calls are answered', async () => {
    await using open = await openServer({}, (server) =>
      server
        .registerFunction('S', 'Polite', (_: unknown, call: ServerCall) => new Promise((_resolve, reject) => { call.signal.addEventListener('abort', () => reject(call.signal.reason as Error)); }))
        .registerFunction('S', 'Echo', (input: unknown) => input),
    );
    const client = open.client();
    await client.call('S', 'Echo', 0);
    let cancelled = 0;
    for (let batch = 0; batch < 10; batch++) {
      const controller = new AbortController();
      const calls = Array.from({ length: 500 }, () => client.call('S', 'Polite', 1, { signal: controller.signal }).catch((error: { code: string }) => { if (error.code === 'canceled') cancelled += 1; }));
      const echo = client.call('S', 'Echo', batch);
      await until(() => open.server.stats().running === 500);
      controller.abort();
      await Promise.all(calls);
      expect(await echo).toBe(batch);
      await until(() => open.server.stats().running === 0);
    }
    expect(cancelled).toBe(5000);
    expect(open.server.stats()).toMatchObject({ connectionsAccepted: 1, connections: 1, running: 0 });
    expect(client.stats()).toMatchObject({ connections: 1, active: 0, lateReplies: 0 });
  });
});

describe('connections above the cap', () => {
  it('are dropped and counted, and a place that becomes free is used again', async () => {
    await using open = await openServer({ limits: { maxConnections: 3 } }, (server) => server.registerFunction('S', 'Echo', (input: unknown) => input));
    const peers = [await open.peer(), await open.peer(), await open.peer()];
    const excess = [await open.peer(), await open.peer()];
    for (const peer of excess) await peer.ended();
    expect(open.server.stats()).toMatchObject({ connections: 3, connectionsAccepted: 3, connectionsRefused: 2 });
    for (const peer of peers) peer.send(frame({ service: 'S', method: 'Echo', sequence: 1n, payload: '1' }));
    for (const peer of peers) await peer.reply(1n);
    peers[0]?.connection.abort();
    await until(() => open.server.stats().connections === 2);
    const late = await open.peer();
    late.send(frame({ service: 'S', method: 'Echo', sequence: 1n, payload: '1' }));
    await late.reply(1n);
  });

  it('count as well while a plugin makes up its mind', async () => {
    const decide = gate();
    await using open = await openServer({ limits: { maxConnections: 2 }, plugins: [{ name: 'slow', acceptConnection: async (connection) => { await decide.promise; return connection; } }] }, () => {});
    const peers = await Promise.all(Array.from({ length: 5 }, () => open.peer()));
    await until(() => open.server.stats().connectionsRefused === 3);
    decide.open();
    await until(() => open.server.stats().connections === 2);
    expect(peers.filter(({ end }) => end !== undefined)).toHaveLength(3);
  });

  it('are refused by plugins that say so or throw, and not let in after the server closed meanwhile', async () => {
    const decide = gate();
    let asked = 0;
    const answers = [async () => undefined, async () => { throw new Error('no'); }];
    await using open = await openServer({ plugins: [{ name: 'guard', acceptConnection: async (connection) => { asked += 1; const answer = answers.shift(); if (answer !== undefined) return answer(); await decide.promise; return connection; } }] }, () => {});
    for (const peer of [await open.peer(), await open.peer()]) await peer.ended();
    expect(open.server.stats()).toMatchObject({ connectionsRefused: 2, connections: 0 });
    expect(open.log).toMatchObject([{ message: expect.stringContaining('plugin') as string }]);
    const late = await open.peer();
    await until(() => asked === 3);
    const closing = open.server.close();
    decide.open();
    await closing;
    await late.ended();
    expect(open.server.stats()).toMatchObject({ connections: 0, connectionsAccepted: 0 });
  });
});

describe('the budget of unfinished frames', () => {
  it('costs the oldest of them its connection when all together hold too much', async () => {
    const mebibyte = 1024 * 1024;
    await using open = await openServer({ limits: { maxBufferedBytes: 4 * mebibyte } }, (server) => server.registerFunction('S', 'Echo', (input: string) => input.length));
    const whole = frame({ service: 'S', method: 'Echo', sequence: 1n, payload: `"${'x'.repeat(mebibyte)}"` });
    const part = 900 * 1024;
    const peers = [];
    for (let count = 0; count < 4; count++) {
      const peer = await open.peer();
      peer.send(whole.subarray(0, part));
      await until(() => open.server.stats().traffic.bytesRead === part * (count + 1));
      peers.push(peer);
    }
    const [oldest, second, ...others] = peers;
    expect(peers.every(({ end }) => end === undefined)).toBe(true);
    const small = await open.peer();
    small.send(frame({ service: 'S', method: 'Echo', sequence: 9n, payload: '"y"' }));
    expect((await small.reply(9n)).payload.toString(), 'whole frames need no budget').toBe('1');
    const fifth = await open.peer();
    fifth.send(whole.subarray(0, part));
    await oldest?.ended();
    expect(second?.end).toBeUndefined();
    for (const peer of [...others, fifth]) {
      peer.send(whole.subarray(part));
      expect((await peer.reply(1n)).payload.toString()).toBe(String(mebibyte));
    }
    expect(open.log).toMatchObject([{ level: 'warn', fields: { err: { reason: 'OVERLOADED' } } }]);
  });

  it('that is smaller than one frame ends whoever asks for more, and nobody else', async () => {
    await using open = await openServer({ limits: { maxBufferedBytes: 10_000 } }, (server) => server.registerFunction('S', 'Echo', (input: string) => input.length));
    const healthy = await open.peer();
    const whole = frame({ service: 'S', method: 'Echo', sequence: 1n, payload: `"${'x'.repeat(50_000)}"` });
    for (const first of [11_000, 40_000]) {
      const peer = await open.peer();
      peer.send(whole.subarray(0, first));
      await peer.ended();
    }
    healthy.send(frame({ service: 'S', method: 'Echo', sequence: 1n, payload: '"x"' }));
    expect((await healthy.reply(1n)).payload.toString()).toBe('1');
  });
});

it('limits are on by default', () => {
  expect(defaultSessionLimits).toMatchObject({ highWaterBytes: 1 << 20, maxUnsentBytes: 64 << 20, stallMs: 10_000, firstByteMs: 10_000, frameMs: 30_000, heartbeatsPerSecond: 10, heartbeatBurst: 50, framesPerTurn: 256, turnMs: 8 });
});
