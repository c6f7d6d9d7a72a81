import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { consoleLogger, systemClock } from '@rpcxjs/core';
import { startEtcd, startRedis, type EtcdServer, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithEtcd, describeWithRedis } from '@rpcxjs/registry-servers/vitest';
import type { EtcdOptions } from '../src/etcd-options.ts';
import { etcd } from '../src/etcd.ts';

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };
const fixture = (name: string): string => new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url).pathname;

const registries: AsyncDisposable[] = [];
afterEach(async () => {
  for (const registry of registries.splice(0).reverse()) await registry[Symbol.asyncDispose]();
});

/** Registers, and says how that went. */
async function attempt(options: EtcdOptions): Promise<unknown> {
  const registry = etcd(options);
  registries.push(registry);
  try {
    const lease = await registry.register({ service: 'Arith', instance: { address: 'tcp@a:1', metadata: {} } }, { runtime });
    await lease.release();
    return 'registered';
  } catch (error) {
    return error;
  }
}
const error = (code: string, reason: string, ...says: string[]): unknown => expect.objectContaining({ name: 'RpcError', code, reason, message: expect.stringMatching(new RegExp(says.join('.*'), 's')) as string });

describeWithEtcd('an etcd that wants a password', () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await startEtcd({ rootPassword: 'secret' });
    await server.ask('auth/authenticate', { name: 'root', password: 'secret' }).then(async ({ token }) => {
      await server.ask('auth/user/add', { name: 'ada', password: 'ada' }, String(token));
    });
  });
  afterAll(() => server.stop());

  it('lets in who knows it, and tells the others what to check, with its address', async () => {
    const endpoints = server.address;
    expect(await attempt({ endpoints, username: 'root', password: 'secret' })).toBe('registered');
    expect(await attempt({ endpoints, username: 'root', password: 'wrong' })).toEqual(error('unauthenticated', 'REGISTRY_REFUSED', endpoints, 'check `username` and `password`'));
    expect(await attempt({ endpoints })).toEqual(error('unauthenticated', 'REGISTRY_REFUSED', endpoints, 'set `username` and `password`'));
    expect(await attempt({ endpoints, username: 'ada', password: 'ada' })).toEqual(error('permission_denied', 'REGISTRY_REFUSED', endpoints, 'grant the role'));
  });
});

describeWithEtcd('an etcd with TLS', () => {
  const files = { cert: fixture('server.crt'), key: fixture('server.key') };
  const ca = readFileSync(fixture('ca.crt'));
  let server: EtcdServer;
  let plain: EtcdServer;
  beforeAll(async () => {
    [server, plain] = await Promise.all([startEtcd({ tls: files }), startEtcd()]);
  });
  afterAll(() => Promise.all([server.stop(), plain.stop()]));

  it('is trusted by its authority, and both sides have to speak it', async () => {
    const endpoints = server.address;
    const servername = 'localhost';
    expect(await attempt({ endpoints, tls: { ca, servername } })).toBe('registered');
    expect(await attempt({ endpoints: `https://${endpoints}`, tls: { ca: ca.toString(), servername } })).toBe('registered');
    expect(await attempt({ endpoints, tls: { servername } })).toEqual(error('failed_precondition', 'REGISTRY_UNEXPECTED', endpoints, 'put its authority into tls.ca'));
    expect(await attempt({ endpoints: plain.address, tls: { ca, servername } })).toEqual(error('failed_precondition', 'REGISTRY_UNEXPECTED', plain.address, 'does not speak TLS'));
    expect(await attempt({ endpoints })).toEqual(error('unavailable', 'REGISTRY_UNREACHABLE', endpoints, 'does it want TLS'));
  });
});

describeWithEtcd('an etcd that wants a client certificate', () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await startEtcd({ tls: { cert: fixture('server.crt'), key: fixture('server.key'), ca: fixture('ca.crt') } });
  });
  afterAll(() => server.stop());

  it('lets in who has one', async () => {
    const [ca, cert, key] = ['ca.crt', 'client.crt', 'client.key'].map((name) => readFileSync(fixture(name)));
    expect(await attempt({ endpoints: server.address, tls: { ca, cert, key, servername: 'localhost' } })).toBe('registered');
    expect(await attempt({ endpoints: server.address, tls: { ca, servername: 'localhost' } })).toEqual(error('unauthenticated', 'REGISTRY_REFUSED', server.address, 'set tls.cert and tls.key'));
  });
});

describeWithEtcd('several endpoints', () => {
  it('are tried in turn: one that is dead costs nothing', async () => {
    const server = await startEtcd();
    try {
      for (let count = 0; count < 5; count++) expect(await attempt({ endpoints: ['127.0.0.1:1', server.address] })).toBe('registered');
    } finally {
      await server.stop();
    }
  });
});

describeWithRedis('something else at the port', () => {
  let redis: RegistryServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  const listening = async (server: Server): Promise<string> => {
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    registries.push({ [Symbol.asyncDispose]: () => new Promise((resolve) => { server.close(() => { resolve(); }); }) });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  it('is told apart from an etcd within the deadline', async () => {
    const web = createHttpServer((_, response) => { response.end('<html>'); });
    for (const endpoints of [redis.address, await listening(web)]) expect(await attempt({ endpoints })).toEqual(error('failed_precondition', 'REGISTRY_UNEXPECTED', endpoints, 'is no etcd v3'));
    const cut = await listening(createServer((socket) => { socket.destroy(); }));
    expect(await attempt({ endpoints: cut })).toEqual(error('unavailable', 'REGISTRY_UNREACHABLE', cut, 'cut the connection without a word'));
    const mute = await listening(createServer((socket) => { socket.once('error', () => {}).resume(); }));
    expect(await attempt({ endpoints: mute, timeoutMs: 300 })).toEqual(error('unavailable', 'REGISTRY_UNREACHABLE', mute, 'no answer within 300 ms'));
    expect(await attempt({ endpoints: '127.0.0.1:1' })).toEqual(error('unavailable', 'REGISTRY_UNREACHABLE', '127.0.0.1:1', 'nobody listens there'));
    expect(await attempt({ endpoints: 'nowhere.invalid:2379' })).toEqual(error('unavailable', 'REGISTRY_UNREACHABLE', 'nowhere.invalid', 'does not resolve'));
  });
});
