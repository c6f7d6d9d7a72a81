import { discoveryCases, registryCases } from '@rpcxjs/conformance';
import { consoleLogger, systemClock, type Lease, type ServiceInstance } from '@rpcxjs/core';
import { describe, it } from 'vitest';
import { nacos } from '../src/index.ts';
import { ScriptedNacos } from './scripted-nacos.ts';

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };

describe.each(['v3', 'v1'] as const)('over the %s API', (api) => {
  async function pair() {
    const server = await new ScriptedNacos(api).start();
    server.checksNames = false;
    const options = { servers: server.address, pollMs: 20, heartbeatMs: 1000 };
    const [registry, discovery] = [nacos(options), nacos(options)];
    return { registry, discovery, close: async (): Promise<void> => { await Promise.all([registry.close(), discovery.close()]); await server.kill(); } };
  }
  for (const one of registryCases({ create: pair })) it(one.name, one.run);

  const discovered = async () => {
    const { registry, discovery, close } = await pair();
    const leases = new Map<string, Lease>();
    const set = async (service: string, instances: readonly ServiceInstance[]): Promise<void> => {
      const before = new Set([...leases.keys()].filter((key) => key.startsWith(`${service} `)));
      for (const instance of instances) {
        const key = `${service} ${instance.address}`;
        if (before.delete(key)) await leases.get(key)?.update(instance.metadata);
        else leases.set(key, await registry.register({ service, instance }, { runtime }));
      }
      for (const key of before) await leases.get(key)?.release().finally(() => leases.delete(key));
    };
    return { discovery, set, close };
  };
  for (const one of discoveryCases({ create: discovered })) it(one.name, one.run);
});
