import { afterAll, beforeAll, it } from 'vitest';
import { discoveryCases, keyValueStoreCases, registryCases } from '@rpcxjs/conformance';
import { consoleLogger, systemClock, type Lease, type ServiceInstance } from '@rpcxjs/core';
import { startConsul, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithConsul } from '@rpcxjs/registry-servers/vitest';
import { consul } from '../src/consul.ts';
import { resolveConsulOptions } from '../src/consul-options.ts';
import { ConsulStore } from '../src/consul-store.ts';
import { api, endSession } from './consul-api.ts';

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };

describeWithConsul('the cases of every store, registry and discovery', () => {
  let server: RegistryServer;
  beforeAll(async () => {
    server = await startConsul();
  }, 60_000);
  afterAll(() => server.stop());
  const emptied = (): Promise<unknown> => api(server, 'DELETE', 'kv/?recurse');

  const stores = keyValueStoreCases({
    create: async (context) => {
      await emptied();
      const open = (): ConsulStore => new ConsulStore({ ...context, options: resolveConsulOptions({ address: server.address }) });
      const [store, other] = [open(), open()];
      const loseSession = (of: unknown): Promise<void> => endSession(server, of === store ? store.session : other.session);
      const expire = async (): Promise<void> => {
        const { session } = store;
        store.abandon();
        await endSession(server, session);
      };
      return { store, other, loseSession, expire, freeze: () => server.freeze(), thaw: () => server.thaw() };
    },
    // Its keys live as long as its session.
    supports: { touchOwned: false },
  });
  for (const one of stores) if (one.skip === undefined) it(one.name, one.run, 20_000);

  const registry = registryCases({
    create: async () => {
      await emptied();
      const both = consul({ address: server.address });
      return { registry: both, discovery: both };
    },
    supports: { discoveryOutlives: false },
  });
  for (const one of registry) it(one.name, one.run, 20_000);

  const discovery = discoveryCases({
    create: async () => {
      await emptied();
      const [servers, clients] = [consul({ address: server.address }), consul({ address: server.address })];
      const leases = new Map<string, Lease>();
      const set = async (service: string, instances: readonly ServiceInstance[]): Promise<void> => {
        const wanted = new Map(instances.map((instance) => [`${service} ${instance.address}`, instance]));
        for (const [key, instance] of wanted) {
          if (leases.has(key)) await leases.get(key)?.update(instance.metadata);
          else leases.set(key, await servers.register({ service, instance }, { runtime }));
        }
        for (const [key, lease] of leases) {
          if (wanted.has(key) || !key.startsWith(`${service} `)) continue;
          leases.delete(key);
          await lease.release();
        }
      };
      return { discovery: clients, set, close: async () => void (await Promise.all([servers.close(), clients.close()])) };
    },
  });
  for (const one of discovery) it(one.name, one.run, 20_000);
});
