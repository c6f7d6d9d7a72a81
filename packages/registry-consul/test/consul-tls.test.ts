import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { RpcError } from '@rpcxjs/core';
import { startConsul, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithConsul } from '@rpcxjs/registry-servers/vitest';
import type { ConsulOptions } from '../src/consul-options.ts';
import { forever, storeAt } from './store-at.ts';

const signal = forever;
const fixture = (name: string): string => new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url).pathname;
const pem = (name: string): string => readFileSync(fixture(name), 'utf8');

describeWithConsul('a Consul that speaks HTTPS only, with client certificates', () => {
  let server: RegistryServer;
  beforeAll(async () => {
    server = await startConsul({ tls: { cert: fixture('server.crt'), key: fixture('server.key'), ca: fixture('ca.crt') } });
  }, 60_000);
  afterAll(() => server.stop());

  const ours = (): NonNullable<ConsulOptions['tls']> => ({ ca: pem('ca.crt'), cert: pem('client.crt'), key: pem('client.key') });
  const failure = async (address: string, tls?: ConsulOptions['tls']): Promise<unknown> => {
    await using at = storeAt(address, { tls });
    return await at.store.get('/rpcx', { signal }).catch((error: unknown) => error);
  };

  it('everything works there', { timeout: 30_000 }, async () => {
    await using at = storeAt(`https://${server.address}`, { tls: ours() });
    // It answers before it has a leader, and before its own node is registered.
    await vi.waitFor(async () => expect(await at.store.putOwned('/rpcx/Arith/tcp@a:1', 'weight=3', { signal, ttlMs: 20_000 })).toBe(true), { timeout: 20_000, interval: 100 });
    expect(await at.store.get('/rpcx/Arith/tcp@a:1', { signal })).toMatchObject({ value: 'weight=3', owned: true });
  });

  it('who lacks something is told what: a certificate, the authority, or HTTPS', { timeout: 30_000 }, async () => {
    const { ca, ...certificate } = ours() as { ca: string; cert: string; key: string };
    expect(await failure(`https://${server.address}`, { ca })).toMatchObject({ code: 'unauthenticated', reason: 'REGISTRY_REFUSED', message: expect.stringContaining('set tls.cert and tls.key') as string });
    expect(await failure(`https://${server.address}`, certificate)).toMatchObject({ code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED', message: expect.stringContaining('put that authority into tls.ca') as string });
    const plain = await failure(server.address);
    expect(RpcError.is(plain) && plain.message).toContain('it speaks TLS: write the address with https://');
  });
});
