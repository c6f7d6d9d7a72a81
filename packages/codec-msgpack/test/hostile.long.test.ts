import { Decoder } from '@msgpack/msgpack';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';

const count = Number(process.env['RPCXJS_FUZZ_COUNT'] ?? 10_000_000);
const seed = Number(process.env['RPCXJS_FUZZ_SEED'] ?? Date.now() >>> 0);

function collect(): void {
  setFlagsFromString('--expose-gc');
  // `as`: the flag puts it there.
  (runInNewContext('gc') as () => void)();
}

describe('B13: hostile payloads', () => {
  it(`survives ${count} damaged payloads of seed ${seed}: no other error, no hang, no growth`, { timeout: 1_800_000 }, () => {
    const memory: number[] = [];
    const { reads, refusals, slowestMs } = fuzz({ seed, count, progress: () => { collect(); memory.push(process.memoryUsage().rss); } });
    expect(reads + refusals).toBe(count);
    expect(slowestMs).toBeLessThan(10);
    // After a third everything that is learned is learned.
    const third = Math.max(...memory.slice(0, Math.ceil(memory.length / 3)));
    const last = Math.max(...memory.slice(-Math.ceil(memory.length / 3)));
    expect(last - third).toBeLessThan(10 * 1024 * 1024);
  });

  it(`agrees with @msgpack/msgpack on ${count / 10} damaged payloads of seed ${seed}`, { timeout: 1_800_000 }, () => {
    const { reads } = fuzz({ seed: seed ^ 0x5bd1e995, count: count / 10, oracle: new Decoder({ maxStrLength: 1e6 }) });
    expect(reads).toBeGreaterThan(count / 1000);
  });
});
