import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import { createClient, createServer, failover, instanceList, roundRobin, RpcError } from '../src/index.ts';
import { failure, pair } from './pair.ts';
import { several } from './several.ts';

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

  it('is not asked for calls of which nothing was sent: all of a burst are answered beside a server that is down', async () => {
    await using one = await several(1, (server) => server.registerFunction('A', 'B', (input: number) => input), { selector: roundRobin() }, ['memory@nobody']);
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, input) => one.client.call('A', 'B', input)));
    expect(answers.every((answer, input) => answer === input)).toBe(true);
    expect(one.client.stats()).toMatchObject({ retries: 500, overBudget: 0 });
  });

  it('is not asked for calls that waited for a server when that left the list', async () => {
    const network = memoryNetwork();
    await using server = createServer({ transports: [network] }).registerFunction('A', 'B', (input: number) => input);
    const [here = ''] = await server.listen('memory@here');
    const list = instanceList(['memory@frozen', here]);
    // A dial to the frozen one never ends.
    const dialer = { ...network, dial: (...given: Parameters<typeof network.dial>) => (given[0].host === 'frozen' ? new Promise<never>(() => {}) : network.dial(...given)) };
    await using client = createClient({ discovery: list, transports: [dialer], selector: roundRobin() });
    const calls = Array.from({ length: 1000 }, (_, input) => client.call('A', 'B', input));
    await Promise.race(calls);
    list.update([here]);
    expect(await Promise.all(calls)).toHaveLength(1000);
    expect(client.stats()).toMatchObject({ retries: 500, overBudget: 0 });
  });
});
