import { describe, expect, it, vi } from 'vitest';
import { LazySignal, onAbort } from './lazy-signal.ts';

describe('LazySignal', () => {
  it('makes its signal once, on first use', () => {
    let made = 0;
    class Counted extends AbortController {
      constructor() {
        super();
        made += 1;
      }
    }
    vi.stubGlobal('AbortController', Counted);
    const lazy = new LazySignal();
    lazy.abort(new Error('early'));
    expect(lazy.aborted).toBe(true);
    expect(made).toBe(0);
    expect(lazy.signal).toBe(lazy.signal);
    expect(made).toBe(1);
    vi.unstubAllGlobals();
  });

  it('aborts with the same reason whether somebody looked before or after', () => {
    const reason = { why: 'deadline' };
    const watched = new LazySignal();
    const heard: unknown[] = [];
    watched.signal.addEventListener('abort', () => heard.push(watched.signal.reason));
    watched.abort(reason);
    expect(heard).toEqual([reason]);

    const late = new LazySignal();
    late.abort(reason);
    expect(late.signal.aborted).toBe(true);
    expect(late.signal.reason).toBe(reason);
    expect(late.reason).toBe(reason);
  });

  it('counts only the first reason', () => {
    const lazy = new LazySignal();
    lazy.abort('first');
    lazy.abort('second');
    expect(lazy.reason).toBe('first');
    expect(lazy.signal.reason).toBe('first');
    lazy.abort('third');
    expect(lazy.signal.reason).toBe('first');
  });
});

describe('onAbort', () => {
  it('runs once with the reason', () => {
    const controller = new AbortController();
    const run = vi.fn();
    onAbort(controller.signal, run);
    controller.abort('why');
    controller.abort('again');
    expect(run.mock.calls).toEqual([['why']]);
  });

  it('runs at once for a signal that has aborted', () => {
    const run = vi.fn();
    onAbort(AbortSignal.abort('before'), run)();
    expect(run.mock.calls).toEqual([['before']]);
  });

  it('leaves no listener behind, whether it ran or was taken off', () => {
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, 'addEventListener');
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    const run = vi.fn();
    onAbort(controller.signal, run)();
    expect(removed.mock.calls[0]?.[1]).toBe(added.mock.calls[0]?.[1]);
    controller.abort();
    expect(run).not.toHaveBeenCalled();
    const ran = new AbortController();
    const added2 = vi.spyOn(ran.signal, 'addEventListener');
    const removed2 = vi.spyOn(ran.signal, 'removeEventListener');
    onAbort(ran.signal, run);
    ran.abort();
    expect(removed2.mock.calls[0]?.[1]).toBe(added2.mock.calls[0]?.[1]);
  });

  it('shares one listener among all who wait for the same signal', () => {
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, 'addEventListener');
    const run = vi.fn();
    const offs = Array.from({ length: 20 }, () => onAbort(controller.signal, run));
    expect(added).toHaveBeenCalledTimes(1);
    offs[0]?.();
    offs[0]?.();
    controller.abort('why');
    expect(run).toHaveBeenCalledTimes(19);
    offs[1]?.();
  });
});
