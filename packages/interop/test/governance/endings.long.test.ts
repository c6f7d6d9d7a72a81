import { afterEach, describe, expect, it } from 'vitest';
import { killEveryProcess } from '../../src/index.ts';
import { badEndings, endCalls, nothingLeft } from './endings.ts';

afterEach(killEveryProcess);

const calls = 1_000_000;

describe('a million calls leave nothing', () => {
  it.each(badEndings)('I2: that end by %s', async (kind, code) => {
    const { heapMb, ...rest } = await endCalls(kind, calls);
    expect(rest).toMatchObject({ ...nothingLeft, codes: { [code]: calls } });
    expect(heapMb).toBeLessThan(5);
  });

  it('I3: that share one signal', async () => {
    const { heapMb, rssMb, ...rest } = await endCalls('signal', calls);
    expect(rest).toMatchObject({ ...nothingLeft, codes: { ok: calls } });
    expect(heapMb).toBeLessThan(5);
    expect(rssMb).toBeLessThan(10);
  });
});
