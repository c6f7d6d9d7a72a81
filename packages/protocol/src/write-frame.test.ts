import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFrames } from '../test/frame-reader.ts';
import { createByteWriter } from './byte-writer.ts';
import { compressorFlags, closeFrame, noMetadata, openFrame, openFrameWith, prepareHead, writeFrame, type WholeFrame } from './write-frame.ts';

const frame: WholeFrame = {
  service: 'S', method: 'M', codecId: 1, flags: 0, sequenceHigh: 0, sequenceLow: 0, metadata: undefined, payload: (writer) => writer.append(Uint8Array.of(1, 2)),
};

describe('writeFrame', () => {
  it('returns the length of what it wrote', () => {
    const writer = createByteWriter();
    for (const metadata of [undefined, {}, { a: 'b', c: 'd'.repeat(10_000) }]) {
      const before = writer.offset;
      const length = writeFrame(writer, { ...frame, metadata });
      expect(length).toBe(writer.offset - before);
    }
    expect(readFrames([writer.finish()]).length).toBe(3);
  });

  it('writes what the parser reads', () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 60 });
    const written = fc.record({
      service: name, method: name, codecId: fc.nat(15), flags: fc.nat(255), sequenceHigh: fc.integer({ min: 0, max: 0xffff_ffff }),
      sequenceLow: fc.integer({ min: 0, max: 0xffff_ffff }), metadata: fc.option(fc.dictionary(name, name, { maxKeys: 8, noNullPrototype: false }), { nil: undefined }),
      payload: fc.oneof(fc.uint8Array({ maxLength: 3000 }), fc.nat(200_000).map((count) => new Uint8Array(count).fill(7))),
    });
    fc.assert(fc.property(fc.array(written, { minLength: 1, maxLength: 8 }), (all) => {
      const writer = createByteWriter();
      for (const one of all) writeFrame(writer, { ...one, payload: (to) => to.append(one.payload) });
      const read = readFrames([writer.finish()]);
      expect(read.length).toBe(all.length);
      for (const [index, one] of all.entries()) {
        const { payload, ...rest } = read[index]!;
        expect(rest).toMatchObject({
          flags: one.flags, codecId: one.codecId, service: one.service, method: one.method, sequence: (BigInt(one.sequenceHigh) << 32n) | BigInt(one.sequenceLow),
        });
        expect(Object.entries(rest.metadata)).toEqual(Object.entries(one.metadata ?? {}));
        expect(Buffer.compare(payload, one.payload)).toBe(0);
      }
    }));
  });

  it('takes the frame out again when its payload cannot be written', () => {
    const writer = createByteWriter();
    writeFrame(writer, frame);
    const broken = (): void => void writeFrame(writer, {
      ...frame,
      payload(to) {
        to.append(new Uint8Array(100_000));
        to.appendUtf8('half');
        throw new Error('no more');
      },
    });
    expect(broken).toThrow('no more');
    writeFrame(writer, { ...frame, method: 'N' });
    expect(readFrames([writer.finish()]).map(({ method }) => method)).toEqual(['M', 'N']);
  });

  it('takes the frame out again when its metadata cannot be written', () => {
    const writer = createByteWriter();
    writeFrame(writer, frame);
    const metadata = { a: 'b', bad: { toString() { throw new Error('no text'); } } as unknown as string };
    expect(() => writeFrame(writer, { ...frame, metadata })).toThrow('no text');
    expect(() => openFrameWith(writer, prepareHead(frame), metadata, 0, 0)).toThrow('no text');
    expect(readFrames([writer.finish()]).length).toBe(1);
  });
});

describe('openFrame and closeFrame', () => {
  it.each([1, 40, 255])('write a prepared head with names of %d bytes any number of times', (count) => {
    const writer = createByteWriter();
    const head = prepareHead({ service: 's'.repeat(count), method: 'm'.repeat(count), codecId: 2, flags: 0x20 });
    const copy = head.slice();
    for (let sequence = 0; sequence < 3000; sequence++) {
      openFrame(writer, head, noMetadata, 0, sequence);
      writer.append(Uint8Array.of(sequence & 0xff));
      closeFrame(writer, head.length, noMetadata.length);
    }
    expect(head).toEqual(copy);
    const read = readFrames([writer.finish()]);
    expect(read.map(({ sequence }) => Number(sequence))).toEqual(Array.from({ length: 3000 }, (_, index) => index));
    expect(read.every(({ service, method, flags, codecId, payload }, index) =>
      service.length === count && method.length === count && flags === 0x20 && codecId === 2 && payload[0] === (index & 0xff))).toBe(true);
  });
});

describe('J3: sequence numbers', () => {
  const extremes = [0n, 1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 2n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 2n, 2n ** 64n - 1n];

  it('pass through bit by bit, from 0 to 2^64-1', () => {
    const writer = createByteWriter();
    for (const sequence of extremes) writeFrame(writer, { ...frame, sequenceHigh: Number(sequence >> 32n), sequenceLow: Number(sequence & 0xffff_ffffn) });
    const read = readFrames([writer.finish()]);
    expect(read.map(({ sequence }) => sequence)).toEqual(extremes);
    for (const [index, { whole }] of read.entries()) expect(Buffer.from(whole).readBigUInt64BE(4)).toBe(extremes[index]);
  });

  it('pass through when the frame comes byte by byte', () => {
    const writer = createByteWriter();
    for (const sequence of extremes) writeFrame(writer, { ...frame, sequenceHigh: Number(sequence >> 32n), sequenceLow: Number(sequence & 0xffff_ffffn) });
    const bytes = Array.from(writer.finish(), (byte) => Uint8Array.of(byte));
    expect(readFrames(bytes).map(({ sequence }) => sequence)).toEqual(extremes);
  });
});

it('compressorFlags puts the number where rpcx has it, and nothing elsewhere', () => {
  expect([0, 1, 2, 7].map(compressorFlags)).toEqual([0, 0x04, 0x08, 0x1c]);
  expect(compressorFlags(8)).toBe(0);
});
