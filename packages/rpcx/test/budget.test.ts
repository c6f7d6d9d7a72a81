import { describe, expect, it } from 'vitest';
import { failover, RpcError } from '../src/index.ts';
import { failure, pair } from './pair.ts';

describe('the budget of retries', () => {
  it('D6: keeps attempts below 1.25 of the calls when everything fails', async () => {
    let attempts = 0;
    const serve = (): never => {
      attempts += 1;
      throw new RpcError('unavailable', 'not today');
    };
    await using both = await pair((server) => server.registerFunction('A', 'B', serve), { client: { failMode: failover({ retries: 3, backoffMs: 0 }) } });
    const service = both.client.service<{ B(input: number): Promise<never> }>('A', { idempotent: ['B'] });
    for (let round = 0; round < 20; round++) {
      const errors = await Promise.all(Array.from({ length: 100 }, (_, input) => failure(service.B(input))));
      expect(errors.every(({ code }) => code === 'unavailable')).toBe(true);
    }
    expect(attempts).toBeGreaterThan(2000);
    expect(attempts).toBeLessThanOrEqual(2500);
  });
});
