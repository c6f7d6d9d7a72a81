import { seededRandom } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { at, avoiding, counts, row, servers, weighted } from '../test/picking.ts';
import { weightedRoundRobin } from './weighted-round-robin.ts';

/** nginx's own loop over all servers. */
function naive(weights: readonly number[], turns: number): number[] {
  const credits = weights.map(() => 0);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Array.from({ length: turns }, () => {
    let best = -1;
    for (const [index, weight] of weights.entries()) {
      credits[index]! += weight;
      if (weight > 0 && (best < 0 || credits[index]! > credits[best]!)) best = index;
    }
    credits[best]! -= total;
    return best;
  });
}

const build = (weights: Record<string, number | string>) => weightedRoundRobin().build(weighted(weights), undefined);

describe('weightedRoundRobin', () => {
  it.each([
    [{ a: 5, b: 1, c: 1 }, 'a a b a c a a a a b a c a a'],
    [{ a: 7, b: 3 }, 'a b a a a b a a b a'],
    [{ a: 1, b: 1, c: 1 }, 'a b c a b c'],
    [{ a: 0, b: 2, c: 1 }, 'b c b b c b'],
    [{ a: 0, b: 0 }, 'a b a b'],
    [{ a: 'many', b: -1 }, 'a b a b'],
    [{ a: 1_000_000, b: 1 }, 'a a a a'],
  ])('A.4: turns weights %j into %s', (weights, expected) => {
    expect(row(build(weights), expected.split(' ').length)).toBe(expected);
  });

  it('is the loop of nginx over all servers, turn by turn, for any weights', () => {
    const random = seededRandom(11);
    for (let round = 0; round < 200; round++) {
      const weights = Array.from({ length: 1 + Math.floor(random() * (round % 10 === 0 ? 300 : 12)) }, () => 1 + Math.floor(random() * (round % 2 === 0 ? 4 : 1000)));
      const picker = weightedRoundRobin().build(servers(weights.length, (index) => ({ weight: String(weights[index]) })), undefined);
      expect(row(picker, 300), weights.join(' ')).toBe(naive(weights, 300).map((index) => String(index).padStart(4, '0')).join(' '));
    }
  });

  it.each([17, 33, 40, 64])('breaks ties as nginx does, also among the weights 1 to %d', (count) => {
    for (const weightOf of [(index: number) => index + 1, (index: number) => count - index, (index: number) => ((index * 7) % count) + 1]) {
      const weights = Array.from({ length: count }, (_, index) => weightOf(index));
      const picker = weightedRoundRobin().build(servers(count, (index) => ({ weight: String(weights[index]) })), undefined);
      expect(row(picker, 4000)).toBe(naive(weights, 4000).map((index) => String(index).padStart(4, '0')).join(' '));
    }
  });

  it('D11: shares 100 000 calls 1:2:7 within 2 %, also when a server comes and one goes in between', () => {
    const selector = weightedRoundRobin();
    let picker = selector.build(weighted({ a: 1, b: 2, c: 7 }), undefined);
    expect(counts(picker, 100_000)).toEqual({ a: 10_000, b: 20_000, c: 70_000 });
    picker = selector.build(weighted({ a: 1, b: 2, c: 7, d: 10 }), picker);
    const four = counts(picker, 100_000);
    for (const [name, share] of Object.entries({ a: 0.05, b: 0.1, c: 0.35, d: 0.5 })) expect(Math.abs((four[name] ?? 0) / 100_000 - share)).toBeLessThan(0.0001);
    picker = selector.build(weighted({ b: 2, c: 7, d: 10 }), picker);
    const three = counts(picker, 100_000);
    for (const [name, share] of Object.entries({ b: 2 / 19, c: 7 / 19, d: 10 / 19 })) expect(Math.abs((three[name] ?? 0) / 100_000 - share)).toBeLessThan(0.0001);
  });

  it('goes on where it was after each list that says the same', () => {
    const selector = weightedRoundRobin();
    const list = weighted({ a: 5, b: 1, c: 1, d: 3, e: 3 });
    let picker = selector.build(list, undefined);
    const expected = row(selector.build(list, undefined), 130);
    const found = Array.from({ length: 130 }, () => {
      picker = selector.build(list, picker);
      return row(picker, 1);
    });
    expect(found.join(' ')).toBe(expected);
  });

  it('shares 1:2:7 also when the list changes after each third call', () => {
    const selector = weightedRoundRobin();
    const random = seededRandom(5);
    let picker = selector.build([], undefined);
    const total: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (let round = 0; round < 20_000; round++) {
      picker = selector.build([...weighted({ a: 1, b: 2, c: 7 }), ...(random() < 0.5 ? [at('x', { weight: '5' })] : [])], picker);
      for (const [name, count] of Object.entries(counts(picker, 3))) if (name !== 'x') total[name]! += count;
    }
    const sum = total['a']! + total['b']! + total['c']!;
    expect([total['a']! / sum, total['b']! / sum, total['c']! / sum].map((share) => share.toFixed(2))).toEqual(['0.10', '0.20', '0.70']);
  });

  it('skips what a call has used up in the order of turns, and weight 0 even then', () => {
    const picker = build({ a: 5, b: 1, c: 1, d: 0 });
    expect(row(picker, 3, avoiding('a'))).toBe('b c b');
    expect(row(picker, 2, avoiding('a', 'b', 'c'))).not.toContain('d');
    expect(counts(build({ a: 1_000_000, b: 1, c: 1 }), 10, () => avoiding('a'))['a']).toBeUndefined();
  });
});
