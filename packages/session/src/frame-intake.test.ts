import { defaultFrameLimits, type FrameView } from '@rpcxjs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame as frameParts } from '../test/frame.ts';
import { ByteBudget } from './byte-budget.ts';
import { FrameIntake } from './frame-intake.ts';

const limits = defaultFrameLimits;
const joined = (chunks: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(chunks));
const frameWith = (payload: Uint8Array): Uint8Array => joined([frameParts({ service: 'Arith', method: 'Mul', payload })]);

/** The nth of these frames carries n, and frames of many sizes. */
function numbered(count: number, size: (index: number) => number = (index) => (index * 37) % 900): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    const payload = new Uint8Array(size(index) + 4).fill(index);
    new DataView(payload.buffer).setUint32(0, index);
    return frameWith(payload);
  });
}
function numberOf({ bytes, payloadStart }: FrameView): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(payloadStart);
}
function countUp(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

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
      const intake = new FrameIntake({ limits }, (view) => {
        expect(intake.paused).toBe(false);
        read.push(numberOf(view));
        const { value } = stops.next() as { value: string };
        if (value === 'no') return;
        intake.pause();
        if (value === 'pause and resume') intake.resume();
      });
      let at = 0;
      for (let turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length]! + 1;
        const chunk = stream.slice(at, at + size);
        at += chunk.length;
        const before = intake.paused ? read.length : -1;
        intake.push(chunk);
        chunk.fill(0xee);
        if (before >= 0) expect(read.length).toBe(before);
        if ((later.next() as { value: boolean }).value) intake.resume();
      }
      for (let rounds = 0; rounds < 100; rounds++) intake.resume();
      expect(read).toEqual(countUp(60));
    }), { numRuns: 300 });
  });

  it('keep what comes while nothing is read, and deliver it in order', () => {
    const frames = numbered(200);
    const read: number[] = [];
    const intake = new FrameIntake({ limits }, (view) => void read.push(numberOf(view)));
    intake.pause();
    intake.resume();
    intake.push(frames[0]!.subarray(0, 20));
    intake.pause();
    intake.push(joined([frames[0]!.subarray(20), ...frames.slice(1, 100)]));
    for (const frame of frames.slice(100)) intake.push(frame);
    expect(read).toEqual([]);
    intake.resume();
    expect(read).toEqual(countUp(200));
  });

  it('cost no more than a copy of what waits, although every single frame pauses', () => {
    const frames = numbered(20_000, () => 0);
    let read = 0;
    const intake = new FrameIntake({ limits }, () => {
      read += 1;
      intake.pause();
    });
    const began = process.cpuUsage();
    intake.push(joined(frames));
    while (read < frames.length) intake.resume();
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1000).toBeLessThan(500);
    expect(read).toBe(20_000);
  });

  it('cost no more than a copy of what comes in tiny chunks meanwhile', () => {
    const stream = joined(numbered(2000, () => 100));
    const read: number[] = [];
    const intake = new FrameIntake({ limits }, (view) => void read.push(numberOf(view)));
    intake.pause();
    const began = process.cpuUsage();
    for (let at = 0; at < stream.length; at++) intake.push(stream.subarray(at, at + 1));
    intake.resume();
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1000).toBeLessThan(1000);
    expect(read).toEqual(countUp(2000));
  });

  it('do nothing after clear', () => {
    let read = 0;
    const intake = new FrameIntake({ limits }, () => {
      read += 1;
      intake.clear();
    });
    intake.push(joined(numbered(5)));
    intake.resume();
    intake.push(joined(numbered(5)));
    intake.resume();
    expect([read, intake.partialBytes, intake.paused]).toEqual([1, 0, true]);
  });
});

describe('the budget of unfinished frames', () => {
  const large = frameWith(new Uint8Array(300_000));
  function intakeOf(budget: ByteBudget, name: string, told: string[]): FrameIntake {
    return new FrameIntake({ limits, budget, evicted: () => void told.push(name) }, () => void told.push(`frame of ${name}`));
  }

  it('is taken as bytes come and given back with the frame', () => {
    const budget = new ByteBudget(1 << 20);
    const told: string[] = [];
    const intake = intakeOf(budget, 'a', told);
    for (let at = 0; at < large.length; at += 1000) {
      intake.push(large.subarray(at, at + 1000));
      const left = large.length - at - 1000;
      if (left > 0) expect(budget.heldBytes).toBeGreaterThanOrEqual(intake.partialBytes);
      expect(budget.heldBytes).toBeLessThanOrEqual(2 * intake.partialBytes);
    }
    expect(told).toEqual(['frame of a']);
    expect(budget.heldBytes).toBe(0);
  });

  it('evicts the oldest unfinished frame, whose intake then stays silent', () => {
    const budget = new ByteBudget(500_000);
    const told: string[] = [];
    const [a, b, c] = ['a', 'b', 'c'].map((name) => intakeOf(budget, name, told));
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

  it('knows how old a frame is, not how long its connection has been sending', () => {
    const budget = new ByteBudget(500_000);
    const told: string[] = [];
    const [a, b, c] = ['a', 'b', 'c'].map((name) => intakeOf(budget, name, told));
    a!.push(large.subarray(0, 200_000));
    b!.push(large.subarray(0, 200_000));
    a!.push(joined([large.subarray(200_000), large.subarray(0, 200_000)]));
    expect(told).toEqual(['frame of a']);
    c!.push(large.subarray(0, 200_000));
    expect(told).toEqual(['frame of a', 'b']);
    a!.push(large.subarray(200_000));
    c!.push(large.subarray(200_000));
    expect(told).toEqual(['frame of a', 'b', 'frame of a', 'frame of c']);
    expect(budget.heldBytes).toBe(0);
  });

  it('may evict an intake in the middle of its frames, which delivers and holds nothing more', () => {
    const budget = new ByteBudget(250_000);
    const told: string[] = [];
    const other = intakeOf(budget, 'other', told);
    const intake = new FrameIntake({ limits, budget, evicted: () => void told.push('evicted') }, () => {
      told.push('frame');
      other.push(large.subarray(0, 200_000));
    });
    intake.push(large.subarray(0, 200_000));
    intake.push(joined([large.subarray(200_000), large, large.subarray(0, 100_000)]));
    intake.resume();
    intake.push(large);
    expect(told).toEqual(['frame', 'evicted']);
    expect(intake.partialBytes).toBe(0);
    other.push(large.subarray(200_000));
    expect([told.at(-1), budget.heldBytes]).toEqual(['frame of other', 0]);
  });

  it('survives evicting the very intake that asks, at any point', () => {
    for (const first of [5, 15, 16, 17, 40, 200, 100_000]) {
      for (const step of [1, 31, 32, 1000, 100_000]) {
        const told: string[] = [];
        const intake = intakeOf(new ByteBudget(64), 'a', told);
        intake.push(large.subarray(0, first));
        for (let at = first; at < large.length && told.length === 0; at += step) intake.push(large.subarray(at, at + step));
        expect(told).toEqual(['a']);
        intake.push(large);
        expect([told.length, intake.partialBytes]).toEqual([1, 0]);
      }
    }
  });

  it('is given back when bytes come that no rpcx peer sends, and nothing is delivered behind them', () => {
    const budget = new ByteBudget(500_000);
    const told: string[] = [];
    const intake = intakeOf(budget, 'a', told);
    intake.push(large.subarray(0, 200_000));
    expect(() => intake.push(joined([large.subarray(200_000), Uint8Array.of(9)]))).toThrow(expect.objectContaining({ reason: 'BAD_FRAME' }));
    expect([budget.heldBytes, intake.partialBytes]).toEqual([0, 0]);
    intake.push(large);
    intake.resume();
    expect(told).toEqual(['frame of a']);
  });

  it('counts what is kept while nothing is read', () => {
    const budget = new ByteBudget(50_000);
    const told: string[] = [];
    const intake = intakeOf(budget, 'a', told);
    intake.pause();
    intake.push(joined(numbered(10, () => 1000)));
    expect(budget.heldBytes).toBeGreaterThan(10_000);
    intake.resume();
    expect([budget.heldBytes, told.length]).toEqual([0, 10]);
    intake.pause();
    for (let times = 0; times < 6; times++) intake.push(joined(numbered(10, () => 1000)));
    expect(told.slice(10)).toEqual(['a']);
    expect(budget.heldBytes).toBe(0);
  });

  it('B1: is not touched by claims: headers alone push nobody out', () => {
    const budget = new ByteBudget(1 << 20);
    const told: string[] = [];
    const honest = intakeOf(budget, 'honest', told);
    honest.push(large.subarray(0, 100_000));
    const header = Uint8Array.of(8, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0);
    for (let peer = 0; peer < 5000; peer++) intakeOf(budget, 'liar', told).push(header);
    expect(told).toEqual([]);
    honest.push(large.subarray(100_000));
    expect(told).toEqual(['frame of honest']);
  });

  it('B6: is taken in few steps: 4 MiB in chunks of one byte take less than a second of CPU and no more memory than the frame', () => {
    const frame = frameWith(new Uint8Array(4 << 20).fill(5));
    const budget = new ByteBudget(256 << 20);
    let read: Uint8Array | undefined;
    const intake = new FrameIntake({ limits, budget }, (view) => void (read = view.bytes));
    const one = new Uint8Array(1);
    const before = process.memoryUsage().rss;
    const began = process.cpuUsage();
    for (const byte of frame) {
      one[0] = byte;
      intake.push(one);
    }
    const { user, system } = process.cpuUsage(began);
    expect(process.memoryUsage().rss - before).toBeLessThan(16 << 20);
    expect(Buffer.compare(read!, frame)).toBe(0);
    expect((user + system) / 1000).toBeLessThan(1000);
  });
});
