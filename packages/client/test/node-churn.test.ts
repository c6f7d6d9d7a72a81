import { type Discovery } from '@rpcxjs/core';
import { instanceList } from '@rpcxjs/core/discoveries';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { manualClock } from '@rpcxjs/testing';
import { expect, it } from 'vitest';
import { createClient, type Client } from '../src/client.ts';
import { failfast } from '../src/fail-modes/failfast.ts';
import { FakeServer, recordingLogger, until } from './fake-server.ts';

const at = (address: string) => ({ address, metadata: {} });

async function twoServers(discovery: (service: string) => Discovery): Promise<{ readonly client: Client; readonly servers: readonly [FakeServer, FakeServer] }> {
  const network = memoryNetwork();
  const clock = manualClock();
  const servers = [await FakeServer.listen(network, 'a', clock), await FakeServer.listen(network, 'b', clock)] as const;
  for (const server of servers) server.onCall = (call) => server.reply(call);
  const byService: Discovery = { watch: (service, options) => discovery(service).watch(service, options) };
  return { client: createClient({ discovery: byService, transports: [network], clock, logger: recordingLogger(), failMode: failfast() }), servers };
}

const addresses = (client: Client): string[] => client.nodes().map(({ address }) => address);

it('what is known of servers that are in no list any more is forgotten, however many have come and gone', async () => {
  const list = instanceList([at('memory@a')]);
  const { client } = await twoServers(() => list);
  await client.call('S', 'M', 1);
  for (let generation = 0; generation < 1000; generation++) list.update([at('memory@a'), at(`memory@gone${generation}`)]);
  await until(() => addresses(client).includes('memory@gone999'));
  expect(addresses(client)).toEqual(['memory@a', 'memory@gone999']);
  expect(client.nodes()[0]).toMatchObject({ calls: 1, inFlight: 0 });
  client.abort();
  expect(client.nodes()).toEqual([]);
});

it('a server that leaves while it has a call is known until that has ended', async () => {
  const list = instanceList([at('memory@a')]);
  const { client, servers } = await twoServers(() => list);
  const [leaving] = servers;
  leaving.onCall = undefined;
  const call = client.call('S', 'M', 1);
  const received = await leaving.call(0);
  list.update([at('memory@b')]);
  await until(() => addresses(client).includes('memory@b'));
  expect(addresses(client)).toEqual(['memory@a', 'memory@b']);
  leaving.reply(received);
  expect(await call).toBe('ok');
  expect(addresses(client)).toEqual(['memory@b']);
  client.abort();
});

it('what one service learns of a server the others know', async () => {
  const lists = new Map([['S', instanceList([at('memory@a'), at('memory@gone')])], ['T', instanceList([at('memory@b'), at('memory@gone')])]]);
  const { client } = await twoServers((service) => lists.get(service) ?? instanceList());
  for (let made = 0; made < 2; made++) await client.call('S', 'M', 1).catch(() => {});
  await until(() => client.nodes().some(({ state }) => state === 'ejected'));
  const before = client.nodes().find(({ address }) => address === 'memory@gone')?.calls;
  for (let made = 0; made < 10; made++) expect(await client.call('T', 'M', 1)).toBe('ok');
  expect(client.nodes().find(({ address }) => address === 'memory@gone')?.calls).toBe(before);
  client.abort();
});
