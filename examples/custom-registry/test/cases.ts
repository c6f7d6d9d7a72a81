import { join } from 'node:path';
import { discoveryCases, registryCases, type ConformanceCase } from '@rpcxjs/conformance';
import { consoleLogger, systemClock, type Lease, type ServiceInstance } from '@rpcxjs/core';
import { directoryRegistry } from '../src/index.ts';

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };
let made = 0;

/** Each case begins with an empty folder; what registers and what finds are two values, as in two processes. */
export function casesOfDirectoryRegistry(directory: string): ConformanceCase[] {
  const pair = () => {
    const options = { directory: join(directory, `${made++}`) };
    return { registry: directoryRegistry(options), discovery: directoryRegistry(options) };
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
    return { discovery, set, close: () => registry.close() };
  };
  return [...registryCases({ create: pair }), ...discoveryCases({ create: discovered })];
}
