import { describe, expect, it } from 'vitest';
import { at, avoiding, call, counts, nameOf } from '../test/picking.ts';
import { userSelector, type ChooseServer } from './user-selector.ts';

const abc = [at('c'), at('a'), at('b')];
const pickBy = (choose: ChooseServer) => userSelector(choose).build(abc, undefined);

describe('userSelector', () => {
  it('takes the server or the address that the function answers, of a sorted list', () => {
    expect(nameOf(pickBy((_info, instances) => instances[1]).pick(call()))).toBe('b');
    expect(nameOf(pickBy(() => 'memory@c').pick(call()))).toBe('c');
    expect(nameOf(pickBy(({ method }) => (method === 'Mul' ? 'memory@a' : undefined)).pick(call()))).toBe('a');
  });

  it('D11: asks at each of 10 000 calls', () => {
    let turn = 0;
    expect(counts(pickBy((_info, instances) => instances[turn++ % 2]), 10_000)).toEqual({ a: 5000, b: 5000 });
  });

  it('finds nobody when the answer is no server of the list', () => {
    for (const answer of [undefined, 'memory@gone', at('gone')]) expect(pickBy(() => answer).pick(call())).toBeUndefined();
  });

  it('gives the metadata of the list, not of an answer that was kept', () => {
    const kept = at('a', { version: 'old' });
    expect(pickBy(() => kept).pick(call())?.instance.metadata).toEqual({});
  });

  it('shows what a call has not used up, and everything when nothing is left', () => {
    const seen: string[] = [];
    const picker = pickBy((_info, instances) => {
      seen.push(instances.map(({ address }) => address.slice(7)).join(' '));
      return instances[0];
    });
    for (const info of [call(), avoiding('a'), avoiding('a', 'b', 'c'), avoiding()]) picker.pick(info);
    expect(seen).toEqual(['a b c', 'b c', 'a b c', 'a b c']);
  });

  it('passes on what the function throws, and refuses what is no function', () => {
    expect(() => pickBy(() => { throw new Error('shard map is missing'); }).pick(call())).toThrow('shard map');
    expect(() => userSelector('random' as never)).toThrow(TypeError);
  });
});
