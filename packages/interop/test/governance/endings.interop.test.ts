import { afterEach, describe, expect, it } from 'vitest';
import { killEveryProcess } from '../../src/index.ts';
import { badEndings, endCalls, nothingLeft } from './endings.ts';

afterEach(killEveryProcess);

const calls = 100_000;

describe('a hundred thousand calls leave nothing', () => {
  it.each(badEndings)('I2: that end by %s', { timeout: 120_000 }, async (kind, code) => {
    const { heapMb, ...rest } = await endCalls(kind, calls);
    expect(rest).toMatchObject({ ...nothingLeft, codes: { [code]: calls } });
    expect(heapMb).toBeLessThan(5);
  });

  it('I3: that share one signal', { timeout: 120_000 }, async () => {
    const { heapMb, ...rest } = await endCalls('signal', calls);
    expect(rest).toMatchObject({ ...nothingLeft, codes: { ok: calls } });
    expect(heapMb).toBeLessThan(5);
  });
});
