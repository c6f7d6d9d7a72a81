import { sleep } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { manualClock } from './manual-clock.ts';

describe('manualClock', () => {
  it('runs timers at their own times, in the order of their times and then of their making', () => {
    const clock = manualClock({ startMs: 100 });
    const seen: string[] = [];
    clock.setTimer(() => seen.push(`late at ${clock.now()}`), 20);
    clock.setTimer(() => seen.push(`first at ${clock.now()}`), 10);
    clock.setTimer(() => seen.push(`second at ${clock.now()}`), 10);
    clock.advance(9);
    expect(seen).toEqual([]);
    clock.advance(11);
    expect(seen).toEqual(['first at 110', 'second at 110', 'late at 120']);
    expect(clock.pending).toBe(0);
  });

  it('runs a timer that a timer made when both are due', () => {
    const clock = manualClock();
    const times: number[] = [];
    const again = (): void => {
      times.push(clock.now());
      if (times.length < 10) clock.setTimer(again, 5);
    };
    clock.setTimer(again, 5);
    clock.advance(17);
    expect(times).toEqual([5, 10, 15]);
    expect(clock.now()).toBe(17);
    expect(clock.nextAt).toBe(20);
  });

  it('does not run a timer that an earlier one cancelled', () => {
    const clock = manualClock();
    let ran = false;
    const second = clock.setTimer(() => {
      ran = true;
    }, 10);
    clock.setTimer(() => second.cancel(), 5);
    clock.advance(10);
    expect(ran).toBe(false);
    second.cancel();
    expect(clock.pending).toBe(0);
  });

  it('lets what a timer threw out, and goes on with the rest at the next advance', () => {
    const clock = manualClock();
    let ran = 0;
    clock.setTimer(() => {
      throw new Error('planted');
    }, 5);
    clock.setTimer(() => ran++, 5);
    expect(() => clock.advance(10)).toThrow('planted');
    expect(clock.now()).toBe(5);
    clock.advance(0);
    expect(ran).toBe(1);
  });

  it('steps wall time without moving monotonic time or a timer', () => {
    const clock = manualClock({ wallTimeMs: 1_000_000 });
    let ran = false;
    clock.setTimer(() => {
      ran = true;
    }, 1000);
    clock.stepWallTime(-7200);
    expect([clock.now(), clock.wallTime(), ran]).toEqual([0, 992_800, false]);
    clock.advance(1000);
    expect([clock.now(), clock.wallTime(), ran]).toEqual([1000, 993_800, true]);
  });

  it('lets promises settle between timers when advanced asynchronously', async () => {
    const clock = manualClock();
    const times: number[] = [];
    const work = (async () => {
      for (let round = 0; round < 3; round++) {
        await sleep(clock, 10);
        times.push(clock.now());
      }
    })();
    await clock.advanceAsync(30);
    expect(times).toEqual([10, 20, 30]);
    await work;
  });

  it('refuses to go back', () => {
    expect(() => manualClock().advance(-1)).toThrow('cannot advance by -1 ms');
  });

  it('draws the same numbers for the same seed, spread over [0, 1)', () => {
    const draw = (seed: number): number[] => {
      const clock = manualClock({ seed });
      return Array.from({ length: 1000 }, () => clock.random());
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    const tenths = new Array<number>(10).fill(0);
    for (const value of draw(7)) tenths[Math.floor(value * 10)] = (tenths[Math.floor(value * 10)] ?? 0) + 1;
    expect(Math.min(...tenths)).toBeGreaterThan(60);
    expect(Math.max(...tenths)).toBeLessThan(140);
  });
});
