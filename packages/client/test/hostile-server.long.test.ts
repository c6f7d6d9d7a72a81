import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { fuzzClient } from './hostile-server.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void; // V8's own, once it is exposed
let before = 0;

describe('B13: 300 000 calls of a server that sends anything', () => {
  // Each in a test of its own: the leak check keeps what it knows of timers until the test ends.
  it.each(Array.from({ length: 50 }, (_, seed) => seed))('all end (seed %i)', async (seed) => {
    const { active, failed } = await fuzzClient(seed, 2000);
    expect([active, failed['other'], failed['internal']]).toEqual([0, undefined, undefined]);
    if (seed !== 2) return;
    collect();
    before = process.memoryUsage().heapUsed;
  });

  it('leave memory as it was', () => {
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
  });
});
