import { describe, expect, it } from 'vitest';
import { ByteBudget, type BudgetHolder } from './byte-budget.ts';

function holders(count: number): { readonly list: BudgetHolder[]; readonly evicted: number[] } {
  const evicted: number[] = [];
  return { list: Array.from({ length: count }, (_, index) => ({ evict: () => void evicted.push(index) })), evicted };
}

describe('ByteBudget', () => {
  it('lets everybody keep bytes up to the limit, exactly', () => {
    const budget = new ByteBudget(100);
    const { list: [a, b], evicted } = holders(2);
    budget.take(a!, 60);
    budget.take(b!, 40);
    expect([budget.heldBytes, evicted]).toEqual([100, []]);
    budget.release(a!);
    expect(budget.heldBytes).toBe(40);
    budget.release(a!);
    expect(budget.heldBytes).toBe(40);
  });

  it('evicts who has held something for longest, as many as it takes', () => {
    const budget = new ByteBudget(100);
    const { list: [a, b, c], evicted } = holders(3);
    budget.take(a!, 40);
    budget.take(b!, 40);
    budget.take(a!, 10);
    budget.take(c!, 70);
    expect(evicted).toEqual([0, 1]);
    expect(budget.heldBytes).toBe(70);
  });

  it('evicts the one that asks when it alone asks for too much', () => {
    const budget = new ByteBudget(100);
    const { list: [a, b], evicted } = holders(2);
    budget.take(a!, 1);
    budget.take(b!, 101);
    expect(evicted).toEqual([0, 1]);
    expect(budget.heldBytes).toBe(0);
  });

  it('survives holders that release, and others that take, while they are evicted', () => {
    const budget = new ByteBudget(100);
    let later = 0;
    const second: BudgetHolder = { evict: () => void (later += 1) };
    const first: BudgetHolder = {
      evict() {
        budget.release(first);
        budget.take(second, 5);
      },
    };
    budget.take(first, 90);
    budget.take(second, 20);
    expect([budget.heldBytes, later]).toEqual([25, 0]);
  });
});
