import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock, type Discovery, type Logger, type Runtime } from '@rpcxjs/core';
import { startRedis, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithRedis } from '@rpcxjs/registry-servers/vitest';
import { redis } from '../src/redis.ts';

const service = 'Arith';
const instance = { address: 'tcp@127.0.0.1:8972', metadata: { weight: '3' } };
const soon = { timeout: 4000, interval: 5 };

interface Noting extends Runtime {
  readonly warnings: readonly string[];
}
function noting(): Noting {
  const warnings: string[] = [];
  const logger: Logger = { debug() {}, info() {}, warn: (_, message) => void warnings.push(message), error() {}, child: () => logger };
  return { clock: systemClock, logger, warnings };
}

/** The newest list, until the test is over. */
function addresses(discovery: Discovery, runtime: Runtime): { readonly last: () => readonly string[] | undefined } {
  let last: readonly string[] | undefined;
  const read = async (): Promise<void> => {
    for await (const list of discovery.watch(service, { runtime })) last = list.map(({ address }) => address);
  };
  read().catch(() => {});
  return { last: () => last };
}

describeWithRedis('a registry in Redis', () => {
  let server: RegistryServer;
  let admin: Redis;
  beforeEach(async () => {
    server = await startRedis();
    admin = new Redis(server.port, { disableClientInfo: true }).on('error', () => {});
  });
  afterEach(async () => {
    admin.disconnect();
    await server.stop();
  });

  it('G1: what was wiped is registered again long before it would be looked at, and what FLUSHALL took when it is', async () => {
    const runtime = noting();
    await using registry = redis({ nodes: server.address, ttlMs: 60_000, refreshMs: 20_000 });
    await registry.register({ service, instance }, { runtime });
    await server.wipe();
    await vi.waitFor(async () => expect(await admin.exists('//rpcx/Arith/tcp@127.0.0.1:8972', '//rpcx/Arith', '//rpcx')).toBe(3), soon);

    await using quick = redis({ nodes: server.address, basePath: '/quick', refreshMs: 200 });
    await quick.register({ service, instance }, { runtime });
    await admin.flushall();
    await vi.waitFor(async () => expect(await admin.exists('//quick/Arith/tcp@127.0.0.1:8972', '//quick/Arith', '//quick')).toBe(3), soon);
  });

  it('G5: without events, which nobody may turn on, changes are seen when the list is read, with one warning', async () => {
    await admin.call('ACL', ...'SETUSER limited on >secret ~* &* +@all -config'.split(' '));
    const runtime = noting();
    await using clients = redis({ nodes: server.address, username: 'limited', password: 'secret', relistMs: 300 });
    await using servers = redis({ nodes: server.address });
    const found = addresses(clients, runtime);
    await vi.waitFor(() => expect(found.last()).toEqual([]), soon);
    const lease = await servers.register({ service, instance }, { runtime });
    await vi.waitFor(() => expect(found.last()).toEqual([instance.address]), soon);
    await lease.release();
    await vi.waitFor(() => expect(found.last()).toEqual([]), soon);
    expect(runtime.warnings).toEqual([expect.stringMatching(/^redis does not let us see to its keyspace events/)]);
  });

  it('a wrong password is told to who registers and to who looks, within the deadline', async () => {
    await admin.config('SET', 'requirepass', 'secret');
    const runtime = noting();
    await using registry = redis({ nodes: server.address, password: 'wrong', timeoutMs: 1000 });
    const refused = { code: 'unauthenticated', reason: 'REGISTRY_REFUSED', address: server.address };
    await expect(registry.register({ service, instance }, { runtime })).rejects.toMatchObject(refused);
    await expect(registry.watch(service, { runtime })[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused);
  });

  it('a base path without a slash is the same as with Go, too', async () => {
    const runtime = noting();
    await using registry = redis({ nodes: server.address, basePath: 'rpcx_test' });
    await registry.register({ service, instance }, { runtime });
    expect((await admin.keys('/*')).sort()).toEqual(['/rpcx_test', '/rpcx_test/Arith', '/rpcx_test/Arith/tcp@127.0.0.1:8972']);
    expect(JSON.parse((await admin.get('/rpcx_test/Arith')) ?? '')).toMatchObject({ Key: 'rpcx_test/Arith', Value: 'QXJpdGg=' });
  });
});
