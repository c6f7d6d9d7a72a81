import { closeFrame, createByteWriter, noMetadata, openFrame, prepareHead, writeFrame, type WholeFrame } from '@rpcxjs/protocol';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readFrames } from '../test/frame.ts';
import { BatchWriter, referenceBytes } from './batch-writer.ts';

/** `count` bytes that no other call gives, so that a mix-up shows. */
const pattern = new Uint8Array(256 * 1024).map((_, index) => (index * 2_654_435_761) >>> 13);
let seed = 0;
function fresh(count: number): Uint8Array {
  seed = (seed + 7919) % 100_000;
  return pattern.slice(seed, seed + count);
}
const big = referenceBytes;
const joined = (chunks: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(chunks));

describe('BatchWriter', () => {
  it('holds nothing as long as nothing is written', () => {
    const writer = new BatchWriter();
    expect([writer.bytes.length, writer.pendingBytes, writer.chunks().length]).toEqual([0, 0, 0]);
    writer.open();
    writer.append(fresh(10));
    writer.close();
    writer.chunks();
    writer.release(true);
    expect([writer.bytes.length, writer.pendingBytes, writer.chunks().length]).toEqual([0, 0, 0]);
  });

  it('gives one chunk for a batch of small frames', () => {
    const writer = new BatchWriter();
    const frames = Array.from({ length: 50 }, () => fresh(600));
    for (const frame of frames) {
      writer.open();
      writer.append(frame);
      writer.close();
    }
    expect(writer.pendingBytes).toBe(30_000);
    expect(writer.chunks().length).toBe(1);
    expect(writer.chunks()[0]).toEqual(joined(frames));
    expect(writer.pendingBytes).toBe(30_000);
  });

  it('goes on in another arena when one is full, without copying what waits', () => {
    const writer = new BatchWriter();
    const frames = Array.from({ length: 1000 }, () => fresh(600));
    for (const frame of frames) {
      writer.open();
      writer.append(frame);
      expect(writer.frameBytes).toBe(600);
      writer.close();
    }
    expect(writer.chunks().length).toBeLessThanOrEqual(10);
    expect(Math.max(...writer.chunks().map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024);
    expect(joined(writer.chunks())).toEqual(joined(frames));
  });

  it('hands large bytes over as they are, between what comes before and after', () => {
    const writer = new BatchWriter();
    const large = fresh(big);
    writer.open();
    writer.append(fresh(5));
    writer.append(large);
    writer.append(fresh(3));
    writer.append(fresh(big - 1));
    writer.close();
    const chunks = writer.chunks();
    expect(chunks.map(({ length }) => length)).toEqual([5, big, 3 + big - 1]);
    expect(chunks[1]).toBe(large);
  });

  it('patches the beginning of a frame, also after growth and behind large bytes', () => {
    for (const parts of [[10], [10, 70_000 - big], [10, 20_000, 31_000, 31_000, 31_000], [10, big], [10, big, 10, 31_000, 31_000, 31_000], [10, 31_000, 31_000, 31_000, big, 5]]) {
      for (const before of [0, 100, 62_000]) {
        const writer = new BatchWriter();
        const earlier = fresh(before % big);
        writer.open();
        for (let rest = before; rest > 0; rest -= earlier.length) writer.append(earlier);
        writer.close();
        const head = writer.pendingBytes;
        const written = parts.map((count) => fresh(count));
        writer.open();
        for (const part of written) writer.append(part);
        writer.patchUint32(2, 0xdead_beef);
        writer.patchByte(6, 0x99);
        expect(writer.frameBytes).toBe(joined(written).length);
        writer.close();
        const expected = joined(written);
        expected.set([0xde, 0xad, 0xbe, 0xef, 0x99], 2);
        expect(Buffer.compare(joined(writer.chunks()).subarray(head), expected), `${parts.join('+')} after ${before}`).toBe(0);
      }
    }
  });

  it('keeps its offset when it grows, so that a length can be filled in behind', () => {
    const writer = new BatchWriter();
    writer.open();
    writer.reserve(4);
    const at = writer.offset;
    writer.offset += 4;
    writer.appendUtf8('x'.repeat(200_000));
    writer.view.setUint32(at, writer.offset - at - 4);
    writer.close();
    const bytes = joined(writer.chunks());
    expect(new DataView(bytes.buffer).getUint32(0)).toBe(200_000);
    expect(bytes.length).toBe(200_004);
    expect(writer.view.buffer).toBe(writer.bytes.buffer);
  });

  it('takes an unfinished frame out again, whatever was in it', () => {
    for (const parts of [[], [10], [31_000, 31_000, 31_000], [10, big], [31_000, 31_000, 31_000, big, 31_000, 31_000, 31_000, big, 3]]) {
      const writer = new BatchWriter();
      const kept = [fresh(50), fresh(big), fresh(20_000)];
      writer.open();
      for (const part of kept) writer.append(part);
      writer.close();
      writer.open();
      for (const count of parts) writer.append(fresh(count));
      writer.rollback();
      expect(writer.isOpen).toBe(false);
      expect(writer.pendingBytes).toBe(joined(kept).length);
      const last = fresh(77);
      writer.open();
      writer.append(last);
      writer.close();
      expect(Buffer.compare(joined(writer.chunks()), joined([...kept, last])), parts.join('+')).toBe(0);
    }
  });

  it('leaves bytes alone that somebody still reads', () => {
    const writer = new BatchWriter();
    const held: { readonly chunk: Uint8Array; readonly copy: Uint8Array }[] = [];
    for (let turn = 0; turn < 300; turn++) {
      writer.open();
      writer.append(fresh(1 + ((turn * 977) % 9000)));
      writer.close();
      for (const chunk of writer.chunks()) held.push({ chunk, copy: chunk.slice() });
      writer.release(false);
    }
    for (const { chunk, copy } of held) expect(Buffer.compare(chunk, copy)).toBe(0);
  });

  it('keeps no large arena after it was sent, so that a connection that once sent much holds little', () => {
    const writer = new BatchWriter();
    writer.open();
    for (let count = 0; count < 100; count++) writer.append(fresh(31_000));
    writer.close();
    expect(writer.bytes.length).toBeGreaterThan(3_000_000);
    writer.chunks();
    writer.release(false);
    expect(writer.bytes.length).toBeLessThanOrEqual(64 * 1024);
  });

  it('writes the next batches into the same memory when that is free', () => {
    const writer = new BatchWriter();
    const buffers = new Set<unknown>();
    for (let turn = 0; turn < 100; turn++) {
      for (let frame = 0; frame < 300; frame++) {
        writer.open();
        writer.append(fresh(600));
        writer.close();
      }
      for (const chunk of writer.chunks()) buffers.add(chunk.buffer);
      writer.release(true);
    }
    expect(buffers.size).toBeLessThanOrEqual(19);
  });

  it('shares arenas with other writers without ever overlapping, like a naive concatenation', () => {
    type Step = readonly [kind: 'frame' | 'rolled back' | 'text' | 'sent' | 'waiting', writer: number, sizes: readonly number[]];
    const size = fc.oneof(
      { weight: 6, arbitrary: fc.nat(900) },
      { weight: 3, arbitrary: fc.nat(31_000) },
      { weight: 1, arbitrary: fc.integer({ min: big - 2, max: big + 40_000 }) },
    );
    const step: fc.Arbitrary<Step> = fc.tuple(
      fc.constantFrom('frame' as const, 'frame' as const, 'rolled back' as const, 'text' as const, 'sent' as const, 'waiting' as const),
      fc.nat(2),
      fc.array(size, { minLength: 1, maxLength: 6 }),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const writers = [new BatchWriter(), new BatchWriter(), new BatchWriter()];
      const expected: Uint8Array[][] = [[], [], []];
      const reads: { readonly chunk: Uint8Array; readonly copy: Uint8Array }[][] = [[], [], []];
      const compare = (index: number): void => {
        const writer = writers[index]!;
        const wanted = joined(expected[index]!);
        expect(writer.pendingBytes).toBe(wanted.length);
        expect(Buffer.compare(joined(writer.chunks()), wanted)).toBe(0);
      };
      for (const [kind, index, sizes] of steps) {
        const writer = writers[index]!;
        if (kind === 'sent' || kind === 'waiting') {
          compare(index);
          if (kind === 'waiting') for (const chunk of writer.chunks()) reads[index]!.push({ chunk, copy: chunk.slice() });
          else reads[index] = [];
          writer.release(kind === 'sent');
          expected[index] = [];
          continue;
        }
        const parts = sizes.map((count) => (kind === 'text' ? new TextEncoder().encode('aé€😀'.repeat(count / 4)) : fresh(count)));
        writer.open();
        writer.append(Uint8Array.of(1, 2, 3, 4));
        for (const part of parts) {
          if (kind === 'text') writer.appendUtf8(new TextDecoder().decode(part));
          else writer.append(part);
        }
        if (kind === 'rolled back') {
          writer.rollback();
          continue;
        }
        const length = parts.reduce((sum, part) => sum + part.length, 4);
        expect(writer.frameBytes).toBe(length);
        writer.patchUint32(0, length);
        writer.close();
        const head = Buffer.alloc(4);
        head.writeUInt32BE(length);
        expected[index]!.push(head, ...parts);
      }
      for (const index of writers.keys()) compare(index);
      for (const { chunk, copy } of reads.flat()) expect(Buffer.compare(chunk, copy)).toBe(0);
    }), { numRuns: 40 });
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
      const writer = new BatchWriter();
      for (const text of texts) writer.appendUtf8(text);
      expect(writer.finish()).toEqual(joined(texts.map((text) => encoder.encode(text))));
    }));
  });

  it.each([0, 1, 31, 32, 33, 1023, 1024, 1025, 21_844, 21_846, 65_535, 65_537, 300_000])('writes texts of %d characters of any width, also into a used arena', (count) => {
    for (const text of ['a', 'é', '€', '😀', '\ud800', 'aé€😀\udc00']) {
      const long = text.repeat(Math.ceil(count / text.length)).slice(0, count);
      for (const before of [0, 1, 65_530]) {
        const writer = new BatchWriter();
        for (let rest = before; rest > 0; rest -= 30_000) writer.append(new Uint8Array(Math.min(rest, 30_000)));
        writer.appendUtf8(long);
        expect(Buffer.compare(writer.finish().subarray(before), encoder.encode(long)), `${text} after ${before}`).toBe(0);
      }
    }
  });

  it('writes the same without a Buffer, as in a browser', async () => {
    vi.stubGlobal('Buffer', undefined);
    vi.resetModules();
    const browser = await import('./batch-writer.ts');
    for (const text of ['', 'plain', 'aé€😀'.repeat(20), '\ud800'.repeat(50), 'x'.repeat(100_000)]) {
      const writer = new browser.BatchWriter();
      writer.appendUtf8(text);
      writer.append(Uint8Array.of(7));
      expect(writer.finish()).toEqual(Uint8Array.of(...encoder.encode(text), 7));
    }
  });
});

it('finish joins everything into bytes of their own, and can be used again', () => {
  const writer = new BatchWriter();
  const large = fresh(big);
  writer.append(Uint8Array.of(1));
  writer.append(large);
  writer.appendUtf8('z');
  const first = writer.finish();
  expect(first).toEqual(joined([Uint8Array.of(1), large, Uint8Array.of(0x7a)]));
  writer.append(Uint8Array.of(9));
  expect(writer.finish()).toEqual(Uint8Array.of(9));
  expect(first[0]).toBe(1);
  expect(writer.finish().length).toBe(0);
});

describe('frames of the protocol', () => {
  const frame: WholeFrame = {
    service: 'S', method: 'M', codecId: 1, flags: 0, sequenceHigh: 0, sequenceLow: 0, metadata: undefined, payload: (writer) => writer.append(Uint8Array.of(1, 2)),
  };

  it('are byte for byte those of its own writer, of any size and behind one another', () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 60 });
    const one = fc.record({
      service: name, method: name, codecId: fc.nat(15), flags: fc.nat(255), sequenceHigh: fc.nat(), sequenceLow: fc.nat(),
      metadata: fc.option(fc.dictionary(name, name, { maxKeys: 8 }), { nil: undefined }), size: fc.oneof(fc.nat(3000), fc.nat(200_000)),
    });
    fc.assert(fc.property(fc.array(one, { maxLength: 8 }), (frames) => {
      const batch = new BatchWriter();
      const plain = createByteWriter();
      for (const { size, ...rest } of frames) {
        const payload = fresh(size);
        const before = batch.pendingBytes;
        const length = writeFrame(batch, { ...rest, payload: (to) => to.append(payload) });
        expect(length).toBe(batch.pendingBytes - before);
        expect(writeFrame(plain, { ...rest, payload: (to) => to.append(payload) })).toBe(length);
      }
      expect(Buffer.compare(joined(batch.chunks()), plain.finish())).toBe(0);
    }));
  });

  it('say the length of a payload that was handed over by reference', () => {
    const writer = new BatchWriter();
    const head = prepareHead(frame);
    const large = fresh(200_000);
    openFrame(writer, head, noMetadata, 0, 1);
    writer.append(large);
    expect(closeFrame(writer, head.length, noMetadata.length)).toBe(head.length + 8 + large.length);
    expect(writer.chunks()).toContain(large);
    expect(readFrames(Buffer.concat(writer.chunks())).frames[0]!.payload.length).toBe(large.length);
  });

  it('are taken out again, and the writer is open no more, when metadata or payload cannot be written', () => {
    const writer = new BatchWriter();
    writeFrame(writer, frame);
    const metadata = { a: 'b', bad: { toString() { throw new Error('no text'); } } as unknown as string };
    expect(() => writeFrame(writer, { ...frame, metadata })).toThrow('no text');
    expect(writer.isOpen).toBe(false);
    const payload: WholeFrame['payload'] = (to) => {
      to.append(fresh(100_000));
      to.appendUtf8('half');
      throw new Error('no more');
    };
    expect(() => writeFrame(writer, { ...frame, payload })).toThrow('no more');
    expect(writer.isOpen).toBe(false);
    writeFrame(writer, { ...frame, method: 'N' });
    expect(readFrames(Buffer.concat(writer.chunks())).frames.map(({ method }) => method)).toEqual(['M', 'N']);
  });
});
