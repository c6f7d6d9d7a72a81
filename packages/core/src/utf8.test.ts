import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readUtf8, utf8Bytes, utf8Room, writeUtf8 } from './utf8.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

describe('readUtf8', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it('reads what utf8Bytes wrote, from any place of a larger buffer', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.nat(9), fc.nat(9), (text, before, after) => {
      const bytes = utf8Bytes(text);
      const larger = new Uint8Array(before + bytes.length + after).fill(0xff);
      larger.set(bytes, before);
      expect(readUtf8(larger, before, before + bytes.length)).toBe(text);
    }));
  });

  it('puts U+FFFD for malformed bytes exactly where a TextDecoder does, and keeps a byte order mark', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(readUtf8(bytes, 0, bytes.length)).toBe(decoder.decode(bytes));
    }), { numRuns: 2000 });
    expect(readUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), 0, 4)).toBe('\ufeffa');
  });

  it('reads the same without a Buffer, as in a browser', async () => {
    vi.stubGlobal('Buffer', undefined);
    vi.resetModules();
    const browser = await import('./utf8.ts');
    for (const bytes of [[], [0x61, 0x62], [0xef, 0xbb, 0xbf, 0x61], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98, 0x80]]) {
      const source = Uint8Array.from([0, ...bytes, 0]);
      expect(browser.readUtf8(source, 1, 1 + bytes.length)).toBe(readUtf8(source, 1, 1 + bytes.length));
    }
  });
});

describe('writeUtf8', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it.each(['Node', 'a browser'])('writes what utf8Bytes gives, within the room that was asked for, on %s', async (where) => {
    if (where === 'a browser') vi.stubGlobal('Buffer', undefined);
    vi.resetModules();
    const { utf8Room: room, writeUtf8: write } = await import('./utf8.ts');
    const text = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 40 }), fc.nat(700).map((count) => 'ä€😀'.repeat(count)));
    fc.assert(fc.property(text, fc.nat(9), (value, offset) => {
      const target = new Uint8Array(offset + room(value) + 3).fill(0xff);
      const end = offset + write(target, value, offset);
      expect(target.subarray(offset, end)).toEqual(utf8Bytes(value));
      expect([...target.subarray(0, offset), ...target.subarray(offset + room(value))]).toEqual(new Array(offset + 3).fill(0xff));
    }));
  });

  it('asks for the exact room of a long text on Node', () => {
    expect([utf8Room('ab'), utf8Room('a'.repeat(1024)), utf8Room('€'.repeat(1024))]).toEqual([6, 1024, 3072]);
    expect(writeUtf8(new Uint8Array(2), 'ab', 0)).toBe(2);
  });
});

it('utf8Bytes writes a lone surrogate as U+FFFD', () => {
  expect([...utf8Bytes('a\ud800b')]).toEqual([0x61, 0xef, 0xbf, 0xbd, 0x62]);
});
