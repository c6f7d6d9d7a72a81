import { seededRandom } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { at, avoiding, call, counts, row, servers } from '../test/picking.ts';
import { random } from './random.ts';

describe('random', () => {
  it('takes the server that was drawn', () => {
    const draws = [0, 0.33, 0.34, 0.67, 0.999];
    const picker = random({ random: () => draws.shift() ?? 0 }).build([at('a'), at('b'), at('c')], undefined);
    expect(row(picker, 5)).toBe('a a b c c');
  });

  it('D11: gives each of three servers a third of 100 000 calls, within 2 %, also when one comes and one goes', () => {
    const selector = random({ random: seededRandom(7) });
    const first = selector.build([at('a'), at('b'), at('c')], undefined);
    for (const found of [counts(first, 100_000), counts(selector.build([at('b'), at('c'), at('d')], first), 100_000)]) {
      expect(Object.keys(found)).toHaveLength(3);
      for (const count of Object.values(found)) expect(Math.abs(count / 100_000 - 1 / 3)).toBeLessThan(0.02);
    }
  });

  it('draws evenly among those that a call has not used up', () => {
    const picker = random({ random: seededRandom(3) }).build(servers(4), undefined);
    const found = counts(picker, 30_000, () => avoiding('0001'));
    expect(Object.keys(found).sort()).toEqual(['0000', '0002', '0003']);
    for (const count of Object.values(found)) expect(Math.abs(count - 10_000)).toBeLessThan(400);
    expect(picker.pick(call({ avoid: new Set() }))).toBeDefined();
  });
});
