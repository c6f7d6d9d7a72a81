import { connect } from 'node:net';
import { once } from 'node:events';
import { afterEach, expect, it, vi } from 'vitest';
import { dialProbe, stabilised } from '@rpcxjs/core/discoveries';
import { redis } from '@rpcxjs/registry-redis';
import { startRedis } from '@rpcxjs/registry-servers';
import { describeWithRedis } from '@rpcxjs/registry-servers/vitest';
import { createClient, createServer, roundRobin, type Registry, type Server } from '@rpcxjs/rpcx';
import { tcp } from '@rpcxjs/transport-tcp';
import { Load } from '../../src/index.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});
function keep<T extends AsyncDisposable>(what: T): T {
  open.push(what);
  return what;
}

/** What an administrator does with redis-cli. */
async function command(port: number, ...words: readonly string[]): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  expect(answer.toString(), words.join(' ')).toMatch(/^(\+OK|:\d+)\r\n$/);
}
/** An instance as rpcx-redis writes it. */
const entry = (address: string): [key: string, value: string] => [`//crowd/Crowd/${address}`, JSON.stringify({ Key: `/crowd/Crowd/${address}`, Value: '', LastIndex: 1 })];

/** Servers that say their names, registered in the Redis on that port by whatever looks after them, or not. */
async function crowd(port: number, count: number, registries: readonly Registry[]) {
  const servers: { readonly server: Server; readonly address: string }[] = [];
  for (let index = 0; index < count; index++) {
    const server = createServer({ registries });
    server.registerFunction('Crowd', 'Who', () => `s${index}`);
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    keep({ [Symbol.asyncDispose]: () => server.close({ graceMs: 0, lameDuckMs: 0 }) });
    servers.push({ server, address });
  }
  return servers;
}

describeWithRedis('a registry that forgets', () => {
  it('G4: is emptied by hand, and calls go on to the servers that answer; one that does not is dropped within two probes', { timeout: 60_000 }, async () => {
    const { port } = keep(await startRedis());
    // Entries that nobody looks after: else they would come back by themselves.
    const servers = await crowd(port, 3, []);
    for (const { address } of servers) await command(port, 'SET', ...entry(address));
    const registry = keep(redis({ nodes: `127.0.0.1:${port}`, basePath: '/crowd' }));
    const client = keep(createClient({ discovery: stabilised(registry, { probe: dialProbe([tcp()]), probeEveryMs: 300, probeTimeoutMs: 1000 }), selector: roundRobin() }));
    const crowded = client.service<{ Who(input: null): Promise<string> }>('Crowd', { idempotent: ['Who'] });
    const load = keep(new Load({ ratePerSecond: 300, call: () => crowded.Who(null) }));
    await load.calls(100);
    await command(port, 'DEL', ...servers.map(({ address }) => entry(address)[0]));
    const emptied = load.newPhase();
    await load.calls(600);
    expect([...emptied.answered.keys()].toSorted()).toEqual(['s0', 's1', 's2']);
    expect(emptied.reasons).toEqual({});

    servers[2]?.server.abort();
    const gone = performance.now();
    await vi.waitFor(() => expect(client.nodes().map(({ address }) => address)).toEqual(servers.slice(0, 2).map(({ address }) => address).toSorted()), { timeout: 5000, interval: 20 });
    expect(performance.now() - gone).toBeLessThan(3000);
    const after = load.newPhase();
    await load.calls(300);
    await load.stop();
    expect([...after.answered.keys()].toSorted()).toEqual(['s0', 's1']);
    expect(after.reasons).toEqual({});
  });

  it('G5: tells nobody of changes, and clients know them within one reading of the list', { timeout: 30_000 }, async () => {
    const { port } = keep(await startRedis());
    const registry = keep(redis({ nodes: `127.0.0.1:${port}`, basePath: '/crowd', relistMs: 1000 }));
    const client = keep(createClient({ discovery: registry }));
    await crowd(port, 1, [registry]);
    await client.call('Crowd', 'Who', null);
    await command(port, 'CONFIG', 'SET', 'notify-keyspace-events', '');
    const changed = performance.now();
    await command(port, 'SET', ...entry('tcp@192.0.2.1:1'));
    await vi.waitFor(() => expect(client.nodes()).toHaveLength(2), { timeout: 5000, interval: 20 });
    expect(performance.now() - changed).toBeLessThan(2500);
  });

  it('G11: lists a server that is dead; calls go on from the first refusal, and it is gone when its time is over', { timeout: 30_000 }, async () => {
    const { port } = keep(await startRedis());
    const registry = keep(redis({ nodes: `127.0.0.1:${port}`, basePath: '/crowd' }));
    const servers = await crowd(port, 2, [registry]);
    // Nobody listens at port 1.
    const dead = 'tcp@127.0.0.1:1';
    await command(port, 'SET', ...entry(dead), 'PX', '4000');
    const client = keep(createClient({ discovery: registry }));
    const load = keep(new Load({ ratePerSecond: 200, call: () => client.call<string>('Crowd', 'Who', null) }));
    await load.calls(300);
    expect(load.phase.reasons).toEqual({});
    expect(client.nodes().find(({ address }) => address === dead)).toMatchObject({ state: 'ejected' });
    await vi.waitFor(() => expect(client.nodes().map(({ address }) => address)).toEqual(servers.map(({ address }) => address).toSorted()), { timeout: 10_000, interval: 50 });
    await load.stop();
    expect(load.phase.reasons).toEqual({});
  });
});
