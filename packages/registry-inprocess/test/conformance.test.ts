import { discoveryCases, registryCases } from '@rpcxjs/conformance';
import type { Lease, ServiceInstance } from '@rpcxjs/core';
import { consoleLogger, systemClock } from '@rpcxjs/core';
import { it } from 'vitest';
import { inprocess } from '../src/index.ts';

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };

const registry = registryCases({
  create: () => {
    const both = inprocess();
    return { registry: both, discovery: both };
  },
  // It is one value: what is closed is both.
  supports: { discoveryOutlives: false },
});
for (const one of registry) it(one.name, one.run);

const discovery = discoveryCases({
  create: () => {
    const both = inprocess();
    const leases = new Map<string, Lease>();
    const set = async (service: string, instances: readonly ServiceInstance[]): Promise<void> => {
      const wanted = new Map(instances.map((instance) => [`${service} ${instance.address}`, instance]));
      for (const [key, instance] of wanted) {
        if (leases.has(key)) await leases.get(key)?.update(instance.metadata);
        else leases.set(key, await both.register({ service, instance }, { runtime }));
      }
      for (const [key, lease] of leases) {
        if (wanted.has(key) || !key.startsWith(`${service} `)) continue;
        leases.delete(key);
        await lease.release();
      }
    };
    return { discovery: both, set, close: () => both.close() };
  },
});
for (const one of discovery) it(one.name, one.run);
