import { expect, it } from 'vitest';
import { flushThreshold } from './flush-policy.ts';

it('sends a turn\'s batch in few writes, none of them tiny or huge', () => {
  expect(flushThreshold(1, 16)).toBe(1024);
  expect(flushThreshold(100_000, 1_000_000)).toBe(40 * 1024);
  const [few, many] = [flushThreshold(20, 600), flushThreshold(40, 600)];
  expect(few).toBeGreaterThan(1024);
  expect(many).toBe(2 * few);
});
