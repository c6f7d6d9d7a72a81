import { createMetadata, readUtf8 } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import {
  closeFrame, compressorFlags, createByteWriter, defaultFrameLimits, flag, FrameParser, openFrame, openFrameWith, noMetadata, prepareHead, prepareTimeout,
  readMetadata, reserved, writeFrame,
} from '../src/index.ts';
import { copyFrame, readFrames, type ReadFrame } from './frame-reader.ts';
import { goldenFrames, hexBytes, type GoldenFrame } from './golden.ts';

// A frame of ours has no version and no reserved bits; the order of integer-like keys is the engine's.
const ours = goldenFrames.filter(({ version, reserved: bits, invalidUtf8, name }) => version === 0 && bits === 0 && invalidUtf8 !== true && !name.includes('integer-like'));
// One Go server writes more than a request may carry.
const wide = { ...defaultFrameLimits, maxNameBytes: 70_000, maxMetadataBytes: 1 << 20, maxMetadataPairs: 10_000 };

function flagsOf(frame: GoldenFrame): number {
  return (frame.response ? flag.response : 0) | (frame.heartbeat ? flag.heartbeat : 0) | (frame.oneway ? flag.oneway : 0)
    | compressorFlags(frame.compress) | frame.status;
}

function write(frame: GoldenFrame, writer = createByteWriter()): Uint8Array {
  const sequence = BigInt(frame.seq);
  writeFrame(writer, {
    service: frame.service,
    method: frame.method,
    codecId: frame.serialize,
    flags: flagsOf(frame),
    sequenceHigh: Number(sequence >> 32n),
    sequenceLow: Number(sequence & 0xffff_ffffn),
    metadata: createMetadata(Object.fromEntries(frame.metadata)),
    payload: (to) => to.append(hexBytes(frame.wirePayload ?? frame.payload)),
  });
  return writer.finish();
}

function expectSame(read: ReadFrame, golden: GoldenFrame): void {
  expect(read.flags).toBe(flagsOf(golden));
  expect(read.codecId).toBe(golden.serialize);
  expect(read.sequence).toBe(BigInt(golden.seq));
  expect(read.service).toBe(golden.service);
  expect(read.method).toBe(golden.method);
  expect(Object.entries(read.metadata).toSorted()).toEqual(golden.metadata.map((pair) => [...pair]).toSorted());
  expect(Buffer.from(read.payload).toString('hex')).toBe(golden.wirePayload ?? golden.payload);
  expect(Buffer.from(read.whole).toString('hex')).toBe(golden.hex);
}

describe('A1: frames of a real Go rpcx', () => {
  it('are many, and show every flag byte, every codec number and all lengths', () => {
    expect(goldenFrames.length).toBeGreaterThanOrEqual(200);
    expect(new Set(goldenFrames.map(({ hex }) => hex.slice(4, 6))).size).toBe(256);
    expect(new Set(goldenFrames.map(({ serialize }) => serialize)).size).toBe(16);
    expect(ours.length).toBeGreaterThan(400);
  });

  it('are read as what they mean', () => {
    for (const golden of goldenFrames) {
      const read = readFrames([hexBytes(golden.hex)], wide);
      expect(read.length, golden.name).toBe(1);
      expectSame(read[0]!, golden);
      expect(read[0]!.owned).toBe(false);
    }
  });

  it('are written byte for byte', () => {
    for (const golden of ours) expect(Buffer.from(write(golden)).toString('hex'), golden.name).toBe(golden.hex);
  });

  it('are written byte for byte when all of them leave in one batch', () => {
    const writer = createByteWriter();
    for (const golden of ours) {
      const sequence = BigInt(golden.seq);
      const head = prepareHead({ service: golden.service, method: golden.method, codecId: golden.serialize, flags: flagsOf(golden) });
      const high = Number(sequence >> 32n);
      const low = Number(sequence & 0xffff_ffffn);
      let metadataLength = noMetadata.length;
      if (golden.metadata.length === 0) openFrame(writer, head, noMetadata, high, low);
      else metadataLength = openFrameWith(writer, head, createMetadata(Object.fromEntries(golden.metadata)), high, low);
      writer.append(hexBytes(golden.wirePayload ?? golden.payload));
      expect(closeFrame(writer, head.length, metadataLength)).toBe(golden.hex.length / 2);
    }
    expect(Buffer.from(writer.finish()).toString('hex')).toBe(ours.map(({ hex }) => hex).join(''));
  });

  it('keep integer-like keys of metadata, in whatever order', () => {
    const golden = goldenFrames.find(({ name }) => name.includes('integer-like'))!;
    const [read] = readFrames([write(golden)]);
    expectSame({ ...read!, whole: hexBytes(golden.hex) }, golden);
  });

  it('carry the deadline as prepareTimeout writes it', () => {
    const golden = goldenFrames.find(({ name }) => name === 'request Arith.Mul with a deadline')!;
    const writer = createByteWriter();
    const head = prepareHead({ service: 'Arith', method: 'Mul', codecId: 3, flags: 0 });
    const timeout = prepareTimeout(1500);
    openFrame(writer, head, timeout, 0, 7);
    writer.append(hexBytes(golden.payload));
    closeFrame(writer, head.length, timeout.length);
    expect(Buffer.from(writer.finish()).toString('hex')).toBe(golden.hex);
  });

  it('D3: carry any deadline as a whole number of milliseconds that Go can hold in nanoseconds', () => {
    for (const [remaining, text] of [[0, '0'], [-1, '-1'], [2 ** 31, '2147483648'], [1499.9, '1499'], [2 ** 53, '9223372036854'], [1e300, '9223372036854']] as const) {
      const block = prepareTimeout(remaining);
      expect({ ...readMetadata(block, 4, block.length) }).toEqual({ [reserved.timeout]: text });
    }
    expect(9_223_372_036_854n * 1_000_000n).toBeLessThan(2n ** 63n);
  });

  it('show U+FFFD where a name is no UTF-8, and never change the bytes', () => {
    const invalid = goldenFrames.filter(({ invalidUtf8 }) => invalidUtf8);
    expect(invalid.length).toBeGreaterThan(3);
    for (const golden of invalid) {
      const { service, method, metadata } = readFrames([hexBytes(golden.hex)])[0]!;
      expect(JSON.stringify([service, method, metadata])).toContain('\ufffd');
    }
  });
});

describe('A2: frames of a real Go rpcx in pieces', () => {
  it('are the same frame wherever they are split in two', () => {
    for (const golden of goldenFrames) {
      const bytes = hexBytes(golden.hex);
      let frames = 0;
      let same = 0;
      const parser = new FrameParser(wide, (view) => {
        frames += 1;
        if (Buffer.compare(view.bytes.subarray(view.start, view.end), bytes) === 0 && view.flags === flagsOf(golden)) same += 1;
      });
      const cuts = bytes.length - 1;
      for (let cut = 1; cut <= cuts; cut++) {
        parser.push(bytes.subarray(0, cut));
        parser.push(bytes.subarray(cut));
      }
      expect([frames, same, parser.partialBytes], golden.name).toEqual([cuts, cuts, 0]);
    }
  });

  it('are the same frame byte by byte', () => {
    for (const golden of goldenFrames) {
      const bytes = hexBytes(golden.hex);
      const read = readFrames(Array.from(bytes, (byte) => Uint8Array.of(byte)), wide);
      expect(read.length, golden.name).toBe(1);
      expectSame(read[0]!, golden);
      expect(read[0]!.owned).toBe(true);
    }
  });

  it('are the same frames when all of them come in chunks of one size', () => {
    const stream = hexBytes(goldenFrames.map(({ hex }) => hex).join(''));
    for (const size of [2, 3, 5, 7, 15, 16, 17, 31, 33, 1460, 65_536]) {
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < stream.length; at += size) chunks.push(stream.subarray(at, at + size));
      const read = readFrames(chunks, wide);
      expect(read.length, `chunks of ${size}`).toBe(goldenFrames.length);
      for (const [index, frame] of read.entries()) expectSame(frame, goldenFrames[index]!);
    }
  });

  it('leave the memory that they came in to its owner', () => {
    const stream = hexBytes(goldenFrames.map(({ hex }) => hex).join(''));
    // The transport reads into the same memory again.
    const shared = new Uint8Array(1000);
    const read: ReadFrame[] = [];
    const parser = new FrameParser(wide, (view) => void read.push(copyFrame(view)));
    for (let at = 0; at < stream.length; at += 1000) {
      const count = Math.min(1000, stream.length - at);
      shared.set(stream.subarray(at, at + count));
      parser.push(shared.subarray(0, count));
      shared.fill(0xee);
    }
    expect(read.length).toBe(goldenFrames.length);
    for (const [index, frame] of read.entries()) expectSame(frame, goldenFrames[index]!);
  });

  it('name the method without a copy of the frame', () => {
    const golden = goldenFrames[0]!;
    new FrameParser(wide, (view) => {
      expect(readUtf8(view.bytes, view.methodStart, view.methodEnd)).toBe(golden.method);
      expect([view.isResponse, view.isHeartbeat, view.isOneway, view.isError, view.compressorId]).toEqual([false, false, false, false, 0]);
    }).push(hexBytes(golden.hex));
    expect.assertions(2);
  });
});
