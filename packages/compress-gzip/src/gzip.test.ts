import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import { RpcError } from '@rpcxjs/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gzip, gzipDefaults } from './gzip.ts';

const noLimit = Number.MAX_SAFE_INTEGER;
const MiB = 1024 * 1024;
// Both ways of doing the work, for the same bytes.
const ways = [['at once', gzip({ asyncAboveBytes: noLimit })], ['in the thread pool', gzip({ asyncAboveBytes: 0 })]] as const;

/** Throws at once or later: both are a refusal. */
async function refused(run: () => unknown): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
const badPayload = { name: 'RpcError', code: 'invalid_argument', reason: 'BAD_PAYLOAD' };
const tooLarge = { name: 'RpcError', code: 'resource_exhausted', reason: 'TOO_LARGE' };

/** A stream whose trailer says another length than it has. */
function lying(stream: Uint8Array, bytes: number): Buffer {
  const forged = Buffer.from(stream);
  forged.writeUInt32LE(bytes, forged.length - 4);
  return forged;
}
/** Random letters: they inflate without being a bomb. */
function letters(count: number): Buffer {
  let seed = 1;
  return Buffer.from(Array.from({ length: count }, () => 97 + ((seed = (seed * 48271) % 2147483647) % 20)));
}

describe.each(ways)('gzip, %s', (_, compressor) => {
  it('gives back what it was given', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 5000 }), async (payload) => {
      const packed = await compressor.compress(payload);
      expect(new Uint8Array(await compressor.decompress(packed, payload.length))).toStrictEqual(payload);
      expect(new Uint8Array(gunzipSync(packed))).toStrictEqual(payload);
    }), { numRuns: 100 });
  });

  it('reads what Go rpcx writes', async () => {
    const fromGo = Buffer.from('1f8b08000000000000ff522a1f05a360148c022a002500000000ffff010000ffff72fd5e434e040000', 'hex');
    expect(Buffer.from(await compressor.decompress(fromGo, 1102)).toString()).toBe(`"${'w'.repeat(1100)}"`);
  });

  it('B2: takes exactly the limit and refuses one byte more', async () => {
    for (const bytes of [1, 2, 1000, 16_384, 16_385, 65_536, 65_537, MiB, 3 * MiB + 1]) {
      for (const content of [Buffer.alloc(bytes), letters(bytes)]) {
        const packed = gzipSync(content);
        expect((await compressor.decompress(packed, bytes)).length).toBe(bytes);
        if (bytes > 1) expect(await refused(() => compressor.decompress(packed, bytes - 1))).toMatchObject(tooLarge);
      }
    }
  });

  it('B2: goes by what there is, not by what the stream says there is', async () => {
    const packed = gzipSync(letters(1_000_000));
    expect(await refused(() => compressor.decompress(lying(packed, 1), 500_000))).toMatchObject(tooLarge);
    expect(await refused(() => compressor.decompress(lying(packed, 500_000), 500_000))).toMatchObject(tooLarge);
    expect(await refused(() => compressor.decompress(lying(packed, 1), 1_000_000))).toMatchObject(badPayload);
    expect(await refused(() => compressor.decompress(lying(packed, 0xffffffff), 1_000_000))).toMatchObject(badPayload);
  });

  it('B3: refuses every truncation and every flipped bit that matters', async () => {
    const content = letters(300);
    const packed = gzipSync(content);
    for (let length = 1; length < packed.length; length++) expect(await refused(() => compressor.decompress(packed.subarray(0, length), MiB)), `${length} bytes`).toMatchObject(badPayload);
    for (let bit = 0; bit < packed.length * 8; bit++) {
      const broken = Buffer.from(packed);
      broken[bit >> 3] = (broken[bit >> 3] as number) ^ (1 << (bit & 7));
      const outcome = await Promise.resolve().then(() => compressor.decompress(broken, MiB)).catch((error: unknown) => error);
      // Time, extra flags and operating system say nothing about the content.
      if (RpcError.is(outcome)) expect(['BAD_PAYLOAD', 'TOO_LARGE']).toContain(outcome.reason);
      else expect(Buffer.from(outcome as Uint8Array).equals(content), `bit ${bit}`).toBe(true);
    }
  });

  it.each([['a zero', '00'], ['many zeros', '00'.repeat(512)], ['a byte', '41000000'], ['half a header', '1f8b0800'], ['text', '68656c6c6f000000']])('B3: refuses %s behind the stream', async (_name, tail) => {
    const packed = Buffer.concat([gzipSync('abc'), Buffer.from(tail, 'hex')]);
    expect(await refused(() => compressor.decompress(packed, noLimit))).toMatchObject(badPayload);
  });

  it('reads members behind each other as one payload, within one limit', async () => {
    const packed = Buffer.concat([gzipSync(letters(40_000)), gzipSync(letters(40_000)), gzipSync('end')]);
    expect(Buffer.from(await compressor.decompress(packed, 80_003)).equals(Buffer.concat([letters(40_000), letters(40_000), Buffer.from('end')]))).toBe(true);
    expect(await refused(() => compressor.decompress(packed, 80_002))).toMatchObject(tooLarge);
  });

  it.each([['one byte', '1f'], ['JSON', Buffer.from('{"a":1,"b":[1,2,3,4,5]}').toString('hex')], ['a bare deflate stream', deflateRawSync(letters(100)).toString('hex')]])('refuses %s', async (_name, hex) => {
    const outcome = (await refused(() => compressor.decompress(Buffer.from(hex, 'hex'), noLimit))) as RpcError;
    expect(outcome.reason).toBe('BAD_PAYLOAD');
    expect(outcome.message).toMatch(/no gzip stream: .+; check/);
  });

  it('leaves an empty payload empty, because Go rpcx takes a compressed one for the end of the connection', async () => {
    expect((await compressor.compress(new Uint8Array(0))).length).toBe(0);
    expect((await compressor.decompress(new Uint8Array(0), 0)).length).toBe(0);
  });

  it('has read its input when it returns', async () => {
    const payload = letters(500_000);
    const before = Buffer.from(payload);
    const pending = compressor.compress(payload);
    payload.fill(0);
    const packed = Buffer.from(await pending);
    expect(Buffer.from(await compressor.decompress(packed, 500_000)).equals(before)).toBe(true);
    const reused = Buffer.from(packed);
    const inflating = compressor.decompress(reused, 500_000);
    reused.fill(0);
    expect(Buffer.from(await inflating).equals(before)).toBe(true);
  });
});

describe('a bomb of 1 MB that would become 1 GB', () => {
  const bomb = gzipSync(Buffer.alloc(1024 * MiB), { level: 1 });
  const nested = gzipSync(bomb);
  const limit = 16 * MiB;
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;

  it.each([['honest about its size', bomb], ['that says it is small', lying(bomb, 1000)], ['that says it fits the limit', lying(bomb, limit)], ['in front of a small member', Buffer.concat([bomb, gzipSync('small')])]])('B3: %s is refused within 50 ms of CPU and 20 MB', async (_name, bytes) => {
    // The best of some runs: what else the machine does is no cost of the bomb.
    let [leastCpuMs, leastBytes] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let run = 0; run < 5; run++) {
      collectGarbage();
      const rss = process.memoryUsage.rss();
      const cpu = process.cpuUsage();
      expect(await refused(() => gzip.decompress(bytes, limit))).toMatchObject(tooLarge);
      const used = process.cpuUsage(cpu);
      leastCpuMs = Math.min(leastCpuMs, (used.user + used.system) / 1000);
      leastBytes = Math.min(leastBytes, process.memoryUsage.rss() - rss);
    }
    expect(leastCpuMs).toBeLessThan(50);
    expect(leastBytes).toBeLessThan(20 * MiB);
  });

  it('B3: one inside another is inflated once', async () => {
    expect(Buffer.from(await gzip.decompress(nested, limit)).equals(bomb)).toBe(true);
  });
});

describe('the choice of the way', () => {
  it('is by uncompressed size: up to asyncAboveBytes at once, above in the thread pool', async () => {
    const edge = gzipDefaults.asyncAboveBytes;
    const [fits, exceeds] = [letters(edge), letters(edge + 1)];
    expect(gzip.compress(fits)).toBeInstanceOf(Uint8Array);
    expect(gzip.decompress(gzipSync(fits), noLimit)).toBeInstanceOf(Uint8Array);
    const packed = gzip.compress(exceeds);
    expect(packed).toBeInstanceOf(Promise);
    const inflated = gzip.decompress(await packed, noLimit);
    expect(inflated).toBeInstanceOf(Promise);
    expect(Buffer.from(await inflated).equals(exceeds)).toBe(true);
  });

  it('inflates a few at once: the first of a hundred that are sent together is done before most of them hold what they inflate to', async () => {
    const payload = gzipSync(Buffer.alloc(8 * MiB));
    const before = process.memoryUsage().arrayBuffers;
    const all = Array.from({ length: 100 }, async () => gzip.decompress(payload, 16 * MiB));
    await Promise.race(all);
    expect((process.memoryUsage().arrayBuffers - before) / MiB).toBeLessThan(400);
    expect((await Promise.all(all)).every(({ length }) => length === 8 * MiB)).toBe(true);
  });

  it('is not fooled by a stream that says it is small: only asyncAboveBytes are inflated at once', async () => {
    const inflated = gzip.decompress(lying(gzipSync(Buffer.alloc(8 * MiB)), 10), noLimit);
    expect(inflated).toBeInstanceOf(Promise);
    expect(await refused(() => inflated)).toMatchObject(badPayload);
  });
});

describe('options', () => {
  it('goes on behind streams that are damaged', async () => {
    const small = gzip({ asyncAboveBytes: 0 });
    const damaged = gzipSync(Buffer.alloc(1000)).fill(0xff, 12, 16);
    const all = await Promise.allSettled(Array.from({ length: 100 }, async (_, index) => small.decompress(index < 90 ? damaged : gzipSync('fine'), MiB)));
    expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, (_, index) => (index < 90 ? 'rejected' : 'fulfilled')));
  });

  it('gzip is a compressor as it is and makes others', () => {
    expect([gzip.id, gzip.name, gzip().id, gzip().name]).toStrictEqual([1, 'gzip', 1, 'gzip']);
    expect(gzip({ level: 9 }).compress(letters(5000))).toHaveLength(gzipSync(letters(5000), { level: 9 }).length);
    expect(gzip.compress(letters(5000))).toHaveLength(gzipSync(letters(5000), { level: gzipDefaults.level }).length);
  });

  it.each([[{ level: 0 }], [{ level: 10 }], [{ level: 1.5 }], [{ asyncAboveBytes: -1 }], [{ asyncAboveBytes: Number.NaN }]])('refuses %o', (options) => {
    expect(() => gzip(options)).toThrow(TypeError);
  });
});
