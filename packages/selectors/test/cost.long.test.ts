import type { Picker, PickInfo, Selector, ServiceInstance } from '@rpcxjs/core';
import { expect, it } from 'vitest';
import {
  closest, consistentHash, leastPending, powerOfTwo, random, roundRobin, sticky, userSelector, weightedByRoundTrip, weightedRoundRobin,
} from '../src/index.ts';
import { call, servers } from './picking.ts';

interface Row {
  readonly selector: string;
  readonly create: () => Selector;
  readonly metadata?: (index: number) => ServiceInstance['metadata'];
}

const rows: readonly Row[] = [
  { selector: 'random', create: random },
  { selector: 'roundRobin', create: roundRobin },
  { selector: 'weightedRoundRobin, weights 1 to 10', create: weightedRoundRobin, metadata: (index) => ({ weight: String((index % 10) + 1) }) },
  { selector: 'weightedRoundRobin, all weights different', create: weightedRoundRobin, metadata: (index) => ({ weight: String(index + 1) }) },
  { selector: 'weightedByRoundTrip', create: () => weightedByRoundTrip({ probe: async ({ address }) => Number(address.slice(7)) % 250 }) },
  { selector: 'consistentHash', create: consistentHash },
  { selector: 'closest', create: () => closest({ latitude: 1, longitude: 1 }), metadata: (index) => ({ latitude: String(index % 80), longitude: String(index % 170) }) },
  { selector: 'userSelector', create: () => userSelector((_info, instances) => instances[instances.length >> 1]) },
  { selector: 'sticky(random())', create: () => sticky(random()) },
  { selector: 'leastPending', create: leastPending },
  { selector: 'leastPending, weights 1 to 10', create: leastPending, metadata: (index) => ({ weight: String((index % 10) + 1) }) },
  { selector: 'powerOfTwo', create: powerOfTwo },
  { selector: 'powerOfTwo, weights 1 to 10', create: powerOfTwo, metadata: (index) => ({ weight: String((index % 10) + 1) }) },
];

// Short, so that some of them are not interrupted.
const picksInARun = 5000;
const runs = 100;
const infos: readonly PickInfo[] = Array.from({ length: 1024 }, (_, index) => call({ hashKey: `customer ${index}` }));
const outcome = { error: undefined, durationMs: 1 };

/** Nanoseconds of a pick and of being told its outcome, 64 calls later; the best of many runs, because machines have other things to do. */
function pickCost(picker: Picker): number {
  let best = Infinity;
  for (let run = 0; run < runs; run++) {
    const open = Array.from({ length: 64 }, () => picker.pick(call()));
    const began = performance.now();
    for (let count = 0; count < picksInARun; count++) {
      const slot = count & 63;
      open[slot]?.done?.(outcome);
      open[slot] = picker.pick(infos[count & 1023] as PickInfo); // within the list
    }
    best = Math.min(best, ((performance.now() - began) * 1e6) / picksInARun);
    for (const pick of open) pick?.done?.(outcome);
  }
  return best;
}

/** Milliseconds of a list that loses one server and gets another one; the best of thirty. */
function changeCost(selector: Selector, list: readonly ServiceInstance[]): number {
  let picker = selector.build(list, undefined);
  let best = Infinity;
  for (let run = 0; run < 30; run++) {
    const next = run % 2 === 0 ? list.slice(1) : list.slice(0, -1);
    for (let count = 0; count < 100; count++) picker.pick(call())?.done?.(outcome);
    const began = performance.now();
    picker = selector.build(next, picker);
    best = Math.min(best, performance.now() - began);
  }
  return best;
}

it('a pick from 1000 servers costs less than a microsecond, and a change of the list less than 5 ms', async () => {
  const table = [];
  for (const { selector, create, metadata } of rows) {
    const [few, many] = [servers(3, metadata), servers(1000, metadata)];
    const pickers = [few, many].map((list) => create().build(list, undefined));
    for (let turn = 0; turn < 2000; turn++) await Promise.resolve();
    const [three, thousand] = pickers.map(pickCost) as [number, number]; // two pickers
    table.push({ selector, 'ns a pick of 3': Math.round(three), 'ns a pick of 1000': Math.round(thousand), 'ms a change of 1000': Number(changeCost(create(), many).toFixed(3)) });
  }
  process.stdout.write(`${table.map((row) => Object.values(row).join(' · ')).join('\n')}\n`);
  for (const row of table) {
    expect(row['ns a pick of 1000'], row.selector).toBeLessThan(1000);
    expect(row['ms a change of 1000'], row.selector).toBeLessThan(5);
  }
});
