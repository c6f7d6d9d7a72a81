import { afterAll, beforeAll, it } from 'vitest';
import { discoveryCases, keyValueStoreCases, registryCases, type StoreContext } from '@rpcxjs/conformance';
import { consoleLogger, systemClock, type Lease, type ServiceInstance } from '@rpcxjs/core';
import { startZooKeeper, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithZooKeeper } from '@rpcxjs/registry-servers/vitest';
import { resolveZooKeeperOptions } from '../src/zookeeper-options.ts';
import { ZooKeeperStore } from '../src/zookeeper-store.ts';
import { zookeeper } from '../src/zookeeper.ts';
import { Eavesdropper } from './eavesdropper.ts';

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };

const { signal } = new AbortController();

describeWithZooKeeper('the cases of every store, registry and discovery', () => {
  let server: RegistryServer;
  beforeAll(async () => {
    server = await startZooKeeper();
  });
  afterAll(() => server.stop());

  let cases = 0;
  const stores = keyValueStoreCases({
    create: async ({ runtime, timeoutMs }: StoreContext) => {
      await server.wipe();
      const between = await Eavesdropper.before(server.port);
      const open = (address: string): ZooKeeperStore => new ZooKeeperStore({ options: resolveZooKeeperOptions({ servers: address, sessionTimeoutMs: 3000 }), where: address, runtime, timeoutMs });
      const [store, other] = [open(between.address), open(server.address)];
      const expire = async (): Promise<void> => {
        const owned: string[] = [];
        for (const key of (await store.list('/rpcx_conformance/Arith/', { signal })).keys()) if ((await store.get(key, { signal }))?.owned === true) owned.push(key);
        store.abandon();
        for (const key of owned) while ((await other.get(key, { signal })) !== undefined);
      };
      return { store, other, expire, loseSession: () => between.endSession(), freeze: () => server.freeze(), thaw: () => server.thaw(), close: () => between.close() };
    },
    deadlineMs: 10_000,
    // Nodes live as long as their session.
    supports: { touchOwned: false, anyKey: false, slashes: false },
  });
  for (const one of stores) if (one.skip === undefined) it(one.name, { timeout: 30_000 }, one.run);

  const registry = registryCases({
    create: async () => {
      const base = `/case${cases++}`;
      const [registry, discovery] = [zookeeper({ servers: server.address, basePath: base }), zookeeper({ servers: server.address, basePath: base })];
      return { registry, discovery, close: () => discovery.close() };
    },
    supports: { anyText: false },
  });
  for (const one of registry) if (one.skip === undefined) it(one.name, one.run);

  const discovery = discoveryCases({
    create: async () => {
      const base = `/case${cases++}`;
      const [servers, clients] = [zookeeper({ servers: server.address, basePath: base }), zookeeper({ servers: server.address, basePath: base })];
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
      const close = async (): Promise<void> => void (await Promise.all([servers.close(), clients.close()]));
      return { discovery: clients, set, close };
    },
  });
  for (const one of discovery) it(one.name, one.run);
});
