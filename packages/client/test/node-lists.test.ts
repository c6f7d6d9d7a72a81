import { describe, expect, it } from 'vitest';
import { errors, nodeBench } from './node-bench.ts';

const { timeout, refused } = errors;

describe('a list of servers', () => {
  it('D8: never blocks its only server', () => {
    const { group, calls, state, clock } = nodeBench(1);
    for (const error of Object.values(errors)) calls(100, 'a', error);
    expect(group.usable()).toEqual(['a']);
    expect(state('a')).not.toBe('ejected');
    clock.advance(60_000);
    calls(1, 'a');
    expect(state('a')).toBe('healthy');
  });

  it('D8: uses all when all are sick', () => {
    const { group, calls, table } = nodeBench(5);
    for (const address of 'abcde') calls(5, address, timeout);
    expect(group.usable()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(table.snapshot().map(({ state }) => state)).toEqual(Array<string>(5).fill('suspect'));
    calls(1, 'c');
    calls(1, 'd');
    calls(1, 'e');
    expect(group.usable()).toEqual(['c', 'd', 'e']);
  });

  it.each([
    [2, 0.5, 1], [3, 0.5, 1], [4, 0.5, 2], [5, 0.5, 2], [10, 0.1, 1], [5, 0.1, 1], [10, 0.3, 3], [3, 0, 0], [2, 0.1, 1],
  ])('of %d and a share of %d leaves %d out', (size, maxEjectedShare, left) => {
    const { group, calls } = nodeBench(size, { maxEjectedShare });
    const all = group.usable();
    for (const address of all.slice(0, left)) calls(5, address, timeout);
    expect(group.usable()).toEqual(all.slice(left));
    if ((left + 1) * 2 > size) return;
    calls(5, all[left] as string, timeout); // there are more
    expect(group.usable()).toHaveLength(size - left);
  });

  it('leaves out those whose time ends last', () => {
    const { clock, group, calls } = nodeBench(10, { maxEjectedShare: 0.2 });
    for (const address of ['c', 'a', 'd', 'b']) {
      calls(5, address, timeout);
      clock.advance(1);
    }
    expect(group.usable()).toEqual(['a', 'c', 'e', 'f', 'g', 'h', 'i', 'j']);
  });

  it('uses those who said goodbye when all others are gone, and asks them again when they are gone too', () => {
    const { table, group, calls } = nodeBench(3);
    table.drains('a');
    table.drains('b');
    calls(1, 'c', refused);
    expect(group.usable()).toEqual(['a', 'b']);
    calls(1, 'a', refused);
    expect(group.usable()).toEqual(['b']);
    calls(1, 'b', refused);
    expect(group.usable()).toEqual(['a', 'b', 'c']);
  });

  it('D8: lets those who failed back in when with those who are gone they are more than half', () => {
    const { group, calls } = nodeBench(4);
    calls(5, 'a', timeout);
    calls(1, 'b', refused);
    expect(group.usable()).toEqual(['c', 'd']);
    calls(5, 'c', timeout);
    expect(group.usable()).toEqual(['a', 'c', 'd']);
  });

  it('is the same array until its content changes', () => {
    const { group, calls, clock, begin } = nodeBench(3);
    const first = group.usable();
    calls(4, 'a', timeout);
    expect(group.usable()).toBe(first);
    calls(1, 'a', timeout);
    const second = group.usable();
    expect(second).not.toBe(first);
    clock.advance(10_000);
    begin('a');
    expect(group.usable()).toBe(second);
  });

  it('says which of its servers are avoided, and why', () => {
    const { group, calls, clock } = nodeBench(8);
    expect(group.avoided(0)).toBeUndefined();
    calls(1, 'a', refused);
    calls(5, 'b', timeout);
    clock.advance(2500);
    expect(group.avoided(clock.now())).toBe(
      'a is avoided until a call has tried it: unavailable: said CONNECT_FAILED; b is avoided for 8 s more: 5 calls in a row failed, the last one with deadline_exceeded: said TIMEOUT',
    );
    for (const address of ['c', 'd', 'e']) calls(1, address, refused);
    expect(group.avoided(clock.now())).toMatch(/^a is [^;]+; c is [^;]+; d is [^;]+; and 1 more$/);
  });

  it('has nobody tried out whom it uses all the same', () => {
    const panic = nodeBench(3);
    panic.calls(5, 'a', timeout);
    panic.calls(1, 'b', refused);
    panic.clock.advance(60_000);
    expect([panic.group.usable(), panic.group.probe(panic.clock.now())]).toEqual([['a', 'c'], 'b']);
    const { group, calls, clock, begin, end } = nodeBench(1);
    calls(1, 'a', refused);
    clock.advance(60_000);
    expect(group.probe(clock.now())).toBeUndefined();
    end(begin('a'));
    expect(group.usable()).toEqual(['a']);
  });

  it('may be empty, and name a server twice', () => {
    const { group, table } = nodeBench(3);
    group.update([]);
    expect([group.usable(), group.probe(0), table.snapshot()]).toEqual([[], undefined, []]);
    group.update(['b', 'a', 'b']);
    expect(group.usable()).toEqual(['b', 'a']);
    group.update(['a']);
    expect(table.snapshot().map(({ address }) => address)).toEqual(['a']);
  });

  it('remembers what it knew of servers that stay, and forgets those that leave when their calls have ended', () => {
    const { group, calls, begin, end, table } = nodeBench(3);
    calls(5, 'a', timeout);
    const last = begin('c');
    group.update(['a', 'b']);
    expect(group.usable()).toEqual(['b']);
    expect(table.snapshot().map(({ address }) => address)).toEqual(['a', 'b', 'c']);
    end(last);
    expect(table.snapshot().map(({ address }) => address)).toEqual(['a', 'b']);
    group.close();
    expect(table.snapshot()).toEqual([]);
  });

  it('shares what is known of a server with the other lists that it is in', () => {
    const { group, table, calls } = nodeBench(3);
    const other = table.group(['a', 'z']);
    calls(1, 'a', refused);
    expect([group.usable(), other.usable()]).toEqual([['b', 'c'], ['z']]);
    group.close();
    expect(table.snapshot().map(({ address }) => address)).toEqual(['a', 'z']);
  });
});
