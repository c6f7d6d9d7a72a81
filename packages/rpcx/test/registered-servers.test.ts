import { createClient, createServer, contract, unary, type Logger, type Server } from '../src/index.ts';
import type { ServiceInstance } from '@rpcxjs/core';
import { inprocess } from '@rpcxjs/registry-inprocess';
import { manualClock } from '@rpcxjs/testing';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { expect, it } from 'vitest';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const greeter = contract('Greeter', { Hello: unary<string, string>() });

it('a server in a registry is found by clients of the same process, with its metadata, and left by them when it goes', async () => {
  const network = memoryNetwork();
  await using registry = inprocess();
  const start = async (name: string): Promise<Server> => {
    const server = createServer({ transports: [network], registries: [registry], logger: silent });
    server.register(greeter, { Hello: (who) => `${name} greets ${who}` }, { metadata: { weight: '2' } });
    await server.listen(`memory@${name}`);
    return server;
  };
  await using one = await start('one');
  const two = await start('two');
  await using client = createClient({ discovery: registry, transports: [network] });
  const answers = new Set<string>();
  for (let index = 0; index < 10; index++) answers.add(await client.service(greeter).Hello('Ada'));
  expect([...answers].toSorted()).toEqual(['one greets Ada', 'two greets Ada']);
  const failures: unknown[] = [];
  let closed = false;
  const closing = two.close().then(() => (closed = true));
  while (!closed) {
    await client.service(greeter).Hello('Ada').catch((error: unknown) => failures.push(error));
    await new Promise((resolve) => { setImmediate(resolve); });
  }
  await closing;
  expect(failures).toEqual([]);
  expect(await client.service(greeter).Hello('Bob')).toBe('one greets Bob');
  const lists: (readonly ServiceInstance[])[] = [];
  const stop = new AbortController();
  for await (const list of registry.watch('Greeter', { signal: stop.signal, runtime: { clock: manualClock(), logger: silent } })) {
    lists.push(list);
    stop.abort();
  }
  expect(lists).toEqual([[{ address: 'memory@one', metadata: { weight: '2' } }]]);
  expect(one.stats().advertised).toBe(1);
});
