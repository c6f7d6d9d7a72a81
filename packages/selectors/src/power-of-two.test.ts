import { RpcError, type Picker } from '@rpcxjs/core';
import { seededRandom } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { at, avoiding, call, counts, nameOf, row, servers, shares, weighted } from '../test/picking.ts';
import { powerOfTwo } from './power-of-two.ts';

const refused = new RpcError('unavailable', 'refused', { reason: 'CONNECT_FAILED' });

/** A selector on a clock of its own; each call takes as long as `tookMs` says, one after the other. */
function rig(options: { readonly decayMs?: number; readonly seed?: number } = {}) {
  let time = 0;
  const selector = powerOfTwo({ now: () => time, random: seededRandom(options.seed ?? 1), decayMs: options.decayMs });
  const run = (picker: Picker, total: number, how: (name: string) => { error?: unknown; durationMs: number }): Record<string, number> => {
    const found: Record<string, number> = {};
    for (let count = 0; count < total; count++) {
      const pick = picker.pick(call());
      const name = nameOf(pick);
      found[name] = (found[name] ?? 0) + 1;
      const { error, durationMs } = how(name);
      time += 1;
      pick?.done?.({ error, durationMs });
    }
    return found;
  };
  return { selector, run, pass: (ms: number) => { time += ms; } };
}

/** The share of each server, in the order of the weights, with so many callers at a time; a call takes `tookMs`, give or take half of it. */
function sharesUnderLoad(weights: readonly number[], callers: number, tookMs: (name: string) => number): readonly number[] {
  let time = 0;
  const draw = seededRandom(7);
  const list = weights.map((weight, index) => at(`s${index}`, { weight: String(weight) }));
  const picker = powerOfTwo({ now: () => time, random: seededRandom(3) }).build(list, undefined);
  const running: { readonly endsAt: number; end(): void }[] = [];
  const found: Record<string, number> = {};
  const begin = (): void => {
    const pick = picker.pick(call());
    const name = nameOf(pick);
    found[name] = (found[name] ?? 0) + 1;
    const durationMs = tookMs(name) * (0.5 + draw());
    running.push({ endsAt: time + durationMs, end: () => pick?.done?.({ error: undefined, durationMs }) });
  };
  for (let caller = 0; caller < callers; caller++) begin();
  for (let count = 0; count < 10_000; count++) {
    const [first] = running.toSorted((a, b) => a.endsAt - b.endsAt);
    running.splice(running.indexOf(first!), 1);
    time = first!.endsAt;
    first!.end();
    begin();
  }
  return list.map((_, index) => (found[`s${index}`] ?? 0) / (10_000 + callers));
}

describe('powerOfTwo', () => {
  it.each([
    [[5, 1], [0.83, 0.17]], [[99, 1], [0.99, 0.01]], [[1, 2, 7], [0.1, 0.2, 0.7]], [[5, 5, 5, 1], [0.31, 0.31, 0.31, 0.06]], [[1_000_000, 1, 1], [1, 0, 0]],
  ])('G10: shares %s by weight among servers that are equally quick, by one caller and by many', (weights, expected) => {
    // One caller alone meets what was quicker last: the lighter one of two that are drawn is so as often as not.
    for (const [callers, within] of [[1, 0.15], [10, 0.05], [50, 0.05]] as const) {
      const found = sharesUnderLoad(weights, callers, () => 5);
      for (const [index, share] of expected.entries()) expect(Math.abs((found[index] ?? 0) - share), `s${index} with ${callers} callers: ${found.join(' ')}`).toBeLessThan(within);
    }
  });

  it.each([1, 10, 50])('leaves a server that is a hundred times slower whatever its weight is, with %d callers', (callers) => {
    expect(sharesUnderLoad([9, 1], callers, (name) => (name === 's0' ? 500 : 5))[0]).toBeLessThan(0.05);
  });

  it('takes the better of two drawn servers, by calls in flight while nothing is measured', () => {
    const draws = [0, 0, 0, 0, 0.5, 0, 0.5, 0, 0, 0];
    const picker = powerOfTwo({ random: () => draws.shift() ?? 0, now: () => 0 }).build([at('a'), at('b'), at('c')], undefined);
    // a of (a, b); b of (a, b); b or c of (b, c): c is free; then all have one call, and the first drawn wins.
    expect(row(picker, 5)).toBe('a b c b a');
  });

  it('prefers the quicker server, and looks at the slower one again when its latency has faded', () => {
    const { selector, run, pass } = rig();
    const picker = selector.build([at('a'), at('b')], undefined);
    const speed = (name: string) => ({ durationMs: name === 'a' ? 2 : 200 });
    run(picker, 100, speed);
    expect(run(picker, 900, speed)).toEqual({ a: 900 });
    pass(60_000);
    expect(run(picker, 200, () => ({ durationMs: 2 }))['b']).toBeGreaterThan(40);
  });

  it('asks a server that was slow once again each second, as nothing else would show that it is quick', () => {
    const { selector, run, pass } = rig();
    const picker = selector.build([at('a'), at('b')], undefined);
    const quick = () => ({ durationMs: 2 });
    run(picker, 100, quick);
    run(picker, 10, (name) => ({ durationMs: name === 'b' ? 10_000 : 2 }));
    expect(run(picker, 900, quick)).toEqual({ a: 900 });
    for (let second = 0; second < 5; second++) {
      pass(1001);
      expect(run(picker, 500, quick)).toEqual({ a: 499, b: 1 });
    }
  });

  it('leaves a server alone whose last call has not come back, however long that takes', () => {
    const { selector, run, pass } = rig();
    const picker = selector.build([at('a'), at('frozen')], undefined);
    run(picker, 20, (name) => ({ durationMs: name === 'frozen' ? 10_000 : 2 }));
    picker.pick(avoiding('a'));
    pass(10_000);
    expect(run(picker, 500, () => ({ durationMs: 2 }))).toEqual({ a: 500 });
  });

  it('D11: shares 100 000 calls evenly, and 1:2:7 by weight, within 2 %, also when a server comes and one goes', () => {
    const { selector, run } = rig();
    const equal = (): { durationMs: number } => ({ durationMs: 0 });
    const even = shares(run(selector.build(servers(5), undefined), 100_000, equal));
    expect(Object.keys(even)).toHaveLength(5);
    for (const share of Object.values(even)) expect(Math.abs(share - 0.2)).toBeLessThan(0.02);
    const first = selector.build(weighted({ a: 1, b: 2, c: 7 }), undefined);
    const second = selector.build(weighted({ b: 2, c: 7, d: 1 }), first);
    for (const [picker, expected] of [[first, { a: 0.1, b: 0.2, c: 0.7 }], [second, { d: 0.1, b: 0.2, c: 0.7 }]] as const) {
      const found = shares(run(picker, 100_000, equal));
      for (const [name, share] of Object.entries(expected)) expect(Math.abs((found[name] ?? 0) - share), name).toBeLessThan(0.02);
    }
  });

  it('does not run after a server that fails fast, calls in flight elsewhere or not', () => {
    const { selector, run } = rig();
    const list = [at('a'), at('b'), at('sick')];
    const picker = selector.build(list, undefined);
    run(picker, 60, () => ({ durationMs: 5 }));
    for (let count = 0; count < 40; count++) for (const names of [['b', 'sick'], ['a', 'sick']]) picker.pick(avoiding(...names));
    const found = run(picker, 2000, (name) => (name === 'sick' ? { error: refused, durationMs: 0.1 } : { durationMs: 5 }));
    expect(found['sick']).toBeLessThan(60);
  });

  it('does not hold against a server what speaks against the request, nor count it as speed', () => {
    const { selector, run } = rig();
    const picker = selector.build([at('a'), at('b')], undefined);
    run(picker, 50, () => ({ durationMs: 5 }));
    const found = run(picker, 2000, (name) => (name === 'b' ? { error: new RpcError('not_found', 'no such order'), durationMs: 0.1 } : { durationMs: 5 }));
    expect(found['b']).toBeGreaterThan(100);
    expect(found['b']).toBeLessThan(1900);
  });

  it('remembers each server when the list changes, and takes a new one for a usual one', () => {
    const { selector, run } = rig();
    const speed = (name: string) => ({ durationMs: name === 'a' ? 2 : name === 'b' ? 200 : 20 });
    const first = selector.build([at('a'), at('b')], undefined);
    run(first, 200, speed);
    const late = first.pick(avoiding('a'));
    const second = selector.build([at('a'), at('b'), at('c')], first);
    const found = run(second, 300, speed);
    expect(found['b']).toBeUndefined();
    // It is the better one where it is drawn with b, which is in a third of all draws.
    expect(Math.abs(found['c']! - 100)).toBeLessThan(30);
    late?.done?.({ error: undefined, durationMs: 1e4 });
    expect(run(second, 300, speed)['b']).toBeUndefined();
  });

  it('does not send everything to a new server before the first answer of it', () => {
    const { selector, run } = rig();
    const first = selector.build([at('a'), at('b')], undefined);
    run(first, 100, () => ({ durationMs: 20 }));
    const burst = row(selector.build([at('a'), at('b'), at('new')], first), 90).split(' ');
    expect(burst.filter((name) => name === 'new').length).toBeLessThan(45);
  });

  it('does not send everything to a server of its first list that has not answered yet', () => {
    const { selector, pass } = rig();
    const picker = selector.build([at('frozen'), at('quick')], undefined);
    const asked = { frozen: 0, quick: 0 };
    for (let round = 0; round < 100; round++) {
      const pick = picker.pick(call());
      const name = nameOf(pick) as keyof typeof asked;
      asked[name] += 1;
      pass(2);
      if (name === 'quick') pick?.done?.({ error: undefined, durationMs: 2 });
    }
    expect(asked.frozen).toBeLessThan(4);
  });

  it('G10: leaves out weight 0, unless all have it', () => {
    const { selector } = rig();
    expect(Object.keys(counts(selector.build(weighted({ a: 0, b: 1, c: 3 }), undefined), 500)).sort()).toEqual(['b', 'c']);
    expect(row(selector.build(weighted({ a: 0, b: 1, c: 3 }), undefined), 2, avoiding('b', 'c'))).not.toContain('a');
    expect(Object.keys(counts(selector.build(weighted({ a: 0, b: 0 }), undefined), 500)).sort()).toEqual(['a', 'b']);
  });

  it('bears durations that are none', () => {
    const { selector, run } = rig();
    const picker = selector.build([at('a'), at('b')], undefined);
    for (const durationMs of [Number.NaN, -5, Infinity]) run(picker, 50, () => ({ durationMs }));
    const found = run(picker, 1000, () => ({ durationMs: 1 }));
    expect(Math.min(found['a'] ?? 0, found['b'] ?? 0)).toBeGreaterThan(100);
  });

  it.each([0, -1, Number.NaN, Infinity, '5', null])('refuses a decay of %j', (decayMs) => {
    expect(() => powerOfTwo({ decayMs: decayMs as never })).toThrow(TypeError);
  });
});
