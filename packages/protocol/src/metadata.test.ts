import { createMetadata } from '@rpcxjs/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameWith, metadataBlock } from '../test/illegal-frames.ts';
import { readFrames } from '../test/frame-reader.ts';
import { createByteWriter } from './byte-writer.ts';
import { defaultFrameLimits } from './limits.ts';
import { countMetadata, getUint32, putUint32, readMetadata, writeMetadata } from './metadata.ts';

function write(metadata: Record<string, string>): Uint8Array {
  const writer = createByteWriter();
  writeMetadata(writer, metadata);
  return writer.finish();
}
const pairs = fc.uniqueArray(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.string({ unit: 'grapheme', maxLength: 90 })), { selector: ([key]) => key, maxLength: 30 });

describe('metadata', () => {
  it('is read as it was written, in the order of its keys', () => {
    fc.assert(fc.property(pairs, (entries) => {
      const metadata = createMetadata();
      for (const [key, value] of entries) metadata[key] = value;
      const block = write(metadata);
      expect(Buffer.from(block).equals(Buffer.from(metadataBlock(Object.entries(metadata))))).toBe(true);
      expect(countMetadata(block, 0, block.length)).toBe(entries.length);
      const read = readMetadata(block, 0, block.length);
      expect(Object.keys(read)).toEqual(Object.keys(metadata));
      expect(read).toEqual(metadata);
    }));
  });

  it('is read from any place of a larger buffer, or refused when it is cut anywhere', () => {
    const block = metadataBlock([['a', 'b'], ['key', 'value'], ['', '']]);
    const larger = new Uint8Array(block.length + 20).fill(0x11);
    larger.set(block, 7);
    expect({ ...readMetadata(larger, 7, 7 + block.length) }).toEqual({ a: 'b', key: 'value', '': '' });
    const borders = new Set([0, 10, 26, block.length]);
    for (let end = 0; end <= block.length; end++) {
      if (borders.has(end)) expect(countMetadata(block, 0, end)).toBe([...borders].indexOf(end));
      else {
        expect(countMetadata(block, 0, end)).toBe(-1);
        expect(() => readMetadata(block, 0, end)).toThrow(expect.objectContaining({ code: 'data_loss', reason: 'BAD_FRAME' }));
      }
    }
  });

  it('writes its own keys only, leaves undefined out and makes text of anything else', () => {
    const foreign = Object.assign(Object.create({ inherited: 'x' }) as object, { n: 7, u: undefined, ok: 'y' }) as unknown as Record<string, string>;
    expect({ ...readMetadata(write(foreign), 0, write(foreign).length) }).toEqual({ n: '7', ok: 'y' });
  });

  it('B7: the last of equal keys wins, as in Go', () => {
    const block = metadataBlock([['k', '1'], ['other', 'x'], ['k', '2'], ['k', '']]);
    expect({ ...readMetadata(block, 0, block.length) }).toEqual({ k: '', other: 'x' });
  });

  it('B7: NUL, CR and LF, invalid UTF-8 and lone surrogates are data', () => {
    const metadata = { 'a\u0000b': 'x\r\nSet-Cookie: y', '\u2028': '\u001b[2J' };
    expect({ ...readMetadata(write(metadata), 0, write(metadata).length) }).toEqual(metadata);
    const invalid = Uint8Array.of(0, 0, 0, 1, 0xff, 0, 0, 0, 2, 0xc3, 0x28);
    expect({ ...readMetadata(invalid, 0, invalid.length) }).toEqual({ '\ufffd': '\ufffd(' });
    const lone = write({ k: 'a\ud800' });
    expect({ ...readMetadata(lone, 0, lone.length) }).toEqual({ k: 'a\ufffd' });
  });

  it('B7: a request may have 128 pairs and 16 KiB, and not one more', () => {
    const pairsOf = (count: number) => metadataBlock(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
    const bytesOf = (count: number) => metadataBlock([['k', 'v'.repeat(count - 9)]]);
    const { maxMetadataPairs, maxMetadataBytes } = defaultFrameLimits;
    for (const block of [pairsOf(maxMetadataPairs), bytesOf(maxMetadataBytes)]) expect(readFrames([frameWith({ metadata: block })]).length).toBe(1);
    for (const block of [pairsOf(maxMetadataPairs + 1), bytesOf(maxMetadataBytes + 1)]) {
      expect(() => readFrames([frameWith({ metadata: block })])).toThrow(expect.objectContaining({ reason: 'BAD_FRAME' }));
      // Go puts stacks into the metadata of its replies.
      expect(readFrames([frameWith({ metadata: block, flags: 0x80 })]).length).toBe(1);
    }
  });

  it('B7: refuses a megabyte of empty pairs without looking at each of them', () => {
    const block = new Uint8Array(15 << 20);
    const frame = frameWith({ metadata: block });
    const began = process.cpuUsage();
    expect(() => readFrames([frame])).toThrow('are allowed');
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(50);
  });

  it('C1: __proto__, constructor and prototype are keys like any other', () => {
    const before = Object.getOwnPropertyNames(Object.prototype).join();
    const block = metadataBlock([['__proto__', 'a'], ['constructor', 'b'], ['prototype', 'c'], ['hasOwnProperty', 'd']]);
    const metadata = readMetadata(block, 0, block.length);
    expect(Object.getPrototypeOf(metadata)).toBe(null);
    expect(Object.entries(metadata)).toEqual([['__proto__', 'a'], ['constructor', 'b'], ['prototype', 'c'], ['hasOwnProperty', 'd']]);
    expect(Buffer.from(write(metadata)).equals(Buffer.from(block))).toBe(true);
    expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before);
  });
});

it('32-bit numbers are unsigned and big-endian, like a DataView', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), fc.nat(7), (value, at) => {
    const bytes = new Uint8Array(12);
    putUint32(bytes, at, value);
    expect(new DataView(bytes.buffer).getUint32(at)).toBe(value);
    expect(getUint32(bytes, at)).toBe(value);
    expect(bytes.filter((byte) => byte !== 0).length).toBeLessThanOrEqual(4);
  }));
});
