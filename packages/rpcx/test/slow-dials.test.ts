import { memoryNetwork } from '@rpcxjs/transport-memory';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createClient, createServer, roundRobin, type Client, type Transport } from '../src/index.ts';
import { deferred } from './pair.ts';

/** Two servers and a client that calls them in turn; connections to those that are held come about when the test says so. */
async function two(...held: readonly string[]): Promise<AsyncDisposable & { readonly client: Client; readonly served: string[]; who(timeoutMs?: number): Promise<string>; release(): void }> {
  const network = memoryNetwork();
  const gate = deferred();
  const transport: Transport = { ...network, dial: async (address, options) => {
    if (held.includes(address.host)) await gate.promise;
    return network.dial(address, options);
  } };
  const served: string[] = [];
  const servers = ['a', 'b'].map((name) => createServer({ transports: [network] }).registerFunction('A', 'Who', () => { served.push(name); return name; }));
  const addresses = await Promise.all(servers.map(async (server, index) => (await server.listen(`memory@${'ab'[index]}`))[0] ?? ''));
  const client = createClient({ servers: addresses, transports: [transport], selector: roundRobin() });
  const end = async (): Promise<void> => {
    gate.resolve();
    client.abort();
    await Promise.all([client.close(), ...servers.map((server) => server.close())]);
  };
  return { client, served, who: (timeoutMs = 5000) => client.call<string>('A', 'Who', undefined, { timeoutMs }), release: () => gate.resolve(), [Symbol.asyncDispose]: end };
}

describe('a server to which no connection comes about', () => {
  it('is avoided after half a second, as long as another one is connected, and comes back when it is there', async () => {
    await using both = await two('a');
    const first = both.who();
    expect(await both.who()).toBe('b');
    await wait(600);
    for (let call = 0; call < 20; call++) expect(await both.who(200)).toBe('b');
    expect(both.client.nodes().find(({ address }) => address === 'memory@a')).toMatchObject({ ejectedFor: 'unreachable', evidence: 'no connection to it came about within 500 ms' });
    both.release();
    expect(await first).toBe('a');
    await expect.poll(() => both.who(), { timeout: 4000 }).toBe('a');
  });

  it('is waited for where no other is connected', async () => {
    await using both = await two('a', 'b');
    const calls = [both.who(), both.who()];
    await wait(700);
    expect(both.client.nodes().map(({ state }) => state)).toEqual(['healthy', 'healthy']);
    both.release();
    expect((await Promise.all(calls)).toSorted()).toEqual(['a', 'b']);
  });
});
