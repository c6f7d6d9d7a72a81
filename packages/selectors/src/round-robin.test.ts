import { describe, expect, it } from 'vitest';
import { at, avoiding, call, counts, nameOf, row } from '../test/picking.ts';
import { roundRobin } from './round-robin.ts';

const abc = [at('a'), at('b'), at('c')];

describe('roundRobin', () => {
  it('takes the servers in the order of their addresses, whatever the order of the list', () => {
    expect(row(roundRobin().build([at('c'), at('a'), at('b')], undefined), 7)).toBe('a b c a b c a');
  });

  it('D11: gives each of three servers exactly as many of 99 999 calls', () => {
    expect(counts(roundRobin().build(abc, undefined), 99_999)).toEqual({ a: 33_333, b: 33_333, c: 33_333 });
  });

  it.each([
    ['nothing', ['a', 'b', 'c'], 'b c a b'],
    ['the next one', ['a', 'c'], 'c a c a'],
    ['the one before', ['b', 'c'], 'b c b c'],
    ['all but the one before', ['a'], 'a a a a'],
    ['nothing, and others come before and behind', ['0', 'a', 'aa', 'b', 'c', 'd'], 'b c d 0'],
  ])('goes on where it was when %s leaves the list', (_what, names, expected) => {
    const selector = roundRobin();
    const old = selector.build(abc, undefined);
    expect(row(old, 4)).toBe('a b c a');
    const picker = selector.build(names.map((name) => at(name)), old);
    expect(row(picker, 4)).toBe(expected);
    expect(row(old, 3)).toBe('b c a');
  });

  it('skips what a call has used up, and comes back to it', () => {
    const picker = roundRobin().build(abc, undefined);
    expect(nameOf(picker.pick(avoiding('a', 'b')))).toBe('c');
    expect(row(picker, 2, avoiding('b'))).toBe('a c');
    expect(row(picker, 2, avoiding('a', 'b', 'c'))).toBe('a b');
    expect(nameOf(picker.pick(call()))).toBe('c');
  });
});
