import { expect, it } from 'vitest';
import { fuzz, verdictOf } from './fuzz.ts';
import { Mutator } from './mutations.ts';
import { decodeNaively } from './naive-decoder.ts';

it('B12: ten million mutated and spliced frames give frames or a typed error, quickly and without growth', () => {
  const seed = Date.now() >>> 0;
  const { frames, refused, slowestMs, rssGrowth } = fuzz(seed, 4_000_000);
  expect(frames, `seed ${seed}`).toBeGreaterThan(2_000_000);
  expect(refused).toBeGreaterThan(1_000_000);
  expect(slowestMs).toBeLessThan(10);
  expect(rssGrowth).toBeLessThan(64 << 20);
});

it('B12: the parser finds what a naive decoder finds in a million streams', () => {
  const seed = Date.now() >>> 0;
  const mutator = new Mutator(seed);
  for (let stream = 0; stream < 1_000_000; stream++) {
    const bytes = mutator.next();
    const naive = decodeNaively(bytes);
    const chunk = 1 + mutator.random(bytes.length + 50);
    const found = verdictOf(bytes, chunk);
    if (found.verdict !== naive.verdict || found.ends.join() !== naive.ends.join()) {
      expect(found, `seed ${seed}: ${Buffer.from(bytes).toString('hex')} in chunks of ${chunk}`).toEqual(naive);
    }
  }
});
