import { afterEach, describe, expect, it, vi } from 'vitest';
import { addresses, at, finish, firstList, reader, registryAt, runtime, scripted, warnings } from './bench.ts';
import type { Answer } from './scripted-nacos.ts';

afterEach(finish);

describe('what Nacos is told', () => {
  it.each(['v3', 'v1'] as const)('is what rpcx-nacos tells it, over the %s API', async (api) => {
    const server = await scripted(api);
    const registry = registryAt(server.address, { cluster: 'north', heartbeatMs: 5000 });
    await registry.register(at('tcp@127.0.0.1:8972', { weight: '3', group: ['blue', 'green'], state: 'active' }), { runtime });
    expect(server.of('Arith')).toMatchObject([{ ip: '127.0.0.1', port: 8972, clusterName: 'north', weight: 3, enabled: true, healthy: true }]);
    expect(server.of('Arith')[0]?.metadata).toEqual({ network: 'tcp', weight: '3', group: 'blue', state: 'active', '_rpcxjs-repeated': 'group=blue&group=green' });
    expect((await firstList(registry))[0]?.metadata).toEqual({ weight: '3', group: ['blue', 'green'], state: 'active' });
  });

  it('keeps others away from a server that is inactive, and leaves it in the list for those that ask for its state', async () => {
    const server = await scripted();
    const registry = registryAt(server.address);
    const lease = await registry.register(at('tcp@127.0.0.1:8972', { weight: '3' }), { runtime });
    await lease.update({ weight: '3', state: 'inactive' });
    expect(server.of('Arith')).toMatchObject([{ weight: 0, enabled: true }]);
    expect(await firstList(registry)).toMatchObject([{ metadata: { state: 'inactive', weight: '3' } }]);
    await lease.update({ weight: '1000000' });
    expect(server.of('Arith')).toMatchObject([{ weight: 10_000 }]);
    await lease.release();
    expect(server.of('Arith')).toEqual([]);
  });

  it('an address of IPv6 goes there and back', async () => {
    const server = await scripted();
    const registry = registryAt(server.address);
    await registry.register(at('quic@[2001:db8::1]:8972'), { runtime });
    expect(server.of('Arith')).toMatchObject([{ ip: '2001:db8::1', port: 8972, metadata: { network: 'quic' } }]);
    expect(addresses(await firstList(registry))).toEqual(['quic@[2001:db8::1]:8972']);
  });

  it('an address without ip and port is refused with a sentence', async () => {
    const registry = registryAt('127.0.0.1:1');
    for (const address of ['unix@/run/a.sock', 'tcp@:8972', 'tcp@127.0.0.1:0']) {
      await expect(registry.register(at(address), { runtime })).rejects.toThrow(/cannot stand in Nacos, which keeps an ip and a port/);
    }
  });

  it('another heartbeat is said in the words of Nacos, so that it does not drop the instance too early', async () => {
    const server = await scripted();
    await registryAt(server.address, { heartbeatMs: 20_000 }).register(at('tcp@127.0.0.1:8972'), { runtime });
    expect(server.of('Arith')[0]?.metadata).toEqual({ network: 'tcp', 'preserved.heart.beat.interval': '20000', 'preserved.heart.beat.timeout': '60000', 'preserved.ip.delete.timeout': '120000' });
  });
});

describe('what Nacos says', () => {
  it.each(['v3', 'v1'] as const)('is read as a Go client reads it, without what is disabled or unhealthy, over the %s API', async (api) => {
    const server = await scripted(api);
    server.put('Arith', '10.0.0.1', 1, { metadata: { network: 'tcp', weight: '5', state: 'inactive' }, weight: 0 });
    server.put('Arith', '10.0.0.2', 2);
    server.put('Arith', 'example.org', 3, { metadata: { network: 'kcp' } });
    server.put('Arith', '10.0.0.4', 4, { enabled: false });
    server.put('Arith', '10.0.0.5', 5, { healthy: false });
    server.put('Arith2', '10.0.0.6', 6);
    expect(await firstList(registryAt(server.address))).toEqual([
      { address: 'kcp@example.org:3', metadata: {} }, { address: 'tcp@10.0.0.1:1', metadata: { weight: '5', state: 'inactive' } }, { address: 'tcp@10.0.0.2:2', metadata: {} },
    ]);
  });

  it('unhealthy ones are kept when no other is left: Nacos may have been away itself', async () => {
    const server = await scripted();
    server.put('Arith', '10.0.0.1', 1, { healthy: false });
    server.put('Arith', '10.0.0.2', 2, { healthy: false });
    const found = reader(registryAt(server.address));
    await vi.waitFor(() => expect(addresses(found.list)).toEqual(['tcp@10.0.0.1:1', 'tcp@10.0.0.2:2']));
    server.put('Arith', '10.0.0.2', 2);
    await vi.waitFor(() => expect(addresses(found.list)).toEqual(['tcp@10.0.0.2:2']));
  });

  it('a value that somebody edited counts, also where it was one of several', async () => {
    const server = await scripted();
    server.put('Arith', '10.0.0.1', 1, { metadata: { group: 'red', 'tag': 'a', '_rpcxjs-repeated': 'group=blue&group=green&tag=a&tag=b' } });
    expect(await firstList(registryAt(server.address))).toMatchObject([{ metadata: { group: 'red', tag: ['a', 'b'] } }]);
  });

  it('G10: what cannot be used is left out with one warning, and the rest is used', async () => {
    const server = await scripted();
    const good = { ip: '10.0.0.1', port: 1, metadata: { weight: '1' } };
    const hosts = [
      good, null, 7, [], {}, { ...good, ip: 'a b' }, { ...good, ip: '' }, { ...good, ip: 7 }, { ...good, ip: 'a@b' }, { ...good, port: '1' }, { ...good, port: 0 }, { ...good, port: 1e9 }, { ...good, port: 1.5 },
      { ip: '10.0.0.2', port: 2, metadata: 'weight=1' }, { ip: '10.0.0.3', port: 3, metadata: [] }, { ip: '10.0.0.4', port: 4, metadata: { network: 'a b' } }, { ip: '10.0.0.5', port: 5, metadata: { long: 'x'.repeat(1_048_576) } },
      { ip: '10.0.1.1', port: 1, metadata: { weight: '-1' } }, { ip: '10.0.1.2', port: 1, metadata: { weight: 'NaN' } }, { ip: '10.0.1.3', port: 1, metadata: { weight: '1e9', group: 'a' } },
      { ip: '10.0.1.4', port: 1, metadata: { weight: 3, deep: {} } }, { ip: '10.0.1.5', port: 1, metadata: null }, { ip: '10.0.1.6', port: 1, metadata: { '_rpcxjs-repeated': '%zz;' } }, good,
    ];
    const hostile = '{"ip":"10.0.1.7","port":1,"metadata":{"__proto__":"p","constructor":"c"}}';
    server.instead = (): Answer => ({ status: 200, body: `{"code":0,"message":"success","data":${JSON.stringify([...hosts]).slice(0, -1)},${hostile}]}` });
    const found = reader(registryAt(server.address));
    await vi.waitFor(() => expect(found.list).toBeDefined());
    expect(addresses(found.list)).toEqual(['tcp@10.0.0.1:1', 'tcp@10.0.1.1:1', 'tcp@10.0.1.2:1', 'tcp@10.0.1.3:1', 'tcp@10.0.1.4:1', 'tcp@10.0.1.5:1', 'tcp@10.0.1.6:1', 'tcp@10.0.1.7:1']);
    expect(found.list?.map(({ metadata }) => JSON.stringify(metadata))).toEqual(['{"weight":"1"}', '{}', '{}', '{"group":"a"}', '{}', '{}', '{}', '{"__proto__":"p","constructor":"c"}']);
    const asked = server.asked.length;
    await vi.waitFor(() => expect(server.asked.length).toBeGreaterThan(asked + 3));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/nacos says what cannot be used of "Arith", the rest is: .*; and \d+ more/);
    expect(found.lists).toBe(1);
  });
});

describe('which API', () => {
  it('v3 is asked first, v1 where there is none, and only one of them afterwards', async () => {
    const server = await scripted('v1');
    const registry = registryAt(server.address);
    await registry.register(at('tcp@127.0.0.1:8972'), { runtime });
    await vi.waitFor(() => expect(server.asked.filter((one) => one.endsWith('/beat')).length).toBeGreaterThan(2));
    expect(server.asked.filter((one) => one.includes('/v3/'))).toEqual(['POST /nacos/v3/client/ns/instance']);
    expect(new Set(server.asked.slice(2))).toEqual(new Set(['PUT /nacos/v1/ns/instance/beat']));
  });

  it('a server that became another version is asked in its words', async () => {
    const server = await scripted('v1');
    const registry = registryAt(server.address);
    server.put('Arith', '10.0.0.1', 1);
    const found = reader(registry);
    await vi.waitFor(() => expect(found.list).toHaveLength(1));
    server.api = 'v3';
    server.put('Arith', '10.0.0.2', 2);
    await vi.waitFor(() => expect(found.list).toHaveLength(2));
    expect(warnings).toEqual([]);
  });
});
