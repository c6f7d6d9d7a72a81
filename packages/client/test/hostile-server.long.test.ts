import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { fuzzClient } from './hostile-server.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void; // V8's own, once it is exposed

it('B13: a million calls of a server that sends anything all end, and memory stays what it was', async () => {
  await fuzzClient(0, 2000);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let seed = 1; seed <= 100; seed++) {
    const outcome = await fuzzClient(seed, 3334);
    expect([outcome.active, outcome.failed['other'], outcome.failed['internal']]).toEqual([0, undefined, undefined]);
  }
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
});
