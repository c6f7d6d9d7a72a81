import { afterEach, describe, expect, it, vi } from 'vitest';
import { currentAmbient, runAmbient } from './ambient.ts';

describe('ambient', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it('is seen by what a handler starts, also later, and by nobody else', async () => {
    expect(currentAmbient()).toBe(undefined);
    const seen = runAmbient({ deadline: 5 }, async () => {
      await Promise.resolve();
      await new Promise((resolve) => { setImmediate(resolve); });
      return currentAmbient();
    });
    expect(currentAmbient()).toBe(undefined);
    expect(await seen).toEqual({ deadline: 5 });
  });

  it('gives the inner one to a nested run, and the outer one back after it', () => {
    runAmbient({ deadline: 1 }, () => {
      expect(runAmbient({ deadline: 2 }, () => currentAmbient()?.deadline)).toBe(2);
      expect(currentAmbient()?.deadline).toBe(1);
    });
  });

  it('ends with the call that it belongs to, for whatever was started in its name', async () => {
    const call = { deadline: 5, settled: false };
    const later = runAmbient(call, async () => {
      const before = currentAmbient();
      await Promise.resolve();
      return [before, currentAmbient()];
    });
    call.settled = true;
    expect(await later).toEqual([call, undefined]);
  });

  it('passes arguments, result and error through', () => {
    expect(runAmbient({ deadline: 1 }, (a: number, b: number) => a + b, 2, 3)).toBe(5);
    expect(() => runAmbient({ deadline: 1 }, () => { throw new Error('out'); })).toThrow('out');
  });

  it('reaches what is run by another copy of this package: client and server may each have their own', async () => {
    vi.resetModules();
    const copy = await import('./ambient.ts');
    expect(copy.runAmbient).not.toBe(runAmbient);
    expect(runAmbient({ deadline: 7 }, () => copy.currentAmbient())).toEqual({ deadline: 7 });
    expect(copy.runAmbient({ deadline: 8 }, () => currentAmbient())).toEqual({ deadline: 8 });
  });

  it('inherits nothing, and breaks nothing, where there is no async_hooks', async () => {
    vi.stubGlobal('process', undefined);
    vi.resetModules();
    const browser = await import('./ambient.ts');
    expect(browser.runAmbient({ deadline: 1 }, (a: number) => [a, browser.currentAmbient()], 7)).toEqual([7, undefined]);
  });
});
