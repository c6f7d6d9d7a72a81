import { RpcError } from '@rpcxjs/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyFrame, joined, readFrames, type ReadFrame } from '../test/frame-reader.ts';
import { goldenFrames, hexBytes } from '../test/golden.ts';
import { frameWith } from '../test/illegal-frames.ts';
import { FrameParser } from './frame-parser.ts';
import { defaultFrameLimits } from './limits.ts';

const limits = { ...defaultFrameLimits, maxNameBytes: 70_000, maxMetadataBytes: 1 << 20, maxMetadataPairs: 10_000 };
const corpus = goldenFrames.map(({ hex }) => hexBytes(hex));

/** The nth of these frames carries n, and frames of many sizes. */
function numbered(count: number, size: (index: number) => number = (index) => (index * 37) % 900): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    const payload = new Uint8Array(size(index) + 4).fill(index);
    new DataView(payload.buffer).setUint32(0, index);
    return frameWith({ payload });
  });
}
function numberOf({ payload }: ReadFrame): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
}
function countUp(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe('FrameParser', () => {
  it('gives the same frames however the bytes are cut', () => {
    const some = fc.array(fc.nat(corpus.length - 1), { minLength: 1, maxLength: 12 });
    const cuts = fc.array(fc.oneof(fc.nat(40), fc.nat(3000)), { maxLength: 60 });
    fc.assert(fc.property(some, cuts, (indexes, sizes) => {
      const frames = indexes.map((index) => corpus[index]!);
      const stream = joined(frames);
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const size of sizes) chunks.push(stream.subarray(at, (at += Math.min(size, stream.length - at))));
      chunks.push(stream.subarray(at));
      const read = readFrames(chunks, limits);
      expect(read.length).toBe(frames.length);
      for (const [index, { whole }] of read.entries()) expect(Buffer.compare(whole, frames[index]!)).toBe(0);
    }), { numRuns: 400 });
  });

  it('copies no frame that lies within one chunk, and owns one that does not', () => {
    const frames = numbered(3);
    const stream = joined(frames);
    const seen: boolean[] = [];
    const parser = new FrameParser(limits, (view) => {
      seen.push(view.owned);
      expect(view.bytes.buffer === stream.buffer).toBe(!view.owned);
      if (view.owned) expect([view.start, view.end]).toEqual([0, view.bytes.length]);
    });
    const cut = frames[0]!.length + 30;
    parser.push(stream.subarray(0, cut));
    expect(parser.partialBytes).toBe(30);
    parser.push(stream.subarray(cut));
    expect(seen).toEqual([false, true, false]);
    expect(parser.partialBytes).toBe(0);
  });

  it('lets go of the chunk, and of a large frame, as soon as the callback has returned', () => {
    const parser = new FrameParser(limits, (view) => expect(view.bytes.length).toBeGreaterThan(0));
    const frame = frameWith({ payload: new Uint8Array(100_000) });
    parser.push(frame);
    expect(parser.view.bytes.length).toBe(0);
    parser.push(frame.subarray(0, 50_000));
    parser.push(frame.subarray(50_000));
    expect(parser.view.bytes.length).toBe(0);
    expect.assertions(4);
  });

  it('takes a Buffer for what it is, bytes in a larger memory', () => {
    const [frame] = numbered(1);
    const buffer = Buffer.concat([Buffer.alloc(5, 0xee), frame!, Buffer.alloc(5, 0xee)]).subarray(5, 5 + frame!.length);
    const parser = new FrameParser(limits, (view) => {
      expect(view.bytes.constructor).toBe(Uint8Array);
      expect(Buffer.compare(copyFrame(view).whole, frame!)).toBe(0);
    });
    parser.push(buffer);
    expect.assertions(2);
  });

  it('passes on what the callback throws and is of no use afterwards', () => {
    let frames = 0;
    const parser = new FrameParser(limits, () => {
      frames += 1;
      throw new Error('in the callback');
    });
    expect(() => parser.push(joined(numbered(3)))).toThrow('in the callback');
    parser.push(joined(numbered(3)));
    expect(frames).toBe(1);
  });
});

describe('stop', () => {
  it('ends the push behind the frame, whose end it returns, and the next one goes on from there', () => {
    const plan = fc.record({ sizes: fc.array(fc.nat(3000), { minLength: 1, maxLength: 30 }), stops: fc.infiniteStream(fc.boolean()) });
    fc.assert(fc.property(plan, ({ sizes, stops }) => {
      const frames = numbered(60);
      let total = 0;
      const ends = frames.map(({ length }) => (total += length));
      const stream = joined(frames);
      const read: number[] = [];
      let stopped = false;
      const parser = new FrameParser(limits, (view) => {
        expect(stopped).toBe(false);
        read.push(numberOf(copyFrame(view)));
        stopped = (stops.next() as { value: boolean }).value;
        if (stopped) parser.stop();
      });
      let chunkAt = 0;
      for (let turn = 0; chunkAt < stream.length; turn++) {
        const chunk = stream.slice(chunkAt, chunkAt + sizes[turn % sizes.length]! + 1);
        let at = 0;
        do {
          stopped = false;
          at = parser.push(chunk, at);
          expect(at).toBe(stopped ? ends[read.length - 1]! - chunkAt : chunk.length);
        } while (at < chunk.length);
        chunkAt += at;
        chunk.fill(0xee);
      }
      expect(read).toEqual(countUp(60));
    }), { numRuns: 300 });
  });

  it('is without effect outside of the callback; where nobody stops, the end of the bytes is returned', () => {
    let frames = 0;
    const parser = new FrameParser(limits, () => void (frames += 1));
    parser.stop();
    const stream = joined([...numbered(3), Uint8Array.of(8, 0)]);
    expect(parser.push(Buffer.concat([Buffer.alloc(3, 0xee), stream]), 3)).toBe(stream.length + 3);
    expect([frames, parser.partialBytes, parser.push(new Uint8Array(0))]).toEqual([3, 2, 0]);
  });

  it('costs nothing of what is behind it, although every single frame stops', () => {
    const stream = joined(numbered(20_000, () => 0));
    let read = 0;
    const parser = new FrameParser(limits, () => {
      read += 1;
      parser.stop();
    });
    const began = process.cpuUsage();
    for (let at = 0; at < stream.length; ) at = parser.push(stream, at);
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1000).toBeLessThan(500);
    expect(read).toBe(20_000);
  });

  it('is final after clear, also within the callback', () => {
    let read = 0;
    const parser = new FrameParser(limits, () => {
      read += 1;
      parser.clear();
    });
    const stream = joined(numbered(5));
    parser.push(stream);
    expect(parser.push(stream)).toBe(stream.length);
    expect([read, parser.partialBytes]).toEqual([1, 0]);
  });
});

describe('hostile peers', () => {
  it('B1: a claim of 4 GiB ends the connection at the sixteenth byte, and one that is allowed gets memory when bytes come', () => {
    const giant = frameWith({ total: 0xffff_ffff }).subarray(0, 16);
    const allowed = frameWith({ total: 16 << 20 }).subarray(0, 16);
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    const kept: FrameParser[] = [];
    const began = performance.now();
    for (let peer = 0; peer < 1000; peer++) {
      expect(() => new FrameParser(limits, () => {}).push(giant)).toThrow(expect.objectContaining({ reason: 'FRAME_TOO_LARGE' }));
    }
    expect((performance.now() - began) / 1000).toBeLessThan(50);
    expect(process.memoryUsage().rss - before).toBeLessThan(10 << 20);
    for (let peer = 0; peer < 1000; peer++) {
      const parser = new FrameParser(limits, () => {});
      parser.push(allowed);
      kept.push(parser);
    }
    // A page for each is touched; a gigabyte was claimed.
    expect(process.memoryUsage().rss - before).toBeLessThan(40 << 20);
    expect(kept.every(({ partialBytes }) => partialBytes === 16)).toBe(true);
  });

  it('B1: what an allowed claim gets depends on what has come: some kilobytes for its first byte, all of a mebibyte for a usual chunk of it', () => {
    const claim = frameWith({ total: 15 << 20 }).subarray(0, 16);
    const parsers = Array.from({ length: 500 }, () => new FrameParser(limits, () => {}));
    const before = process.memoryUsage().arrayBuffers;
    for (const parser of parsers) {
      parser.push(joined([claim, Uint8Array.of(1)]));
      for (let byte = 0; byte < 100; byte++) parser.push(Uint8Array.of(2));
    }
    expect((process.memoryUsage().arrayBuffers - before) / parsers.length).toBeLessThan(4096);
    expect(parsers.every(({ partialBytes }) => partialBytes === 117)).toBe(true);
    const whole = frameWith({ payload: new Uint8Array(1 << 20).fill(7) });
    let read: Uint8Array | undefined;
    const usual = new FrameParser(limits, (view) => void (read = view.bytes));
    const early = process.memoryUsage().arrayBuffers;
    for (let at = 0; at < whole.length; at += 65_536) usual.push(whole.subarray(at, at + 65_536));
    expect(process.memoryUsage().arrayBuffers - early, 'put together in one buffer, once').toBeLessThan(whole.length + 65_536);
    expect(Buffer.compare(read!, whole)).toBe(0);
  });

  it('B5: a megabyte of the smallest frames needs no stack and little time', () => {
    const tiny = frameWith({ flags: 0x40, service: '', method: '', metadata: new Uint8Array(0), payload: new Uint8Array(0) });
    expect(tiny.length).toBe(32);
    const stream = joined(Array.from({ length: (1 << 20) / 32 }, () => tiny));
    let frames = 0;
    const parser = new FrameParser(limits, () => void (frames += 1));
    const began = process.cpuUsage();
    parser.push(stream);
    const { user } = process.cpuUsage(began);
    expect(user / 1000).toBeLessThan(100);
    expect(frames).toBe(32_768);

    const depths: number[] = [];
    const watched = new FrameParser(limits, () => {
      frames += 1;
      if (frames % 32_768 < 2) depths.push((new Error('depth').stack ?? '').split('\n').length);
    });
    watched.push(stream);
    expect(depths.length).toBe(2);
    expect(depths[0]).toBe(depths[1]);
  });

  it('B6: 4 MiB in chunks of one byte take less than a second of CPU and no more memory than the frame', () => {
    const frame = frameWith({ payload: new Uint8Array(4 << 20).fill(5) });
    let read: Uint8Array | undefined;
    const parser = new FrameParser(limits, (view) => void (read = view.bytes));
    const one = new Uint8Array(1);
    const before = process.memoryUsage().rss;
    const began = process.cpuUsage();
    for (const byte of frame) {
      one[0] = byte;
      parser.push(one);
    }
    const { user, system } = process.cpuUsage(began);
    expect(process.memoryUsage().rss - before).toBeLessThan(16 << 20);
    expect(Buffer.compare(read!, frame)).toBe(0);
    expect((user + system) / 1000).toBeLessThan(1000);
  });

  it('B7: sends no name of a peer into its messages', () => {
    try {
      readFrames([frameWith({ service: `a\r\nforged ${'x'.repeat(300)}` })]);
    } catch (error) {
      expect(RpcError.is(error) && error.message).not.toContain('forged');
    }
    expect.assertions(1);
  });
});
