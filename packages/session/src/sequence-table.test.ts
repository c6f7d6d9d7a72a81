import { seededRandom } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { SequenceTable, type Sequenced } from './sequence-table.ts';

const item = (sequence: bigint): Sequenced & { readonly sequence: bigint } => ({
  sequence,
  sequenceHigh: Number(sequence >> 32n),
  sequenceLow: Number(sequence & 0xffffffffn),
});

describe('J3: the table of what is under way', () => {
  it.each([2n ** 32n - 5n, 2n ** 53n - 5n, 2n ** 64n - 5n])('finds each number from %d on, also after the wrap', (first) => {
    const table = new SequenceTable<ReturnType<typeof item>>();
    const items = Array.from({ length: 500 }, (_, index) => item(BigInt.asUintN(64, first + BigInt(index))));
    for (const one of items) expect(table.add(one)).toBe(true);
    expect(table.size).toBe(500);
    for (const one of items) expect(table.get(one.sequenceHigh, one.sequenceLow)).toBe(one);
    for (const one of items) expect(table.take(one.sequenceHigh, one.sequenceLow)).toBe(one);
    expect(table.size).toBe(0);
    for (const one of items) expect(table.take(one.sequenceHigh, one.sequenceLow)).toBeUndefined();
  });

  it('keeps numbers apart that differ only in their high half, or only beyond 2^53', () => {
    const table = new SequenceTable<ReturnType<typeof item>>();
    const numbers = [0n, 2n ** 32n, 2n ** 33n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 32n - 1n, 64n, 128n];
    for (const number of numbers) expect(table.add(item(number))).toBe(true);
    for (const number of numbers) {
      const { sequenceHigh, sequenceLow } = item(number);
      expect(table.take(sequenceHigh, sequenceLow)?.sequence).toBe(number);
      expect(table.take(sequenceHigh, sequenceLow)).toBeUndefined();
    }
  });

  it('refuses a number that is taken, in its slot and in the overflow', () => {
    const table = new SequenceTable<ReturnType<typeof item>>();
    table.add(item(5n));
    table.add(item(5n + 64n));
    expect(table.add(item(5n))).toBe(false);
    expect(table.add(item(5n + 64n))).toBe(false);
    table.take(0, 5);
    expect(table.add(item(5n + 64n)), 'its slot is free now, and it still waits in the overflow').toBe(false);
    expect(table.size).toBe(1);
    expect(table.items()).toHaveLength(1);
  });

  it('agrees with a map over a million random adds and takes, numbers chosen to collide', () => {
    const random = seededRandom(7);
    const table = new SequenceTable<ReturnType<typeof item>>();
    const model = new Map<bigint, ReturnType<typeof item>>();
    let mismatches = 0;
    for (let step = 0; step < 1_000_000; step++) {
      const sequence = (BigInt(Math.floor(random() * 3)) << 53n) + BigInt(Math.floor(random() * 6)) * 65_536n + BigInt(Math.floor(random() * 8));
      const one = item(sequence);
      if (random() < 0.5) {
        if (table.add(one) !== !model.has(sequence)) mismatches += 1;
        if (!model.has(sequence)) model.set(sequence, one);
      } else {
        if (table.take(one.sequenceHigh, one.sequenceLow) !== model.get(sequence)) mismatches += 1;
        model.delete(sequence);
      }
    }
    expect(mismatches).toBe(0);
    expect(table.size).toBe(model.size);
    expect(new Set(table.items())).toEqual(new Set(model.values()));
  });

  it('tells whether a slot is free without looking into the overflow', () => {
    const table = new SequenceTable<ReturnType<typeof item>>();
    expect(table.isFree(3)).toBe(true);
    table.add(item(3n));
    expect(table.isFree(3)).toBe(false);
    expect(table.isFree(3 + 64)).toBe(false);
    table.take(0, 3);
    expect(table.isFree(3)).toBe(true);
  });
});
