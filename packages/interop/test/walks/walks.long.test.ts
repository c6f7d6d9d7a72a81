import { describe, expect, it } from 'vitest';
import { walk } from './walk.ts';

const each = 250;
// RPCXJS_FIRST_SEED=1000000 walks where nobody has been.
const first = Number(process.env['RPCXJS_FIRST_SEED'] ?? 1);

describe('10 000 walks through clients, servers and faults end with true errors and with nothing left', () => {
  it.each(Array.from({ length: 40 }, (_, index) => first + index * each))('(seeds from %i)', async (from) => {
    const problems: string[] = [];
    for (let seed = from; seed < from + each; seed += 1) problems.push(...(await walk(seed)).problems);
    expect(problems).toEqual([]);
  });
});
