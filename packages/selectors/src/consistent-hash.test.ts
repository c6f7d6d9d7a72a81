import type { PickInfo, ServiceInstance } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { call, servers } from '../test/picking.ts';
import { consistentHash } from './consistent-hash.ts';

const tcp = (...ports: number[]): ServiceInstance[] => ports.map((port) => ({ address: `tcp@127.0.0.1:${port}`, metadata: {} }));
const portOf = (picker: { pick(info: PickInfo): { instance: ServiceInstance } | undefined }, info: PickInfo): number => Number(picker.pick(info)?.instance.address.slice(-4));
const keys = Array.from({ length: 20_000 }, (_, index) => call({ hashKey: `key ${index}` }));

describe('consistentHash', () => {
  // `hashKey` is the whole key, as Go makes it of path, method and arguments.
  it.each([
    ['&{10 20}', [8973, 8974, 9000]], ['{1 2}', [8972]], ['abc', [8975, 8975, 8975]], ['42', [8972, 8972, 8972]], ['[97 98]', [8973, 8974, 9000]],
    ['<nil>', [8972, 8972, 8972]], ['map[a:1 b:2]', [8972]], ['1.5', [8972]], ['true', [8974]],
  ])('A.3: sends %s where Go sends it, also after a server left and one came', (text, [first, second, third]) => {
    const selector = consistentHash();
    const info = call({ hashKey: `/Arith/Mul/${text}` });
    const four = selector.build(tcp(8972, 8973, 8974, 8975), undefined);
    expect(portOf(four, info)).toBe(first);
    const three = selector.build(tcp(8972, 8974, 8975), four);
    if (second !== undefined) expect(portOf(three, info)).toBe(second);
    if (third !== undefined) expect(portOf(selector.build(tcp(8972, 8974, 8975, 9000), three), info)).toBe(third);
    expect(portOf(four, info)).toBe(first);
  });

  it('A.3: makes the key of the arguments when there is none', () => {
    const picker = consistentHash().build(tcp(8972, 8973, 8974, 8975), undefined);
    const rows: readonly (readonly [unknown, number])[] = [['abc', 8975], [42, 8972], [new Uint8Array([97, 98]), 8973], [[97, 98], 8973], [null, 8972], [{ b: 2, a: 1 }, 8972], [1.5, 8972], [true, 8974]];
    for (const [input, port] of rows) expect(portOf(picker, call({ input }))).toBe(port);
    for (const method of ['Mul', 'Add', 'Mul']) {
      expect(portOf(picker, call({ method, input: 'abc' })), method).toBe(portOf(picker, call({ hashKey: `/Arith/${method}/abc` })));
    }
  });

  it('D11: gives each of ten servers a tenth of the keys, within 2 %', () => {
    const picker = consistentHash().build(servers(10), undefined);
    const found = new Map<string, number>();
    for (const key of keys) found.set(picker.pick(key)!.instance.address, (found.get(picker.pick(key)!.instance.address) ?? 0) + 1);
    for (const count of found.values()) expect(Math.abs(count / keys.length - 0.1)).toBeLessThan(0.02);
    expect(found.size).toBe(10);
  });

  it.each([3, 10, 100])('D11: of %d servers, one that leaves or comes moves its share of the keys and no more than 5 %% above', (count) => {
    const selector = consistentHash();
    const list = servers(count);
    const before = selector.build(list, undefined);
    for (const gone of [0, Math.floor(count / 2), count - 1]) {
      const after = selector.build(list.filter((_, index) => index !== gone), before);
      const moved = keys.filter((key) => before.pick(key)!.instance.address !== after.pick(key)!.instance.address);
      expect(moved.length / keys.length).toBeLessThanOrEqual(1 / count + 0.05);
      expect(moved.length).toBeGreaterThan(0);
      for (const key of moved) expect(before.pick(key)!.instance.address).toBe(list[gone]!.address);
      const back = selector.build(list, after);
      expect(keys.filter((key) => before.pick(key)!.instance.address !== back.pick(key)!.instance.address)).toEqual([]);
    }
    const more = selector.build(servers(count + 1), before);
    const moved = keys.filter((key) => before.pick(key)!.instance.address !== more.pick(key)!.instance.address);
    expect(moved.length / keys.length).toBeLessThanOrEqual(1 / (count + 1) + 0.05);
  });

  it('sends the keys of a server that a call has used up to all the others, each to one', () => {
    const picker = consistentHash().build(servers(10), undefined);
    const avoid = new Set(['memory@0003']);
    const others = new Set<string>();
    for (const { hashKey } of keys.slice(0, 2000)) {
      const [home, elsewhere, again] = [call({ hashKey }), call({ hashKey, avoid }), call({ hashKey, avoid })].map((info) => picker.pick(info)!.instance.address);
      if (home === 'memory@0003') others.add(elsewhere!);
      else expect(elsewhere).toBe(home);
      expect(again).toBe(elsewhere);
    }
    expect(others.size).toBe(9);
  });

  it('does not grow for ever when servers come and go', () => {
    const selector = consistentHash();
    let picker = selector.build(servers(20), undefined);
    for (let round = 0; round < 500; round++) picker = selector.build(Array.from({ length: 20 }, (_, index) => ({ address: `memory@${round}-${index}`, metadata: {} })), picker);
    const { loose } = (picker as unknown as { table: { loose: unknown[] } }).table; // its own class
    expect(loose.length).toBeLessThanOrEqual(40);
  });
});
