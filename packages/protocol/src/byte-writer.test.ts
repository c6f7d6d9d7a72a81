import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { joined } from '../test/frame-reader.ts';
import { createByteWriter } from './byte-writer.ts';

describe('createByteWriter', () => {
  it('holds nothing as long as nothing is written', () => {
    const writer = createByteWriter();
    expect([writer.bytes.length, writer.view.byteLength, writer.finish().length]).toEqual([0, 0, 0]);
  });

  it('joins everything into bytes of their own, and can be used again', () => {
    const writer = createByteWriter();
    const large = new Uint8Array(100_000).map((_, index) => index * 7);
    writer.append(Uint8Array.of(1));
    writer.append(large);
    writer.appendUtf8('z');
    const first = writer.finish();
    expect(first).toEqual(joined([Uint8Array.of(1), large, Uint8Array.of(0x7a)]));
    expect(first.buffer.byteLength).toBe(first.length);
    writer.append(Uint8Array.of(9));
    expect(writer.finish()).toEqual(Uint8Array.of(9));
    expect(first[0]).toBe(1);
    expect(writer.finish().length).toBe(0);
  });

  it('keeps its offset when it grows, so that a length can be filled in behind', () => {
    const writer = createByteWriter();
    writer.reserve(4);
    const at = writer.offset;
    writer.offset += 4;
    writer.appendUtf8('x'.repeat(200_000));
    writer.view.setUint32(at, writer.offset - at - 4);
    expect(writer.view.buffer).toBe(writer.bytes.buffer);
    const bytes = writer.finish();
    expect(new DataView(bytes.buffer).getUint32(0)).toBe(200_000);
    expect(bytes.length).toBe(200_004);
  });

  it('grows in steps that pay: a megabyte byte by byte needs few buffers', () => {
    const writer = createByteWriter();
    const buffers = new Set<unknown>();
    for (let count = 0; count < 1 << 20; count++) {
      writer.reserve(1);
      buffers.add(writer.bytes.buffer);
      writer.bytes[writer.offset++] = count;
    }
    expect(buffers.size).toBeLessThan(15);
    expect(writer.bytes.length).toBeLessThan(4 << 20);
  });

  it('patches the beginning of a frame, and takes one out again, behind others and after growth', () => {
    for (const before of [0, 5, 2000]) {
      for (const count of [8, 5000]) {
        const writer = createByteWriter();
        writer.append(new Uint8Array(before).fill(1));
        writer.open();
        writer.append(new Uint8Array(count).fill(2));
        expect(writer.frameBytes).toBe(count);
        writer.rollback();
        expect(writer.offset).toBe(before);
        writer.open();
        writer.append(new Uint8Array(count).fill(3));
        writer.patchUint32(2, 0xdead_beef);
        expect(writer.frameBytes).toBe(count);
        writer.close();
        const expected = new Uint8Array(before + count).fill(3).fill(1, 0, before);
        expected.set([0xde, 0xad, 0xbe, 0xef], before + 2);
        expect(Buffer.compare(writer.finish(), expected), `${count} after ${before}`).toBe(0);
      }
    }
  });
});

describe('appendUtf8', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });
  const encoder = new TextEncoder();

  it('writes what a TextEncoder writes', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 200 }), { maxLength: 20 }), (texts) => {
      const writer = createByteWriter();
      for (const text of texts) writer.appendUtf8(text);
      expect(writer.finish()).toEqual(joined(texts.map((text) => encoder.encode(text))));
    }));
  });

  it.each([0, 1, 31, 32, 33, 1023, 1024, 1025, 21_844, 21_846, 65_535, 65_537, 300_000])('writes texts of %d characters of any width, also into a used buffer', (count) => {
    for (const text of ['a', 'é', '€', '😀', '\ud800', 'aé€😀\udc00']) {
      const long = text.repeat(Math.ceil(count / text.length)).slice(0, count);
      for (const before of [0, 1, 65_530]) {
        const writer = createByteWriter();
        for (let rest = before; rest > 0; rest -= 30_000) writer.append(new Uint8Array(Math.min(rest, 30_000)));
        writer.appendUtf8(long);
        expect(Buffer.compare(writer.finish().subarray(before), encoder.encode(long)), `${text} after ${before}`).toBe(0);
      }
    }
  });

  it('writes the same without a Buffer, as in a browser', async () => {
    vi.stubGlobal('Buffer', undefined);
    vi.resetModules();
    const browser = await import('./byte-writer.ts');
    for (const text of ['', 'plain', 'aé€😀'.repeat(20), '\ud800'.repeat(50), 'x'.repeat(100_000)]) {
      const writer = browser.createByteWriter();
      writer.appendUtf8(text);
      writer.append(Uint8Array.of(7));
      expect(writer.finish()).toEqual(Uint8Array.of(...encoder.encode(text), 7));
    }
  });
});
