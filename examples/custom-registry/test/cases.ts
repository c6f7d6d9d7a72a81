import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { discoveryCases, keyValueStoreCases, registryCases, type ConformanceCase } from '@rpcxjs/conformance';
import { consoleLogger, systemClock, type Lease, type ServiceInstance } from '@rpcxjs/core';
import { directoryRegistry, directoryStore } from '../src/index.ts';

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };
let made = 0;

/** Each case begins with an empty folder; what registers and what finds are two values, as in two processes. */
export function casesOfDirectoryRegistry(directory: string): ConformanceCase[] {
  const pair = () => {
    const options = { directory: join(directory, `${made++}`) };
    const [registry, discovery] = [directoryRegistry(options), directoryRegistry(options)];
    return { registry, discovery, close: () => discovery.close() };
  };
  const discovered = () => {
    const { registry, discovery } = pair();
    const leases = new Map<string, Lease>();
    const set = async (service: string, instances: readonly ServiceInstance[]): Promise<void> => {
      const before = new Set(leases.keys());
      for (const instance of instances) {
        const key = `${service} ${instance.address}`;
        if (before.delete(key)) await leases.get(key)?.update(instance.metadata);
        else leases.set(key, await registry.register({ service, instance }, { runtime }));
      }
      for (const key of before) if (key.startsWith(`${service} `)) await leases.get(key)?.release().finally(() => leases.delete(key));
    };
    return { discovery, set, close: async () => { await Promise.all([registry.close(), discovery.close()]); } };
  };
  const stores = keyValueStoreCases({
    create: async (context) => {
      const folder = join(directory, `${made++}`);
      await mkdir(folder, { recursive: true });
      return {
        store: directoryStore(folder, context),
        other: directoryStore(folder, context),
        // As if its process had died a while ago.
        expire: async (store) => {
          const { signal } = new AbortController();
          for (const key of (await store.list('/', { signal })).keys()) await store.touchOwned?.(key, { signal, ttlMs: 0 });
        },
      };
    },
    supports: { loseSession: false, freeze: false },
  });
  return [...stores, ...registryCases({ create: pair }), ...discoveryCases({ create: discovered })];
}
