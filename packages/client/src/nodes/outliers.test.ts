import { seededRandom } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { defaultHealth } from './health-options.ts';
import { outliers, type Tally } from './outliers.ts';

const tally = (calls: number, failed: number): Tally => ({ answered: calls - failed, failed });
const of = (...failures: number[]) => outliers(failures.map((failed) => tally(100, failed)), defaultHealth);

describe('outliers', () => {
  it.each<[string, number[], number[]]>([
    ['D8: one of five that fails half of its calls', [0, 0, 50, 0, 0], [2]],
    ['one of two', [0, 50], [1]],
    ['one of three that fails all', [100, 0, 0], [0]],
    ['two of five', [50, 0, 0, 60, 1], [0, 3]],
    ['one that fails among those that fail sometimes', [3, 5, 2, 40, 4], [3]],
  ])('are %s', (_name, failures, found) => {
    expect(of(...failures)).toEqual(found);
  });

  it.each<[string, number[]]>([
    ['all that are well', [0, 0, 0, 0, 0]],
    ['all that fail alike', [50, 55, 47, 52, 49]],
    ['all that fail always', [100, 100, 100]],
    ['one that is a little worse', [0, 0, 9, 0, 0]],
    ['the only one', [100]],
    ['none', []],
  ])('are not %s', (_name, failures) => {
    expect(of(...failures)).toEqual([]);
  });

  it('are not those at the edge of peers that differ widely', () => {
    const found = outliers([0, 1000, 4000, 5000, 5500].map((failed) => tally(10_000, failed)), defaultHealth);
    expect(found).toEqual([]);
  });

  it('are judged only when they, and a peer, had calls enough', () => {
    expect(outliers([tally(19, 19), tally(100, 0), tally(100, 0)], defaultHealth)).toEqual([]);
    expect(outliers([tally(20, 20), tally(100, 0), tally(19, 0)], defaultHealth)).toEqual([0]);
    expect(outliers([tally(100, 100), tally(19, 0)], defaultHealth)).toEqual([]);
    expect(outliers([tally(0, 0), tally(0, 0)], { ...defaultHealth, minimumCalls: 0.5 })).toEqual([]);
  });

  it('D8: are found in one interval at 20 calls, and hardly ever among equals', () => {
    const random = seededRandom(11);
    const failures = (calls: number, share: number) => Array.from({ length: calls }, random).filter((draw) => draw < share).length;
    const rounds = 1000;
    let found = 0;
    let wronged = 0;
    for (let round = 0; round < rounds; round++) {
      found += outliers([0.5, 0, 0, 0, 0].map((share) => tally(20, failures(20, share))), defaultHealth).includes(0) ? 1 : 0;
      for (const share of [0.01, 0.05, 0.3]) wronged += outliers(Array.from({ length: 5 }, () => tally(20, failures(20, share))), defaultHealth).length;
    }
    expect(found / rounds).toBeGreaterThan(0.99);
    // 15 000 judgements of servers that are all alike.
    expect(wronged / (rounds * 15)).toBeLessThan(0.01);
  });
});
