import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { RetryBudget, retryBudgetRule, type RetryBudgetOptions } from './retry-budget.ts';

const open = (options: RetryBudgetOptions = {}) => {
  const clock = manualClock();
  return { clock, budget: new RetryBudget(retryBudgetRule(options), clock) };
};
const spendAll = (budget: RetryBudget): number => {
  let count = 0;
  while (count < 1e6 && budget.spend()) count += 1;
  return count;
};

describe('a retry budget', () => {
  it('allows a fifth of the calls of ten seconds, and three a second beside', () => {
    const { budget } = open();
    budget.calls = 1000;
    expect(spendAll(budget)).toBe(230);
    budget.calls += 50;
    expect(spendAll(budget)).toBe(10);
  });

  it('D6: holds attempts below 1.25 of the calls when every call fails for half a minute', () => {
    const { clock, budget } = open();
    let retries = 0;
    for (let tick = 0; tick < 30_000; tick++) {
      clock.advance(1);
      budget.calls += 1;
      for (let attempt = 0; attempt < 2; attempt++) if (budget.spend()) retries += 1;
    }
    expect(retries / 30_000).toBeGreaterThan(0.19);
    expect(retries / 30_000).toBeLessThan(0.25);
  });

  it('lets a service that is called once in a while try again', () => {
    const { clock, budget } = open();
    for (let call = 0; call < 20; call++) {
      clock.advance(1000);
      budget.calls += 1;
      expect([budget.spend(), budget.spend()]).toEqual([true, true]);
    }
  });

  it('does not save up what long quiet times have left', () => {
    const { clock, budget } = open();
    for (let second = 0; second < 3600; second++) {
      clock.advance(1000);
      budget.calls += 100;
    }
    expect(spendAll(budget)).toBe(230);
    expect(spendAll(budget)).toBe(0);
  });

  it('gives back what was spent when ten seconds have passed', () => {
    const { clock, budget } = open({ ratio: 0, perSecond: 1 });
    expect(spendAll(budget)).toBe(10);
    for (let second = 1; second < 10; second++) {
      clock.advance(1000);
      expect(spendAll(budget)).toBe(0);
    }
    clock.advance(2000);
    expect(spendAll(budget)).toBe(10);
  });

  it.each([{ ratio: -0.1 }, { ratio: 1.1 }, { ratio: Number.NaN }, { perSecond: -1 }, { perSecond: Infinity }])('of %o is refused', (options) => {
    expect(() => retryBudgetRule(options)).toThrow(TypeError);
  });
});
