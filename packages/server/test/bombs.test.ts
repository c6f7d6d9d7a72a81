import { constants, deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import { gzip } from '@rpcxjs/compress-gzip';
import type { Compressor } from '@rpcxjs/core';
import { tcp } from '@rpcxjs/transport-tcp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';
import { frame, heartbeatFlag } from './frame.ts';
import { openServer, recordingLogger } from './open-server.ts';
import { RawPeer } from './raw-peer.ts';

const gzipFlag = 0x04;
const mebibyte = 1024 * 1024;
const offer = frame({ flags: heartbeatFlag, sequence: 1n << 40n, metadata: { _rpcxjs: '1;n=0123456789abcdef;errors.1' } });

/** A gzip stream of zeros that claims the given length: a deflate block that repeats. */
function bomb(bytes: number): Buffer {
  // The middle of a long run of zeros is the same few bytes again and again: 1 MiB of zeros, repeated without inflating it all here.
  const piece = deflateRawSync(Buffer.alloc(mebibyte), { finishFlush: constants.Z_FULL_FLUSH });
  const last = deflateRawSync(Buffer.alloc(0));
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(bytes >>> 0, 4);
  return Buffer.concat([header, ...Array.from({ length: bytes / mebibyte }, () => piece), last, trailer]);
}

const code = (metadata: Readonly<Record<string, string>>): unknown => (JSON.parse(metadata['_rpcxjs-error'] ?? '{}') as { code?: unknown }).code;

describe('B2: what a payload inflates to', () => {
  it('may be exactly the limit, and not a byte more', async () => {
    const limit = 100_000;
    await using open = await openServer({ compressors: [gzip], limits: { maxInflatedBytes: limit } }, (server) => server.handle('S', 'Raw', (message) => message).registerFunction('S', 'M', (input: string) => input.length));
    const peer = await open.peer();
    const json = (bytes: number) => gzipSync(`"${'x'.repeat(bytes - 2)}"`);
    peer.send(offer, frame({ service: 'S', method: 'M', sequence: 1n, flags: gzipFlag, payload: json(limit) }));
    peer.send(frame({ service: 'S', method: 'M', sequence: 2n, flags: gzipFlag, payload: json(limit + 1) }), frame({ service: 'S', method: 'M', sequence: 3n, payload: '"x"' }));
    const first = await peer.reply(1n);
    expect((first.flags & gzipFlag) === 0 ? first.payload.toString() : gunzipSync(first.payload).toString()).toBe(String(limit - 2));
    expect(code((await peer.reply(2n)).metadata)).toBe('resource_exhausted');
    expect((await peer.reply(3n)).flags & 3, 'the connection lives').toBe(0);
  });
});

describe('bombs over TCP', () => {
  const transport = tcp();
  const honest = gzipSync('"fine"');
  const large = bomb(1024 * mebibyte);
  const bombs: Readonly<Record<string, Buffer>> = {
    '1 MB to 1 GB': large,
    '1 GB that says it is 10 bytes': Buffer.concat([large.subarray(0, -4), Buffer.from([10, 0, 0, 0])]),
    nested: gzipSync(bomb(16 * mebibyte)),
    'many members': Buffer.concat(Array.from({ length: 40 }, () => bomb(mebibyte))),
    truncated: large.subarray(0, large.length - 100_000),
    'cut in its header': honest.subarray(0, 7),
    'trailing garbage': Buffer.concat([honest, Buffer.from('garbage')]),
    'no gzip': Buffer.from('plain text, not compressed'),
  };
  let server: Server;
  let address = '';
  let inflated = 0;
  const counting: Compressor = { id: 1, name: 'gzip', compress: (bytes) => gzip.compress(bytes), decompress: (bytes, max) => ((inflated += 1), gzip.decompress(bytes, max)) };

  beforeAll(async () => {
    server = createServer({ transports: [transport], compressors: [counting], logger: recordingLogger([]), auth: (token) => token !== 'bad' });
    server.registerFunction('S', 'M', (input: unknown) => input);
    [address = ''] = await server.listen('tcp@127.0.0.1:0');
  });
  afterAll(() => server.close({ graceMs: 100 }));

  it('B3: are refused with little work and memory each, and the connection lives', async () => {
    const peer = await RawPeer.dial(transport, address);
    peer.send(offer, frame({ service: 'S', method: 'M', sequence: 99n, flags: gzipFlag, payload: honest }));
    expect((await peer.reply(99n)).payload.toString()).toBe('"fine"');
    global.gc?.();
    const rss = process.memoryUsage.rss();
    let most = 0;
    let sequence = 100n;
    const cost: Record<string, number> = {};
    for (const [name, payload] of Object.entries(bombs)) {
      const cpu = process.cpuUsage();
      for (let round = 0; round < 3; round++) {
        peer.send(frame({ service: 'S', method: 'M', sequence: (sequence += 1n), flags: gzipFlag, payload }));
        const reply = await peer.reply(sequence);
        expect(reply.flags & 3, name).toBe(1);
        expect(['resource_exhausted', 'invalid_argument'], name).toContain(code(reply.metadata));
      }
      const { user, system } = process.cpuUsage(cpu);
      cost[name] = (user + system) / 3000;
      most = Math.max(most, process.memoryUsage.rss() - rss);
    }
    // Sending and receiving the megabyte included, on a machine that others use: what the inflater itself takes is its package's test.
    for (const [name, ms] of Object.entries(cost)) expect(ms, `CPU of ${name}`).toBeLessThan(250);
    expect(most / mebibyte, 'what 24 GiB of zeros took, with garbage not collected yet').toBeLessThan(160);
    peer.send(frame({ service: 'S', method: 'M', sequence: 9000n, flags: gzipFlag, payload: honest }));
    expect((await peer.reply(9000n)).payload.toString()).toBe('"fine"');
    peer.connection.abort();
  });

  it('B4: with a bad token never reach the inflater', async () => {
    inflated = 0;
    for (const payload of Object.values(bombs)) {
      const peer = await RawPeer.dial(transport, address);
      peer.send(frame({ service: 'S', method: 'M', sequence: 1n, flags: gzipFlag, payload, metadata: { __AUTH: 'bad' } }));
      expect((await peer.reply(1n)).flags & 3).toBe(1);
      await peer.ended();
    }
    expect(inflated).toBe(0);
  });
});

describe('many gzip payloads that become the largest that is allowed', () => {
  it('are inflated a few at a time, and those of another connection do not wait for all of them', async () => {
    let most = 0;
    let inflating = 0;
    const slow: Compressor = {
      ...gzip(),
      decompress: async (bytes, max) => {
        most = Math.max(most, (inflating += 1));
        try {
          return await gzip().decompress(bytes, max);
        } finally {
          inflating -= 1;
        }
      },
    };
    await using open = await openServer({ compressors: [slow], limits: { maxInflatedBytes: mebibyte, maxBufferedBytes: 8 * mebibyte } }, (own) => own.registerFunction('S', 'Length', (input: string) => input.length));
    const [greedy, modest] = [await open.peer(), await open.peer()];
    const call = (sequence: bigint) => frame({ service: 'S', method: 'Length', sequence, flags: gzipFlag, payload: gzipSync(JSON.stringify('x'.repeat(1_000_000))) });
    greedy.send(...Array.from({ length: 200 }, (_, index) => call(BigInt(index))));
    modest.send(call(0n));
    expect((await modest.reply(0n)).payload.toString()).toBe('1000000');
    expect(greedy.frames.length).toBeLessThan(100);
    await greedy.until(() => greedy.frames.length === 200 || undefined, 'all replies');
    expect(greedy.frames.every(({ payload }) => payload.toString() === '1000000')).toBe(true);
    expect(most).toBe(8);
  });
});
