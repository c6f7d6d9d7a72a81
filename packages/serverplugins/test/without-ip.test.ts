import { createClient, failfast } from '@rpcxjs/client';
import type { ServerPlugin } from '@rpcxjs/core';
import { createServer } from '@rpcxjs/server';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import { blacklist } from '../src/blacklist.ts';
import { rateLimitConnections } from '../src/rate-limit-connections.ts';
import { rateLimitRequests } from '../src/rate-limit-requests.ts';
import { whitelist } from '../src/whitelist.ts';
import { silent } from './tcp-server.ts';

/** How many of so many clients one after the other, each with so many calls, are answered. */
async function answered(plugins: readonly ServerPlugin[], clients = 1, calls = 1): Promise<number> {
  const network = memoryNetwork();
  const server = createServer({ transports: [network], logger: silent, plugins });
  server.registerFunction('Echo', 'It', (input: unknown) => input);
  const [address = ''] = await server.listen('memory@server:0');
  let count = 0;
  for (let made = 0; made < clients; made++) {
    const client = createClient({ servers: address, transports: [network], logger: silent, failMode: failfast() });
    for (let call = 0; call < calls; call++) await client.call('Echo', 'It', 1).then(() => (count += 1), () => {});
    client.abort();
  }
  server.abort();
  await server.close();
  return count;
}

describe('peers without an IP address', () => {
  it.each<[string, () => ServerPlugin, number]>([
    ['a whitelist refuses', () => whitelist(['0.0.0.0/0', '::/0']), 0],
    ['a whitelist lets in when told to', () => whitelist([], { withoutIp: 'accept' }), 1],
    ['a blacklist lets in', () => blacklist(['0.0.0.0/0', '::/0']), 1],
    ['a blacklist refuses when told to', () => blacklist([], { withoutIp: 'refuse' }), 0],
  ])('%s', async (_, plugin, expected) => {
    expect(await answered([plugin()])).toBe(expected);
  });

  it('share the buckets of addresses', async () => {
    expect(await answered([rateLimitConnections({ perSecond: 0.001, burst: 2, per: 'address' })], 5)).toBe(2);
    expect(await answered([rateLimitRequests({ perSecond: 0.001, burst: 3, per: 'address' })], 2, 2)).toBe(3);
  });
});
