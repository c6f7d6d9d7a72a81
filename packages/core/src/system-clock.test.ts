import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from './system-clock.ts';

const longest = 2 ** 31 - 1;

describe('systemClock', () => {
  it('reads a monotonic clock for deadlines and the wall clock for what leaves the process', () => {
    const before = systemClock.now();
    expect(systemClock.now()).toBeGreaterThanOrEqual(before);
    expect(Math.abs(systemClock.wallTime() - Date.now())).toBeLessThan(1000);
    expect(systemClock.random()).toBeGreaterThanOrEqual(0);
    expect(systemClock.random()).toBeLessThan(1);
  });

  it('keeps deadlines when the wall clock is set back', () => {
    vi.spyOn(Date, 'now').mockReturnValue(0);
    const before = systemClock.now();
    expect(systemClock.now() - before).toBeLessThan(1000);
    expect(systemClock.wallTime()).toBe(0);
    vi.restoreAllMocks();
  });
});

describe('D3: systemClock.setTimer', () => {
  const warnings: string[] = [];
  const warned = (warning: Error): void => void warnings.push(warning.message);
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    warnings.length = 0;
    process.on('warning', warned);
  });
  afterEach(() => {
    vi.useRealTimers();
    process.off('warning', warned);
  });

  it.each([0, -1, -Infinity, Number.NaN])('runs at once for %d', (delayMs) => {
    const run = vi.fn();
    systemClock.setTimer(run, delayMs);
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it.each([1, 5, longest - 1, longest])('runs once after %d ms and not a millisecond earlier', (delayMs) => {
    const run = vi.fn();
    systemClock.setTimer(run, delayMs);
    vi.advanceTimersByTime(delayMs - 1);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(longest);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it.each([longest + 1, 2 ** 32, 3 * longest, 3 * longest + 17])('chains a wait of %d ms, which one timer cannot hold', (delayMs) => {
    const run = vi.fn();
    systemClock.setTimer(run, delayMs);
    vi.advanceTimersByTime(delayMs - 1);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it.each([2 ** 53, Infinity])('does not fire early for %d ms', (delayMs) => {
    const run = vi.fn();
    const timer = systemClock.setTimer(run, delayMs);
    for (let weeks = 0; weeks < 500; weeks++) vi.advanceTimersByTime(7 * 24 * 3_600_000);
    expect(run).not.toHaveBeenCalled();
    timer.cancel();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('cancels in any link of a chain', () => {
    const run = vi.fn();
    for (const passed of [0, longest - 1, longest, longest + 5]) {
      const timer = systemClock.setTimer(run, 2 * longest);
      vi.advanceTimersByTime(passed);
      timer.cancel();
      timer.cancel();
    }
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(3 * longest);
    expect(run).not.toHaveBeenCalled();
  });

  it('gives Node no delay that it would warn about', async () => {
    vi.useRealTimers();
    for (const delayMs of [2 ** 31, 2 ** 53, Infinity, Number.NaN, -1]) systemClock.setTimer(() => {}, delayMs).cancel();
    await new Promise((resolve) => { setImmediate(resolve); });
    expect(warnings).toEqual([]);
  });
});
