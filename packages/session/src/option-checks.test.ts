import { consoleLogger, systemClock } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { amounts, checkRuntime } from './option-checks.ts';

describe('amounts', () => {
  const known = { maxCalls: 9, maxQueuedCalls: 9 };
  it.each([
    ['x', 'limits is "x": it takes an object with some of maxCalls, maxQueuedCalls'],
    [null, 'limits is null: it takes an object with some of maxCalls, maxQueuedCalls'],
    [{ maxCals: 1 }, 'limits has no option "maxCals": it takes maxCalls, maxQueuedCalls'],
    [{ maxCalls: 0 }, 'limits.maxCalls is 0: it takes a number from 1 on'],
    [{ maxCalls: -1 }, 'limits.maxCalls is -1: it takes a number that is not negative'],
    [{ maxQueuedCalls: Number.NaN }, 'limits.maxQueuedCalls is NaN: it takes a number that is not negative'],
    [{ maxQueuedCalls: '5' }, 'limits.maxQueuedCalls is "5": it takes a number that is not negative'],
  ])('%j is a TypeError that says what to pass', (wrong, message) => {
    expect(() => amounts('limits', wrong as never, known)).toThrow(new TypeError(message));
  });

  it('that may be nothing at all are taken', () => {
    expect(amounts('limits', { maxCalls: 1, maxQueuedCalls: 0 }, known)).toEqual({ maxCalls: 1, maxQueuedCalls: 0 });
    expect(amounts('limits', undefined, known)).toEqual(known);
  });

  it('that are undefined are those of the defaults, as with every other option', () => {
    expect(amounts('limits', { maxCalls: undefined, maxQueuedCalls: 1 }, known)).toEqual({ maxCalls: 9, maxQueuedCalls: 1 });
  });
});

describe('a clock and a logger', () => {
  it.each([[{ clock: 'x' }, 'clock is "x": '], [{ clock: () => 1 }, 'clock is the function clock: '], [{ logger: {} }, 'logger is an object of another kind: it takes an object with the functions debug, info, warn, error'], [{ logger: null }, 'logger is null: ']])('%o is a TypeError that says what to pass', (wrong, message) => {
    expect(() => checkRuntime(wrong as never)).toThrow(TypeError);
    expect(() => checkRuntime(wrong as never)).toThrow(message);
  });

  it('of any make are taken', () => {
    expect(() => checkRuntime({ clock: systemClock, logger: consoleLogger(systemClock) })).not.toThrow();
    expect(() => checkRuntime({ logger: console as never })).not.toThrow();
    expect(() => checkRuntime({ clock: undefined })).not.toThrow();
  });
});
