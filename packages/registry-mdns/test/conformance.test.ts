import { randomUUID } from 'node:crypto';
import { discoveryCases, registryCases } from '@rpcxjs/conformance';
import type { Lease, ServiceInstance } from '@rpcxjs/core';
import { consoleLogger, systemClock } from '@rpcxjs/core';
import { it } from 'vitest';
import { mdns, type MdnsRegistry } from '../src/index.ts';

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };

/** Those of one rig hear each other and nobody else. */
function house(): () => MdnsRegistry {
  const service = `_${randomUUID().slice(0, 8)}`;
  return () => mdns({ interface: '127.0.0.1', service });
}

const registry = registryCases({
  create: () => {
    const open = house();
    const discovery = open();
    return { registry: open(), discovery, close: () => discovery.close() };
  },
  deadlineMs: 10_000,
});
for (const one of registry) it(one.name, one.run, 25_000);

const discovery = discoveryCases({
  create: () => {
    const open = house();
    const [server, client] = [open(), open()];
    const leases = new Map<string, Lease>();
    const set = async (service: string, instances: readonly ServiceInstance[]): Promise<void> => {
      const wanted = new Map(instances.map((instance) => [`${service} ${instance.address}`, instance]));
      for (const [key, instance] of wanted) {
        if (leases.has(key)) await leases.get(key)?.update(instance.metadata);
        else leases.set(key, await server.register({ service, instance }, { runtime }));
      }
      for (const [key, lease] of leases) {
        if (wanted.has(key) || !key.startsWith(`${service} `)) continue;
        leases.delete(key);
        await lease.release();
      }
    };
    return { discovery: client, set, close: async () => void (await Promise.all([client.close(), server.close()])) };
  },
  deadlineMs: 10_000,
});
for (const one of discovery) it(one.name, one.run, 25_000);
