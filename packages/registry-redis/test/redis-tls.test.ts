import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startRedis, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithRedis } from '@rpcxjs/registry-servers/vitest';
import { forever, storeAt, watching } from './store-at.ts';

const signal = forever;
const key = '/rpcx/Arith/tcp@127.0.0.1:8972';
const fixture = (name: string): string => new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url).pathname;

describeWithRedis('over TLS', () => {
  let server: RegistryServer;
  let plain: RegistryServer;
  let ca: string;
  beforeAll(async () => {
    ca = await readFile(fixture('ca.crt'), 'utf8');
    const tls = ['--tls-cert-file', fixture('server.crt'), '--tls-key-file', fixture('server.key'), '--tls-ca-cert-file', fixture('ca.crt')];
    [server, plain] = await Promise.all([startRedis({ tls: true, args: ['--tls-auth-clients', 'optional', '--requirepass', 'secret', ...tls] }), startRedis()]);
  });
  afterAll(() => Promise.all([server.stop(), plain.stop()]));

  it('everything works over TLS, with a password', async () => {
    await using at = storeAt(server.address, { tls: { ca }, password: 'secret' });
    const watch = watching(at.store, '/rpcx/Arith/');
    expect(await at.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 })).toBe(true);
    await vi.waitFor(() => expect(watch.last()).toEqual({ [key]: 'a=1' }), { timeout: 2000 });
    expect(await at.store.deleteOwned(key, { signal })).toBe(true);
    await watch.stop();
    await using trusting = storeAt(server.address, { tls: { insecureSkipVerify: true }, password: 'secret' });
    expect((await trusting.store.list('/rpcx/', { signal })).size).toBe(0);
  });

  it('a certificate that nobody vouches for, TLS on one side only: a typed error that says what to check', async () => {
    const failure = async (address: string, tls: true | undefined): Promise<unknown> => {
      await using at = storeAt(address, { tls, password: 'secret', timeoutMs: 1000 });
      return await at.store.get(key, { signal }).catch((error: unknown) => error);
    };
    expect(await failure(server.address, true)).toMatchObject({ code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED', address: server.address, message: expect.stringContaining('put that authority into tls.ca') });
    expect(await failure(server.address, undefined)).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', message: expect.stringContaining('does it want TLS') });
    // It waits for the end of a line that never comes.
    expect(await failure(plain.address, true)).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', message: expect.stringContaining('is it a Redis with TLS') });
  });
});
