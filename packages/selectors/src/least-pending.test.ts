import type { Pick, Picker } from '@rpcxjs/core';
import { seededRandom } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { at, avoiding, call, counts, nameOf, row, weighted } from '../test/picking.ts';
import { leastPending } from './least-pending.ts';

const ended = { error: undefined, durationMs: 1 };
const abc = [at('a'), at('b'), at('c')];
const take = (picker: Picker, name: string): Pick => {
  const others = ['a', 'b', 'c', 'd'].filter((other) => other !== name);
  return picker.pick(avoiding(...others))!;
};

describe('leastPending', () => {
  it('takes turns while all are idle, in the order of their addresses', () => {
    expect(Object.values(counts(leastPending().build(abc, undefined), 99_999))).toEqual([33_333, 33_333, 33_333]);
    expect(row(leastPending().build([at('c'), at('b'), at('a')], undefined), 7)).toBe('a b c a b c a');
  });

  it('takes the one with the fewest calls in flight', () => {
    const picker = leastPending().build(abc, undefined);
    const slow = [take(picker, 'a'), take(picker, 'a'), take(picker, 'a'), take(picker, 'b')];
    expect(row(picker, 5)).toBe('c b c b c');
    slow.shift()?.done?.(ended);
    slow.shift()?.done?.(ended);
    expect(row(picker, 2)).toBe('a a');
  });

  it('D11: shares 100 000 calls 1:2:7 within 2 %, idle or busy, also when a server comes and one goes', () => {
    const selector = leastPending();
    const list = weighted({ a: 1, b: 2, c: 7 });
    let picker = selector.build(list, undefined);
    expect(counts(picker, 100_000)).toEqual({ a: 10_000, b: 20_000, c: 70_000 });
    const busy: Record<string, number> = {};
    const open: Pick[] = [];
    for (let count = 0; count < 100_000; count++) {
      const pick = picker.pick(call())!;
      busy[nameOf(pick)] = (busy[nameOf(pick)] ?? 0) + 1;
      open.push(pick);
      if (open.length > 50) open.shift()?.done?.(ended);
    }
    for (const [name, share] of Object.entries({ a: 0.1, b: 0.2, c: 0.7 })) expect(Math.abs(busy[name]! / 100_000 - share)).toBeLessThan(0.02);
    for (const pick of open) pick.done?.(ended);
    picker = selector.build([...list.slice(1), ...weighted({ d: 1 })], picker);
    const after = counts(picker, 100_000);
    for (const [name, share] of Object.entries({ b: 0.2, c: 0.7, d: 0.1 })) expect(Math.abs(after[name]! / 100_000 - share)).toBeLessThan(0.02);
    expect(after['a']).toBeUndefined();
  });

  it('remembers what is in flight when the list changes, whichever list a call was picked from', () => {
    const selector = leastPending();
    const first = selector.build(abc, undefined);
    const slow = [take(first, 'a'), take(first, 'a'), take(first, 'b'), take(first, 'b')];
    const second = selector.build([...abc, at('d')], first);
    expect(row(second, 4).split(' ').toSorted()).toEqual(['c', 'c', 'd', 'd']);
    for (const pick of slow) pick.done?.(ended);
    expect(row(second, 4).split(' ').toSorted()).toEqual(['a', 'a', 'b', 'b']);
  });

  it('counts together what two pickers of the same servers pick, the older one too', () => {
    const selector = leastPending();
    const pickers = [selector.build(abc, undefined)];
    pickers.push(selector.build([...abc, at('d')], pickers[0]));
    const pending = new Map(['a', 'b', 'c', 'd'].map((name) => [name, 0]));
    const random = seededRandom(4);
    const open: Pick[] = [];
    for (let step = 0; step < 3000; step++) {
      if (random() < 0.55) {
        const which = random() < 0.5 ? 0 : 1;
        const pick = pickers[which]!.pick(call())!;
        const known = [...pending].filter(([name]) => which === 1 || name !== 'd').map(([, count]) => count);
        expect(pending.get(nameOf(pick))).toBe(Math.min(...known));
        pending.set(nameOf(pick), pending.get(nameOf(pick))! + 1);
        open.push(pick);
      } else if (open.length > 0) {
        const [pick] = open.splice(Math.floor(random() * open.length), 1);
        pending.set(nameOf(pick), pending.get(nameOf(pick))! - 1);
        pick?.done?.(ended);
      }
    }
  });

  it('G10: leaves out weight 0, unless all have it', () => {
    expect(counts(leastPending().build(weighted({ a: 0, b: 1, c: 1 }), undefined), 100)).toEqual({ b: 50, c: 50 });
    expect(row(leastPending().build(weighted({ a: 0, b: 1 }), undefined), 2, avoiding('b'))).toBe('b b');
    expect(counts(leastPending().build(weighted({ a: 0, b: 0 }), undefined), 100)).toEqual({ a: 50, b: 50 });
  });

  it('agrees with a count of every server, whatever comes and goes', () => {
    const random = seededRandom(9);
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const pending = new Map(names.map((name) => [name, 0]));
    let list = names;
    const selector = leastPending();
    let picker = selector.build(list.map((name) => at(name)), undefined);
    const open: Pick[] = [];
    for (let step = 0; step < 20_000; step++) {
      const draw = random();
      if (draw < 0.001) {
        // Who leaves is forgotten, so nobody does who has calls in flight.
        list = names.filter((name) => pending.get(name)! > 0 || random() < 0.7);
        picker = selector.build(list.map((name) => at(name)), picker);
      } else if (draw < 0.5 && list.length > 0) {
        const pick = picker.pick(call())!;
        expect(pending.get(nameOf(pick))).toBe(Math.min(...list.map((name) => pending.get(name)!)));
        pending.set(nameOf(pick), pending.get(nameOf(pick))! + 1);
        open.push(pick);
      } else if (open.length > 0) {
        const [pick] = open.splice(Math.floor(random() * open.length), 1);
        pending.set(nameOf(pick), pending.get(nameOf(pick))! - 1);
        pick?.done?.(ended);
      }
    }
  });
});
