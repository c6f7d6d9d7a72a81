import { expect, it, vi } from 'vitest';
import { consoleLogger, systemClock } from '@rpcxjs/core';
import { startConsul } from '@rpcxjs/registry-servers';
import { describeWithConsul } from '@rpcxjs/registry-servers/vitest';
import { consul } from '../src/consul.ts';
import { api } from './consul-api.ts';
import { forever, storeAt, watching } from './store-at.ts';

const signal = forever;
const ttlMs = 20_000;
const key = '/rpcx/Arith/tcp@a:1';
const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };

describeWithConsul('a Consul in trouble', () => {
  it('a restart keeps session and keys; wiped, the session is told to be lost', { timeout: 60_000 }, async () => {
    await using server = await startConsul();
    await using at = storeAt(server.address);
    await at.store.putOwned(key, 'x=1', { signal, ttlMs });
    const before = at.store.session;
    const watch = watching(at.store, '/rpcx/Arith/');
    await vi.waitFor(() => expect(watch.count()).toBe(1));
    await server.restart();
    expect(await watch.ended).toMatchObject({ reason: 'REGISTRY_UNREACHABLE', address: server.address });
    expect(await at.store.get(key, { signal })).toMatchObject({ value: 'x=1', owned: true });
    expect(at.store.session).toBe(before);
    const lost = at.store.sessionLost({ signal })[Symbol.asyncIterator]().next();
    await server.wipe();
    expect(await lost).toMatchObject({ done: false });
    expect(await at.store.putOwned(key, 'x=2', { signal, ttlMs })).toBe(true);
    expect(at.store.session).not.toBe(before);
  });

  it('frozen, close() settles within two seconds; dead, at once', { timeout: 60_000 }, async () => {
    await using server = await startConsul();
    const [frozen, dead] = [storeAt(server.address), storeAt(server.address)];
    for (const { store } of [frozen, dead]) await store.putOwned(key, '', { signal, ttlMs });
    const watch = watching(frozen.store, '/rpcx/Arith/');
    await vi.waitFor(() => expect(watch.count()).toBe(1));
    server.freeze();
    const began = performance.now();
    await frozen.store.close();
    expect(performance.now() - began).toBeLessThan(2000);
    expect(await watch.ended).toMatchObject({ reason: 'CLOSED' });
    await server.kill();
    await dead.store.close();
    await expect(dead.store.putOwned(key, '', { signal, ttlMs })).rejects.toMatchObject({ reason: 'CLOSED' });
  });

  it('a server that comes back on its address takes it over at once, and keeps it when the session before it ends', { timeout: 60_000 }, async () => {
    await using server = await startConsul();
    const instance = { address: 'tcp@a:1', metadata: { weight: '3' } };
    const crashed = storeAt(server.address);
    await crashed.store.putOwned(key, 'weight=1', { signal, ttlMs });
    const before = crashed.store.session;
    crashed.store.abandon();
    await using registry = consul({ address: server.address, ttlMs });
    await registry.register({ service: 'Arith', instance }, { runtime });
    await api(server, 'PUT', `session/destroy/${before}`);
    const [found] = (await api(server, 'GET', 'kv/rpcx/Arith/tcp@a:1')) as [{ readonly Value: string }]; // as its documentation has it
    expect(Buffer.from(found.Value, 'base64').toString()).toBe('weight=3');
    await registry.close();
    expect(await api(server, 'GET', 'kv/rpcx/Arith/tcp@a:1')).toBeUndefined();
    expect(await api(server, 'GET', 'session/list')).toEqual([]);
  });
});
