import { expect, it } from 'vitest';
import { fuzz, verdictOf } from './fuzz.ts';
import { Mutator } from './mutations.ts';
import { decodeNaively } from './naive-decoder.ts';

it('B12: a million mutated and spliced frames give frames or a typed error, quickly and without growth', () => {
  // Each stream has two to three of them.
  const { frames, refused, slowestMs, rssGrowth } = fuzz(20_250_101, 400_000);
  expect(frames).toBeGreaterThan(200_000);
  expect(refused).toBeGreaterThan(100_000);
  expect(slowestMs).toBeLessThan(10);
  expect(rssGrowth).toBeLessThan(64 << 20);
}, 60_000);

it('B12: the parser finds what a naive decoder finds, in one piece and in many', () => {
  const mutator = new Mutator(7);
  const verdicts = new Map<string, number>();
  for (let stream = 0; stream < 30_000; stream++) {
    const bytes = mutator.next().slice();
    const naive = decodeNaively(bytes);
    verdicts.set(naive.verdict, (verdicts.get(naive.verdict) ?? 0) + 1);
    for (const chunk of [Math.max(1, bytes.length), 1 + mutator.random(50)]) {
      const found = verdictOf(bytes, chunk);
      if (found.verdict !== naive.verdict || found.ends.join() !== naive.ends.join()) {
        expect(found, `${Buffer.from(bytes).toString('hex')} in chunks of ${chunk}`).toEqual(naive);
      }
    }
  }
  // The corpus is worth something only if every verdict is common.
  for (const verdict of ['bad', 'too large', 'incomplete', 'complete']) expect(verdicts.get(verdict), verdict).toBeGreaterThan(500);
});
