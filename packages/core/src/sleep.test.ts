import { describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../test/manual-clock.ts';
import { sleep } from './sleep.ts';

describe('sleep', () => {
  it('resolves when the clock has moved that far', async () => {
    const clock = new ManualClock();
    const done = vi.fn();
    const sleeping = sleep(clock, 50).then(done);
    clock.advance(49);
    await Promise.resolve();
    expect(done).not.toHaveBeenCalled();
    clock.advance(1);
    await sleeping;
    expect(done).toHaveBeenCalledTimes(1);
  });

  it('rejects with what the signal was aborted with, and takes its timer off the clock', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const sleeping = sleep(clock, 50, controller.signal);
    controller.abort('enough');
    await expect(sleeping).rejects.toBe('enough');
    expect(clock.armed.size).toBe(0);
  });

  it('rejects at once for a signal that has aborted', async () => {
    const clock = new ManualClock();
    await expect(sleep(clock, 50, AbortSignal.abort('before'))).rejects.toBe('before');
    expect(clock.armed.size).toBe(0);
  });

  it('takes its listener off the signal when it wakes', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    const sleeping = sleep(clock, 5, controller.signal);
    clock.advance(5);
    await sleeping;
    expect(removed).toHaveBeenCalledTimes(1);
  });
});
