import { Redis } from 'ioredis';
import { afterAll, beforeAll, it } from 'vitest';
import { discoveryCases, keyValueStoreCases, registryCases } from '@rpcxjs/conformance';
import { consoleLogger, systemClock, type Lease, type ServiceInstance } from '@rpcxjs/core';
import { startRedis, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithRedis } from '@rpcxjs/registry-servers/vitest';
import { redis } from '../src/redis.ts';
import { resolveRedisOptions } from '../src/redis-options.ts';
import { RedisStore } from '../src/redis-store.ts';

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };
const { signal } = new AbortController();

describeWithRedis('the cases of every store, registry and discovery', () => {
  let server: RegistryServer;
  let admin: Redis;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  async function emptied(): Promise<void> {
    admin = new Redis(server.port, { disableClientInfo: true });
    await admin.flushall();
  }
  const left = async (): Promise<void> => void (await admin.quit());

  const stores = keyValueStoreCases({
    create: async (context) => {
      await emptied();
      const open = (): RedisStore => new RedisStore({ options: resolveRedisOptions({ nodes: server.address }), runtime: context.runtime, timeoutMs: context.timeoutMs, where: server.address, warned: new Set() });
      const [store, other] = [open(), open()];
      const expire = async (): Promise<void> => {
        const owned: string[] = [];
        for (const key of (await store.list('/', { signal })).keys()) if ((await store.get(key, { signal }))?.owned === true) owned.push(key);
        store.abandon();
        for (const key of owned) await admin.pexpire(`/${key}`, 1);
        while ((await admin.exists(...owned.map((key) => `/${key}`))) > 0);
      };
      return { store, other, expire, freeze: () => server.freeze(), thaw: () => server.thaw(), close: left };
    },
    // Its session is the server itself: without it nobody's keys are there.
    supports: { loseSession: false },
  });
  for (const one of stores) if (one.skip === undefined) it(one.name, one.run);

  const registry = registryCases({
    create: async () => {
      await emptied();
      const both = redis({ nodes: server.address });
      return { registry: both, discovery: both, close: left };
    },
    supports: { discoveryOutlives: false },
  });
  for (const one of registry) it(one.name, one.run);

  const discovery = discoveryCases({
    create: async () => {
      await emptied();
      const [servers, clients] = [redis({ nodes: server.address }), redis({ nodes: server.address })];
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
      const close = async (): Promise<void> => {
        await Promise.all([servers.close(), clients.close()]);
        await left();
      };
      return { discovery: clients, set, close };
    },
  });
  for (const one of discovery) it(one.name, one.run);
});
