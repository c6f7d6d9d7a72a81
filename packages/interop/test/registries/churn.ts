import { expect, vi } from 'vitest';
import { redis } from '@rpcxjs/registry-redis';
import { startRedis } from '@rpcxjs/registry-servers';
import { consoleLogger, createClient, createServer, roundRobin, systemClock, type Lease, type Server } from '@rpcxjs/rpcx';
import { Load } from '../../src/index.ts';

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };

export interface ChurnOptions {
  readonly nodes: number;
  readonly changesPerSecond: number;
  readonly changes: number;
  /** Of them are never touched. */
  readonly steady: number;
}

/** Closed together. */
class Servers implements AsyncDisposable {
  readonly #servers: Server[] = [];
  push(server: Server): void {
    this.#servers.push(server);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close({ graceMs: 0, lameDuckMs: 0 })));
  }
}

/** Servers come and go all the time, and a client calls those that are there; no call fails, and the servers that stayed were never connected to anew. */
export async function churn({ nodes, changesPerSecond, changes, steady }: ChurnOptions): Promise<void> {
  await using place = await startRedis();
  await using registry = redis({ nodes: place.address, basePath: '/churn' });
  await using found = redis({ nodes: place.address, basePath: '/churn' });
  const connections = new Map<string, number>();
  const addresses: string[] = [];
  await using servers = new Servers();
  for (let index = 0; index < nodes; index++) {
    const name = `s${index}`;
    const server = createServer({ plugins: [{
      name: 'counts',
      acceptConnection(connection) {
        connections.set(name, (connections.get(name) ?? 0) + 1);
        return connection;
      },
    }] });
    servers.push(server);
    server.registerFunction('Churn', 'Who', () => name);
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    addresses.push(address);
  }
  const leases = new Map<number, Lease>();
  const enter = async (index: number): Promise<void> => void leases.set(index, await registry.register({ service: 'Churn', instance: { address: addresses[index] ?? '', metadata: {} } }, { runtime }));
  await Promise.all(addresses.map((_, index) => enter(index)));

  await using client = createClient({ discovery: found, selector: roundRobin() });
  const churned = client.service<{ Who(input: null): Promise<string> }>('Churn', { idempotent: ['Who'] });
  await using load = new Load({ ratePerSecond: 300, call: () => churned.Who(null) });
  await load.until(() => load.phase.answered.size === nodes);
  const [began, used] = [performance.now(), process.cpuUsage()];
  for (let change = 0; change < changes; change++) {
    // In a fixed order that looks like none.
    const index = steady + ((change * 7919) % (nodes - steady));
    const lease = leases.get(index);
    leases.delete(index);
    if (lease === undefined) await enter(index);
    else await lease.release();
    await load.until(() => performance.now() >= began + ((change + 1) * 1000) / changesPerSecond);
  }
  const stopped = performance.now();
  const { user, system } = process.cpuUsage(used);
  const there = [...leases.keys()].map((index) => addresses[index]).toSorted();
  await vi.waitFor(() => expect(client.nodes().map(({ address }) => address).toSorted()).toEqual(there), { timeout: 2000, interval: 20 });
  expect(performance.now() - stopped).toBeLessThan(2000);
  await load.stop();
  expect(load.phase.reasons).toEqual({});
  expect([...connections].filter(([name, count]) => Number(name.slice(1)) < steady && count !== 1)).toEqual([]);
  // Servers, client and load are all in this process. Ten seconds beside other tests cost more than minutes alone.
  expect((user + system) / 1000 / (stopped - began)).toBeLessThan(changes < 1000 ? 0.4 : 0.2);
}
