import { expect, it } from 'vitest';
import { walk } from './walk.ts';

// RPCXJS_SEED=17 walks that one alone, and tells its story.
const wanted = process.env['RPCXJS_SEED'];

if (wanted === undefined) {
  it('150 walks through clients, servers and faults end with true errors and with nothing left', async () => {
    const problems: string[] = [];
    let calls = 0;
    for (let seed = 1; seed <= 150; seed += 1) {
      const end = await walk(seed);
      calls += end.calls;
      problems.push(...end.problems);
    }
    expect(problems).toEqual([]);
    expect(calls, 'they did something').toBeGreaterThan(7000);
  }, 60_000);
} else {
  it(`walk ${wanted}`, async () => {
    const steps: string[] = [];
    const { problems } = await walk(Number(wanted), steps);
    expect(problems, steps.join('\n')).toEqual([]);
  });
}
