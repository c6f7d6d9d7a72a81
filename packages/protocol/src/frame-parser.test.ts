import { RpcError } from '@rpcxjs/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { copyFrame, joined, readFrames, type ReadFrame } from '../test/frame-reader.ts';
import { goldenFrames, hexBytes } from '../test/golden.ts';
import { frameWith } from '../test/illegal-frames.ts';
import { ByteBudget } from './byte-budget.ts';
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
    const parser = new FrameParser({ limits }, (view) => {
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
    const parser = new FrameParser({ limits }, (view) => expect(view.bytes.length).toBeGreaterThan(0));
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
    const parser = new FrameParser({ limits }, (view) => {
      expect(view.bytes.constructor).toBe(Uint8Array);
      expect(Buffer.compare(copyFrame(view).whole, frame!)).toBe(0);
    });
    parser.push(buffer);
    expect.assertions(2);
  });

  it('passes on what the callback throws and is of no use afterwards', () => {
    let frames = 0;
    const parser = new FrameParser({ limits }, () => {
      frames += 1;
      throw new Error('in the callback');
    });
    expect(() => parser.push(joined(numbered(3)))).toThrow('in the callback');
    parser.push(joined(numbered(3)));
    expect(frames).toBe(1);
  });
});

describe('pause and resume', () => {
  it('stop and go on at any frame, also within the callback, and lose and double nothing', () => {
    const plan = fc.record({
      sizes: fc.array(fc.nat(3000), { minLength: 1, maxLength: 30 }),
      stops: fc.infiniteStream(fc.constantFrom('no', 'no', 'pause', 'pause and resume')),
      later: fc.infiniteStream(fc.boolean()),
    });
    fc.assert(fc.property(plan, ({ sizes, stops, later }) => {
      const frames = numbered(60);
      const stream = joined(frames);
      const read: number[] = [];
      const parser = new FrameParser({ limits }, (view) => {
        expect(parser.paused).toBe(false);
        read.push(numberOf(copyFrame(view)));
        const { value } = stops.next() as { value: string };
        if (value === 'no') return;
        parser.pause();
        if (value === 'pause and resume') parser.resume();
      });
      let at = 0;
      for (let turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length]! + 1;
        const chunk = stream.slice(at, at + size);
        at += chunk.length;
        const before = parser.paused ? read.length : -1;
        parser.push(chunk);
        chunk.fill(0xee);
        if (before >= 0) expect(read.length).toBe(before);
        if ((later.next() as { value: boolean }).value) parser.resume();
      }
      for (let rounds = 0; rounds < 100; rounds++) parser.resume();
      expect(read).toEqual(countUp(60));
    }), { numRuns: 300 });
  });

  it('keep what comes while nothing is read, and deliver it in order', () => {
    const frames = numbered(200);
    const read: number[] = [];
    const parser = new FrameParser({ limits }, (view) => void read.push(numberOf(copyFrame(view))));
    parser.pause();
    parser.resume();
    parser.push(frames[0]!.subarray(0, 20));
    parser.pause();
    parser.push(joined([frames[0]!.subarray(20), ...frames.slice(1, 100)]));
    for (const frame of frames.slice(100)) parser.push(frame);
    expect(read).toEqual([]);
    parser.resume();
    expect(read).toEqual(countUp(200));
  });

  it('cost no more than a copy of what waits, although every single frame pauses', () => {
    const frames = numbered(20_000, () => 0);
    let read = 0;
    const parser = new FrameParser({ limits }, () => {
      read += 1;
      parser.pause();
    });
    const began = process.cpuUsage();
    parser.push(joined(frames));
    while (read < frames.length) parser.resume();
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1000).toBeLessThan(500);
    expect(read).toBe(20_000);
  });

  it('cost no more than a copy of what comes in tiny chunks meanwhile', () => {
    const stream = joined(numbered(2000, () => 100));
    const read: number[] = [];
    const parser = new FrameParser({ limits }, (view) => void read.push(numberOf(copyFrame(view))));
    parser.pause();
    const began = process.cpuUsage();
    for (let at = 0; at < stream.length; at++) parser.push(stream.subarray(at, at + 1));
    parser.resume();
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1000).toBeLessThan(1000);
    expect(read).toEqual(countUp(2000));
  });

  it('do nothing after clear', () => {
    let read = 0;
    const parser = new FrameParser({ limits }, () => {
      read += 1;
      parser.clear();
    });
    parser.push(joined(numbered(5)));
    parser.resume();
    parser.push(joined(numbered(5)));
    parser.resume();
    expect([read, parser.partialBytes, parser.paused]).toEqual([1, 0, true]);
  });
});

describe('the budget of unfinished frames', () => {
  afterEach(() => void vi.restoreAllMocks());
  const large = frameWith({ payload: new Uint8Array(300_000) });
  function parserOf(budget: ByteBudget, name: string, told: string[]): FrameParser {
    return new FrameParser({ limits, budget, evicted: () => void told.push(name) }, () => void told.push(`frame of ${name}`));
  }

  it('is taken as bytes come and given back with the frame', () => {
    const budget = new ByteBudget(1 << 20);
    const told: string[] = [];
    const parser = parserOf(budget, 'a', told);
    for (let at = 0; at < large.length; at += 1000) {
      parser.push(large.subarray(at, at + 1000));
      const left = large.length - at - 1000;
      if (left > 0) expect(budget.heldBytes).toBeGreaterThanOrEqual(parser.partialBytes);
      expect(budget.heldBytes).toBeLessThanOrEqual(2 * parser.partialBytes);
    }
    expect(told).toEqual(['frame of a']);
    expect(budget.heldBytes).toBe(0);
  });

  it('evicts the oldest unfinished frame, whose parser then stays silent', () => {
    const budget = new ByteBudget(500_000);
    const told: string[] = [];
    const [a, b, c] = ['a', 'b', 'c'].map((name) => parserOf(budget, name, told));
    a!.push(large.subarray(0, 200_000));
    b!.push(large.subarray(0, 200_000));
    c!.push(large.subarray(0, 200_000));
    expect(told).toEqual(['a']);
    a!.push(large.subarray(200_000));
    a!.resume();
    a!.push(large);
    b!.push(large.subarray(200_000));
    c!.push(large.subarray(200_000));
    expect(told).toEqual(['a', 'frame of b', 'frame of c']);
    expect(budget.heldBytes).toBe(0);
  });

  it('survives evicting the very parser that asks, at any point', () => {
    for (const first of [5, 15, 16, 17, 40, 200, 100_000]) {
      for (const step of [1, 31, 32, 1000, 100_000]) {
        const told: string[] = [];
        const parser = parserOf(new ByteBudget(64), 'a', told);
        parser.push(large.subarray(0, first));
        for (let at = first; at < large.length && told.length === 0; at += step) parser.push(large.subarray(at, at + step));
        expect(told).toEqual(['a']);
        parser.push(large);
        expect([told.length, parser.partialBytes]).toEqual([1, 0]);
      }
    }
  });

  it('counts what is kept while nothing is read', () => {
    const budget = new ByteBudget(50_000);
    const told: string[] = [];
    const parser = parserOf(budget, 'a', told);
    parser.pause();
    parser.push(joined(numbered(10, () => 1000)));
    expect(budget.heldBytes).toBeGreaterThan(10_000);
    parser.resume();
    expect([budget.heldBytes, told.length]).toEqual([0, 10]);
    parser.pause();
    for (let times = 0; times < 6; times++) parser.push(joined(numbered(10, () => 1000)));
    expect(told.slice(10)).toEqual(['a']);
    expect(budget.heldBytes).toBe(0);
  });

  it('B1: is not touched by claims: headers alone push nobody out', () => {
    const budget = new ByteBudget(1 << 20);
    const told: string[] = [];
    const honest = parserOf(budget, 'honest', told);
    honest.push(large.subarray(0, 100_000));
    const header = frameWith({ total: 16 << 20 }).subarray(0, 16);
    for (let peer = 0; peer < 5000; peer++) parserOf(budget, 'liar', told).push(header);
    expect(told).toEqual([]);
    honest.push(large.subarray(100_000));
    expect(told).toEqual(['frame of honest']);
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
      expect(() => new FrameParser({ limits }, () => {}).push(giant)).toThrow(expect.objectContaining({ reason: 'FRAME_TOO_LARGE' }));
    }
    expect((performance.now() - began) / 1000).toBeLessThan(50);
    expect(process.memoryUsage().rss - before).toBeLessThan(10 << 20);
    for (let peer = 0; peer < 1000; peer++) {
      const parser = new FrameParser({ limits }, () => {});
      parser.push(allowed);
      kept.push(parser);
    }
    // A page for each is touched; a gigabyte was claimed.
    expect(process.memoryUsage().rss - before).toBeLessThan(40 << 20);
    expect(kept.every(({ partialBytes }) => partialBytes === 16)).toBe(true);
  });

  it('B5: a megabyte of the smallest frames needs no stack and little time', () => {
    const tiny = frameWith({ flags: 0x40, service: '', method: '', metadata: new Uint8Array(0), payload: new Uint8Array(0) });
    expect(tiny.length).toBe(32);
    const stream = joined(Array.from({ length: (1 << 20) / 32 }, () => tiny));
    let frames = 0;
    const parser = new FrameParser({ limits }, () => void (frames += 1));
    const began = process.cpuUsage();
    parser.push(stream);
    const { user } = process.cpuUsage(began);
    expect(user / 1000).toBeLessThan(100);
    expect(frames).toBe(32_768);

    const depths: number[] = [];
    const watched = new FrameParser({ limits }, () => {
      frames += 1;
      if (frames % 32_768 < 2) depths.push((new Error('depth').stack ?? '').split('\n').length);
    });
    watched.push(stream);
    expect(depths.length).toBe(2);
    expect(depths[0]).toBe(depths[1]);
  });

  it('B6: 4 MiB in chunks of one byte take less than a second of CPU and no more memory than the frame', () => {
    const frame = frameWith({ payload: new Uint8Array(4 << 20).fill(5) });
    const budget = new ByteBudget(256 << 20);
    let read: Uint8Array | undefined;
    const parser = new FrameParser({ limits, budget }, (view) => void (read = view.bytes));
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
