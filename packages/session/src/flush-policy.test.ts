import { expect, it } from 'vitest';
import { flushDefaults, flushPolicy, flushThreshold } from './flush-policy.ts';

it('sends a turn\'s batch in few writes, none of them tiny or huge', () => {
  expect(flushThreshold(1, 16)).toBe(1024);
  expect(flushThreshold(100_000, 1_000_000)).toBe(40 * 1024);
  const [few, many] = [flushThreshold(20, 600), flushThreshold(40, 600)];
  expect(few).toBeGreaterThan(1024);
  expect(many).toBe(2 * few);
});

it('says what a policy takes, and leaves the usual one alone', () => {
  expect(flushPolicy()).toBeUndefined();
  expect(flushPolicy(flushDefaults)).toBeUndefined();
  expect(flushPolicy({ delayMs: -1, maxBytes: undefined, maxMessages: undefined })).toBeUndefined();
  expect(flushPolicy({ delayMs: 0 })).toEqual({ delayMs: 0, maxBytes: 64 * 1024, maxMessages: Infinity });
  expect(flushPolicy({ maxMessages: 8 })).toEqual({ delayMs: -1, maxBytes: 40 * 1024, maxMessages: 8 });
  for (const wrong of [-2, -0.5, Number.NaN, Infinity]) expect(() => flushPolicy({ delayMs: wrong })).toThrow('flush.delayMs is');
  for (const wrong of [0, -1, Number.NaN]) {
    expect(() => flushPolicy({ maxBytes: wrong })).toThrow('flush.maxBytes is');
    expect(() => flushPolicy({ maxMessages: wrong })).toThrow('flush.maxMessages is');
  }
});
