import type { ServiceInstance } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { at, avoiding, counts, row } from '../test/picking.ts';
import { roundTripWeight } from './round-trips.ts';
import { weightedByRoundTrip } from './weighted-by-round-trip.ts';

/** Probes that answer when a test says so. */
function rig() {
  let time = 0;
  const asked: string[] = [];
  const open = new Map<string, (answer: number | Error) => void>();
  const selector = weightedByRoundTrip({
    intervalMs: 60_000,
    timeoutMs: 5000,
    now: () => time,
    probe: ({ address }: ServiceInstance) => new Promise((resolve, reject) => {
      asked.push(address.slice(7));
      open.set(address.slice(7), (answer) => (typeof answer === 'number' ? resolve(answer) : reject(answer)));
    }),
  });
  const answer = async (answers: Readonly<Record<string, number | Error>>): Promise<void> => {
    for (const [name, value] of Object.entries(answers)) {
      open.get(name)?.(value);
      open.delete(name);
    }
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  return { selector, asked, answer, pass: (ms: number) => { time += ms; } };
}
const abc = [at('a'), at('b'), at('c')];

describe('weightedByRoundTrip', () => {
  it.each([[0, 191], [0.4, 191], [10.9, 191], [11, 190], [100, 101], [199.9, 2], [200, 1], [201, 1], [999, 1], [1000, 0], [Infinity, 0], [-1, 0], [Number.NaN, 0]])('weighs a round trip of %d ms as %d, like rpcx', (roundTripMs, weight) => {
    expect(roundTripWeight(roundTripMs)).toBe(weight);
  });

  it('takes all in turn until all are measured, then by weight', async () => {
    const { selector, answer } = rig();
    const picker = selector.build(abc, undefined);
    expect(row(picker, 4)).toBe('a b c a');
    await answer({ a: 150, b: 150 });
    expect(row(picker, 2)).toBe('b c');
    await answer({ c: 99 });
    expect(counts(picker, 204)).toEqual({ a: 51, b: 51, c: 102 });
  });

  it('D11: shares 100 000 calls as 191:101:1, within 2 %, and takes a new server for a mean one', async () => {
    const { selector, answer, asked } = rig();
    const first = selector.build(abc, undefined);
    await answer({ a: 3, b: 100, c: 500 });
    const found = counts(first, 100_000);
    for (const [name, weight] of Object.entries({ a: 191, b: 101, c: 1 })) expect(Math.abs((found[name] ?? 0) / 100_000 - weight / 293)).toBeLessThan(0.02);
    const second = selector.build([at('a'), at('b'), at('d')], first);
    expect(asked).toEqual(['a', 'b', 'c', 'a', 'b', 'd']);
    const three = counts(second, 100_000);
    for (const [name, weight] of Object.entries({ a: 191, b: 101, d: 146 })) expect(Math.abs((three[name] ?? 0) / 100_000 - weight / 438)).toBeLessThan(0.02);
  });

  it('leaves out who cannot be reached or does not answer in time; nobody reachable makes all equal', async () => {
    const { selector, answer, pass } = rig();
    const picker = selector.build(abc, undefined);
    await answer({ a: new Error('refused'), b: 5 });
    pass(5000);
    expect(counts(picker, 100)).toEqual({ b: 100 });
    expect(row(picker, 1, avoiding('b'))).toBe('b');
    pass(60_000);
    row(picker, 1);
    await answer({ a: new Error('refused'), b: new Error('refused'), c: new Error('refused') });
    expect(Object.keys(counts(picker, 30)).sort()).toEqual(['a', 'b', 'c']);
  });

  it('measures again when the interval has passed and somebody calls, and never by itself', async () => {
    const { selector, answer, pass, asked } = rig();
    const picker = selector.build(abc, undefined);
    await answer({ a: 5, b: 5, c: 5 });
    pass(59_999);
    row(picker, 3);
    expect(asked).toHaveLength(3);
    pass(1);
    await answer({});
    expect(asked).toHaveLength(3);
    row(picker, 3);
    expect(asked).toHaveLength(6);
  });

  it('measures a list that changed meanwhile after the one that it is measuring', async () => {
    const { selector, answer, asked } = rig();
    const first = selector.build(abc, undefined);
    const second = selector.build([at('a'), at('d')], first);
    expect(asked).toEqual(['a', 'b', 'c']);
    await answer({ a: 5, b: 5, c: 5 });
    row(second, 1);
    expect(asked).toEqual(['a', 'b', 'c', 'a', 'd']);
    await answer({ a: 5, d: 200 });
    expect(counts(second, 192)).toEqual({ a: 191, d: 1 });
  });

  it('asks 32 servers at a time', async () => {
    const { selector, asked, answer } = rig();
    selector.build(Array.from({ length: 100 }, (_, index) => at(`s${index + 100}`)), undefined);
    expect(asked).toHaveLength(32);
    await answer({ s100: 1, s101: 1 });
    expect(asked).toHaveLength(34);
  });

  it('bears a probe that throws or answers nonsense', async () => {
    for (const probe of [() => { throw new Error('no'); }, () => 'soon', () => undefined, () => Promise.resolve({})]) {
      const picker = weightedByRoundTrip({ probe: probe as never }).build(abc, undefined);
      await Promise.resolve();
      expect(row(picker, 3)).toBe('a b c');
    }
  });

  it('says what it needs', () => {
    expect(() => weightedByRoundTrip(undefined as never)).toThrow('tcpProbe()');
    expect(() => weightedByRoundTrip({ probe: async () => 1, intervalMs: 0 })).toThrow('intervalMs is 0');
    expect(() => weightedByRoundTrip({ probe: async () => 1, timeoutMs: Number.NaN })).toThrow('timeoutMs is NaN');
  });
});
