import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeAttempt } from '../src/nodes/node-table.ts';
import { errors, nodeBench, type NodeBench } from './node-bench.ts';

const outcomes = [undefined, undefined, undefined, errors.timeout, errors.timeout, errors.timeout, errors.threw, errors.threw, ...Object.values(errors)];
const judged: ReadonlySet<string | undefined> = new Set(['consecutive', 'success-rate']);

type Step =
  | { readonly do: 'begin'; readonly where: number }
  | { readonly do: 'try' }
  | { readonly do: 'end'; readonly which: number; readonly outcome: number; readonly times: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'quarantine' | 'drain'; readonly where: number }
  | { readonly do: 'update'; readonly mask: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('begin' as const), where: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'try' as const }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat(20), outcome: fc.nat(outcomes.length - 1), times: fc.nat(8) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.oneof(fc.nat(500), fc.nat(40_000)) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('quarantine' as const, 'drain' as const), where: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('update' as const), mask: fc.integer({ min: 1, max: 255 }) }) },
);

/** Runs steps against a table, and knows which calls are trials that nobody has given up. */
class Walk {
  readonly bench: NodeBench;
  readonly all: readonly string[];
  listed: readonly string[];
  readonly #open: { readonly address: string; readonly attempt: NodeAttempt; readonly at: number }[] = [];

  constructor(size: number, maxEjectedShare: number) {
    this.bench = nodeBench(size, { maxEjectedShare, consecutiveFailures: 3, minimumCalls: 4, intervalMs: 1000 });
    this.all = this.listed = this.bench.group.usable();
  }

  /** Trials of the generation that is current, by address. */
  trials(): string[] {
    const now = this.bench.clock.now();
    return this.#open.filter(({ attempt, at }) => attempt.admission === -(attempt.node?.generation ?? 0) && now - at < 30_000).map(({ address }) => address);
  }

  take(one: Step): void {
    const { table, group, clock } = this.bench;
    const { listed } = this;
    switch (one.do) {
      case 'begin':
        return this.#begin(group.usable()[one.where % group.usable().length]);
      case 'try':
        return this.#begin(group.probe(clock.now()));
      case 'end':
        return this.#end(one);
      case 'wait':
        return clock.advance(one.ms);
      case 'quarantine':
        return table.quarantine(listed[one.where % listed.length] as string, 5000); // never empty
      case 'drain':
        return table.drains(listed[one.where % listed.length] as string); // likewise
      default:
        this.listed = this.all.filter((_, index) => (one.mask & (1 << index % 8)) !== 0);
        if (this.listed.length === 0) this.listed = this.all;
        group.update(this.listed);
    }
  }

  #begin(address: string | undefined): void {
    if (address !== undefined) this.#open.push({ address, attempt: this.bench.begin(address), at: this.bench.clock.now() });
  }

  #end({ which, outcome, times }: Step & { readonly do: 'end' }): void {
    const [one] = this.#open.splice(which % Math.max(1, this.#open.length), 1);
    if (one === undefined) return;
    this.bench.end(one.attempt, outcomes[outcome]);
    this.bench.calls(times, one.address, outcomes[outcome]);
  }
}

describe('whatever becomes of calls', () => {
  it('D8: some server is always usable, no server is tried by two calls at once, and no more are left out than the share', () => {
    const seen = { ejected: 0, trials: 0, suspects: 0 };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.constantFrom(0, 0.1, 0.5, 1), fc.array(step, { minLength: 60, maxLength: 150 }), (size, share, steps) => {
        const walk = new Walk(size, share);
        for (const one of steps) {
          walk.take(one);
          const usable = walk.bench.group.usable();
          const { length } = walk.listed;
          expect(usable.length).toBeGreaterThan(0);
          expect(usable.every((address) => walk.listed.includes(address))).toBe(true);
          const infos = walk.bench.table.snapshot().filter(({ address }) => walk.listed.includes(address));
          const left = infos.filter(({ address, ejectedFor }) => judged.has(ejectedFor) && !usable.includes(address)).length;
          expect(left).toBeLessThanOrEqual(share === 0 ? 0 : Math.max(length > 1 ? 1 : 0, Math.floor(length * share)));
          const trials = walk.trials();
          expect(new Set(trials).size).toBe(trials.length);
          for (const { state, address } of infos) if (state === 'ejected') expect(usable).not.toContain(address);
          for (const { state, address } of infos) if (state === 'healthy') expect(usable).toContain(address);
          expect(infos.every(({ inFlight, calls, failures }) => inFlight >= 0 && failures <= calls)).toBe(true);
          seen.trials += trials.length;
          seen.ejected += left;
          seen.suspects += infos.filter(({ state }) => state === 'suspect').length;
        }
      }),
      { numRuns: 150 },
    );
    // The walks went where it matters.
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(100);
  });

  it('a list whose servers are all well again is whole again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 80 }), (size, steps) => {
        const walk = new Walk(size, 0.5);
        for (const one of steps) walk.take(one);
        const { group, clock, call } = walk.bench;
        for (let turn = 0; turn < 40; turn++) {
          clock.advance(30_000);
          for (const address of group.usable()) call(address);
          for (let due = group.probe(clock.now()); due !== undefined; due = group.probe(clock.now())) call(due);
        }
        expect(group.usable()).toEqual(walk.listed);
        expect(walk.listed.map((address) => walk.bench.state(address))).toEqual(walk.listed.map(() => 'healthy'));
      }),
      { numRuns: 100 },
    );
  });
});
