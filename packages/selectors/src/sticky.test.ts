import { RpcError } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { at, avoiding, call, counts, nameOf, row } from '../test/picking.ts';
import { leastPending } from './least-pending.ts';
import { roundRobin } from './round-robin.ts';
import { sticky } from './sticky.ts';

const abc = [at('a'), at('b'), at('c')];
const failed = { error: new RpcError('unavailable', 'lost'), durationMs: 1 };

describe('sticky', () => {
  it('D11: keeps the first choice for 100 000 calls', () => {
    expect(counts(sticky(roundRobin()).build(abc, undefined), 100_000)).toEqual({ a: 100_000 });
  });

  it('chooses again when its server fails, and not for an error that does not speak against it', () => {
    const picker = sticky(roundRobin()).build(abc, undefined);
    const [first, second] = [picker.pick(call()), picker.pick(call())];
    for (const code of ['not_found', 'canceled', 'unknown'] as const) picker.pick(call())?.done?.({ error: new RpcError(code, 'no'), durationMs: 1 });
    expect(row(picker, 2)).toBe('a a');
    second?.done?.(failed);
    expect(row(picker, 2)).toBe('b b');
    first?.done?.(failed);
    expect(row(picker, 2)).toBe('b b');
  });

  it('keeps its place while the list changes, also of calls that were picked before, until its server leaves', () => {
    const selector = sticky(roundRobin());
    const first = selector.build(abc, undefined);
    const early = first.pick(call());
    const second = selector.build([...abc, at('0')], first);
    expect(row(second, 2)).toBe('a a');
    early?.done?.(failed);
    expect(row(second, 2)).toBe('b b');
    expect(row(selector.build([at('a'), at('c')], second), 3)).toBe('c c c');
  });

  it('lets a second attempt go elsewhere and stays', () => {
    const picker = sticky(roundRobin()).build(abc, undefined);
    expect([nameOf(picker.pick(call())), nameOf(picker.pick(avoiding('a'))), nameOf(picker.pick(call()))]).toEqual(['a', 'b', 'a']);
  });

  it('tells the other selector of its own picks only', () => {
    const picker = sticky(leastPending()).build(abc, undefined);
    expect(counts(picker, 50)).toEqual({ a: 50 });
    picker.pick(call())?.done?.(failed);
    expect(row(picker, 1)).toBe('b');
  });

  it('refuses what is no selector', () => {
    expect(() => sticky(undefined as never)).toThrow('sticky(random())');
  });
});
