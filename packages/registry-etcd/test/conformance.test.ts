import { afterAll, beforeAll, it } from 'vitest';
import { discoveryCases, keyValueStoreCases, registryCases, type StoreContext } from '@rpcxjs/conformance';
import { consoleLogger, systemClock, type Lease, type ServiceInstance } from '@rpcxjs/core';
import { startEtcd, type EtcdServer } from '@rpcxjs/registry-servers';
import { describeWithEtcd } from '@rpcxjs/registry-servers/vitest';
import { openEtcd } from '../src/etcd-client.ts';
import { resolveEtcdOptions } from '../src/etcd-options.ts';
import { EtcdStore } from '../src/etcd-store.ts';
import { etcd } from '../src/etcd.ts';

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };
const { signal } = new AbortController();

describeWithEtcd('the cases of every store, registry and discovery', () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await startEtcd();
  });
  afterAll(() => server.stop());

  const emptied = (): Promise<unknown> => server.ask('kv/deleterange', { key: 'AA==', range_end: 'AA==' });
  /** The leases of the keys that a store owns. */
  const leasesOf = async (store: EtcdStore): Promise<Set<string>> => {
    const leases = new Set<string>();
    for (const key of (await store.list('/', { signal })).keys()) {
      if ((await store.get(key, { signal }))?.owned !== true) continue;
      const { kvs = [] } = (await server.ask('kv/range', { key: Buffer.from(key).toString('base64') })) as { kvs?: { lease: string }[] };
      for (const { lease } of kvs) leases.add(lease);
    }
    return leases;
  };
  const revokeAll = async (store: EtcdStore): Promise<void> => {
    for (const ID of await leasesOf(store)) await server.ask('lease/revoke', { ID });
  };

  const stores = keyValueStoreCases({
    create: async (context: StoreContext) => {
      await emptied();
      const open = async (): Promise<EtcdStore> => new EtcdStore({ client: await openEtcd(resolveEtcdOptions({ endpoints: server.address }), context.timeoutMs), where: server.address, runtime: context.runtime, timeoutMs: context.timeoutMs });
      const [store, other] = [await open(), await open()];
      // A lease of three seconds looks after itself every second: until then nobody knows.
      return { store, other, loseSession: () => revokeAll(store), expire: async () => { const leases = await leasesOf(store); store.abandon(); for (const ID of leases) await server.ask('lease/revoke', { ID }); }, freeze: () => server.freeze(), thaw: () => server.thaw() };
    },
    supports: { touchOwned: false },
  });
  for (const one of stores) if (one.skip === undefined) it(one.name, { timeout: 30_000 }, one.run);

  const registry = registryCases({
    create: async () => {
      await emptied();
      const [registry, discovery] = [etcd({ endpoints: server.address }), etcd({ endpoints: server.address })];
      return { registry, discovery, close: () => discovery.close() };
    },
  });
  for (const one of registry) it(one.name, one.run);

  const discovery = discoveryCases({
    create: async () => {
      await emptied();
      const [servers, clients] = [etcd({ endpoints: server.address }), etcd({ endpoints: server.address })];
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
