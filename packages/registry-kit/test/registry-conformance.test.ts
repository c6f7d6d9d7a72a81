import { discoveryCases, registryCases } from '@rpcxjs/conformance';
import { systemClock, type Lease, type Logger, type ServiceInstance } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { keyValueRegistry, type KeyValueRegistry } from '../src/key-value-registry.ts';
import { MemoryBackend } from './memory-backend.ts';

const pair = () => {
  const { open } = new MemoryBackend(systemClock);
  const make = (): KeyValueRegistry => keyValueRegistry({ name: 'memory', where: 'here', open });
  return { registry: make(), discovery: make() };
};

describe('a registry over a key-value store', () => {
  for (const one of registryCases({ create: () => { const { registry, discovery } = pair(); return { registry, discovery, close: () => discovery.close() }; } })) it(one.name, one.run);
  for (const one of discoveryCases({ create: discovered })) it(one.name, one.run);
});

function discovered() {
  const { registry, discovery } = pair();
  const runtime = { clock: systemClock, logger: silent };
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
  return { discovery, set, close: async () => { await registry.close(); await discovery.close(); } };
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

describe('keyValueRegistry', () => {
  it.each([[undefined, /takes the name/], [{}, /takes the name/], [{ name: 'memory', where: 7, open() {} }, /takes the name/], [{ name: 'memory', where: 'here' }, /open is undefined: give a function/]])('refuses %j instead of a backend', (init, message) => {
    expect(() => keyValueRegistry(init as never)).toThrow(message);
    expect(() => keyValueRegistry(init as never)).toThrow(TypeError);
  });

  it.each([[undefined, 'get'], [null, 'get'], [{ get() {} }, 'list']])('says which function is missing when open gives %j for a store', async (made, missing) => {
    const registry = keyValueRegistry({ name: 'mine', where: 'here', open: () => made as never });
    const registration = { service: 'Arith', instance: { address: 'tcp@a:1', metadata: {} } };
    const told = new RegExp(`^mine at here cannot write /rpcx: what open\\(\\) gave has no ${missing}\\(\\); make a KeyValueStore of it$`);
    await expect(registry.register(registration, { runtime: { clock: systemClock, logger: silent } })).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringMatching(told) as string });
    await registry.close();
  });

  it('refuses a registration without an instance, and says how one is written', async () => {
    const { registry } = pair();
    await expect(registry.register({ service: 'Arith' } as never, { runtime: { clock: systemClock, logger: silent } })).rejects.toThrow(/^a registration needs an instance: \{ service: 'Arith', instance/);
  });

  it.each([
    [{ basePath: '' }, /memory\(\): basePath is "": write a path/], [{ basePath: '//' }, /basePath/], [{ basePath: 7 }, /basePath is 7/], [{ ttlMs: 0 }, /ttlMs is 0: it takes milliseconds above 0/], [{ ttlMs: Number.NaN }, /ttlMs is NaN/],
    [{ relistMs: '1' }, /relistMs is "1"/], [{ ttlMs: 1000, refreshMs: 1000 }, /refreshMs is 1000 and ttlMs 1000: entries would end/], [{ publishRates: 'yes' }, /publishRates is yes/], [null, /options are null/], ['x', /options are x/],
  ])('refuses %j', (options, message) => {
    expect(() => keyValueRegistry({ name: 'memory', where: 'here', options: options as never, open: () => { throw new Error('opened'); } })).toThrow(message);
  });
});
