import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startConsul, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithConsul } from '@rpcxjs/registry-servers/vitest';
import { api, endSession } from './consul-api.ts';
import { forever, storeAt, watching } from './store-at.ts';

const signal = forever;
const ttlMs = 20_000;
const soon = { timeout: 2000, interval: 10 };
const key = '/rpcx/Arith/tcp@a:1';

interface KeyOfConsul {
  readonly Key: string;
  readonly Value: string | null;
  readonly Flags: string;
  readonly Session?: string;
}

describeWithConsul('Consul as a key-value store', () => {
  let server: RegistryServer;
  beforeAll(async () => {
    server = await startConsul();
  }, 60_000);
  afterAll(() => server.stop());

  const keys = async (): Promise<readonly KeyOfConsul[]> => ((await api(server, 'GET', 'kv/?recurse')) ?? []) as readonly KeyOfConsul[]; // as its documentation has it
  const keyOf = async (name: string): Promise<KeyOfConsul | undefined> => (await keys()).find(({ Key }) => Key === name);
  const sessions = async (): Promise<readonly { ID: string; TTL: string; Behavior: string }[]> => (await api(server, 'GET', 'session/list')) as never; // as its documentation has it

  it('writes what libkv writes: no leading slash, the exact flag, one session that takes its keys with it', async () => {
    await using at = storeAt(server.address, { ttlMs: 30_000 });
    await at.store.putPersistent('/rpcx', 'rpcx_path', { signal });
    await at.store.putOwned(key, 'weight=3', { signal, ttlMs });
    await at.store.putOwned('/rpcx/Arith/tcp@b:1', '', { signal, ttlMs });
    expect(await keyOf('rpcx')).toMatchObject({ Value: Buffer.from('rpcx_path').toString('base64') });
    expect(await keyOf('rpcx/Arith/tcp@a:1')).toMatchObject({ Session: at.store.session, Flags: '3304740253564472344' });
    expect((await keyOf('rpcx/Arith/tcp@b:1'))?.Session).toBe(at.store.session);
    expect(await sessions()).toEqual([expect.objectContaining({ ID: at.store.session, TTL: '15000ms', Behavior: 'delete', LockDelay: 0 })]);
    await at.store.close();
    expect(await sessions()).toEqual([]);
    expect((await keys()).map(({ Key }) => Key)).toEqual(['rpcx']);
  });

  it('takes one address over from a session that holds others, and leaves it those', async () => {
    await using old = storeAt(server.address);
    await using young = storeAt(server.address);
    await old.store.putOwned(key, 'old', { signal, ttlMs });
    await old.store.putOwned('/rpcx/Arith/tcp@b:1', 'old', { signal, ttlMs });
    const before = (await old.store.get(key, { signal }))?.version;
    expect(await young.store.putOwned(key, 'young', { signal, ttlMs, ifVersion: before })).toBe(true);
    expect(await old.store.putOwned(key, 'late', { signal, ttlMs, ifVersion: before })).toBe(false);
    expect(await old.store.deleteOwned(key, { signal })).toBe(false);
    await old.store.close();
    expect(Object.fromEntries(await young.store.list('/rpcx/Arith/', { signal }))).toEqual({ [key]: 'young' });
  });

  it('two who take the same key at once end with one of them', async () => {
    await using a = storeAt(server.address);
    await using b = storeAt(server.address);
    await Promise.all(['a', 'b', 'a', 'b'].map((name, at) => (name === 'a' ? a : b).store.putOwned(key, `${name}${at}`, { signal, ttlMs })));
    const owners = await Promise.all([a, b].map(async ({ store }) => (await store.get(key, { signal }))?.owned));
    expect(owners.toSorted()).toEqual([false, true]);
  });

  it('G3: a session that is destroyed by hand is told within its renewal, and the next write has another', { timeout: 15_000 }, async () => {
    await using at = storeAt(server.address);
    await at.store.putOwned(key, '', { signal, ttlMs });
    const before = at.store.session;
    const lost = at.store.sessionLost({ signal })[Symbol.asyncIterator]().next();
    await endSession(server, before);
    expect(await at.store.get(key, { signal })).toBeUndefined();
    expect(await lost).toEqual({ done: false, value: undefined });
    expect(await at.store.putOwned(key, 'again', { signal, ttlMs })).toBe(true);
    expect(at.store.session).not.toBe(before);
    // Unheard of it too.
    await endSession(server, at.store.session);
    expect(await at.store.putOwned(key, 'again', { signal, ttlMs })).toBe(true);
    expect(await at.store.get(key, { signal })).toMatchObject({ owned: true, value: 'again' });
  });

  it('reads what rpcx did not write: binary, null, half a mebibyte, keys that are names of everything', async () => {
    await using at = storeAt(server.address);
    await api(server, 'PUT', 'kv/rpcx/Odd/__proto__', { body: 'x=1' });
    await api(server, 'PUT', 'kv/rpcx/Odd/empty');
    await api(server, 'PUT', 'kv/rpcx/Odd/big', { body: 'a'.repeat(512 * 1024) });
    await api(server, 'PUT', 'kv/rpcx/Odd/binary', { body: '\u0000\uFFFF\u0007' });
    const list = await at.store.list('/rpcx/Odd/', { signal });
    expect([...list].map(([name, value]) => [name.slice('/rpcx/Odd/'.length), value.length])).toEqual([['__proto__', 3], ['big', 524_288], ['binary', 3], ['empty', 0]].toSorted());
    const watch = watching(at.store, '/rpcx/Odd/');
    await vi.waitFor(() => expect(watch.count()).toBe(1), soon);
    await watch.stop();
    expect(await at.store.get('/rpcx/Odd/empty', { signal })).toMatchObject({ value: '', owned: false });
  });

  it('a value that is too large is refused, and nothing else suffers', async () => {
    await using at = storeAt(server.address);
    await expect(at.store.putOwned(key, 'a'.repeat(1024 * 1024), { signal, ttlMs })).rejects.toMatchObject({ code: 'invalid_argument', reason: 'REGISTRY_REFUSED', message: expect.stringContaining('512 KiB') });
    expect(await at.store.putOwned(key, 'a', { signal, ttlMs })).toBe(true);
  });

  it.each(['a\nb', 'a\u0000b', 'a\u00a0b', 'a\u200bb'])('a service whose name no path of a request may have, %j, is watched too', async (service) => {
    await using at = storeAt(server.address);
    const watch = watching(at.store, `/rpcx/${service}/`);
    await vi.waitFor(() => expect(watch.last()).toEqual({}), soon);
    await at.store.putOwned(`/rpcx/${service}/tcp@a:1`, 'x=1', { signal, ttlMs });
    await vi.waitFor(() => expect(watch.last()).toEqual({ [`/rpcx/${service}/tcp@a:1`]: 'x=1' }), soon);
    expect(await watch.stop()).toMatchObject({ message: 'stopped' });
  });

  it('a watch hears changes at once, and says nothing about keys elsewhere', async () => {
    await using at = storeAt(server.address);
    const watch = watching(at.store, '/rpcx/Quiet/');
    await vi.waitFor(() => expect(watch.last()).toEqual({}), soon);
    for (let n = 0; n < 20; n += 1) await at.store.putOwned('/rpcx/Loud/tcp@a:1', String(n), { signal, ttlMs });
    await at.store.putOwned('/rpcx/Quiet/tcp@a:1', 'x=1', { signal, ttlMs });
    await vi.waitFor(() => expect(watch.last()).toEqual({ '/rpcx/Quiet/tcp@a:1': 'x=1' }), soon);
    expect(watch.count()).toBe(2);
    expect(await watch.stop()).toMatchObject({ message: 'stopped' });
  });

  it('600 keys are written and deleted at once, although an agent takes 200 connections of a client', { timeout: 60_000 }, async () => {
    await using at = storeAt(server.address);
    const keys = Array.from({ length: 600 }, (_, n) => `/rpcx/Crowd/tcp@a:${n}`);
    for (const done of await Promise.all(keys.map((one) => at.store.putOwned(one, '', { signal, ttlMs })))) expect(done).toBe(true);
    expect((await at.store.list('/rpcx/Crowd/', { signal })).size).toBe(600);
    for (const done of await Promise.all(keys.map((one) => at.store.deleteOwned(one, { signal })))) expect(done).toBe(true);
    expect((await at.store.list('/rpcx/Crowd/', { signal })).size).toBe(0);
  });

  it('200 services are watched at once, although an agent takes 200 connections of a client', { timeout: 30_000 }, async () => {
    await using at = storeAt(server.address);
    const watches = Array.from({ length: 220 }, (_, n) => watching(at.store, `/rpcx/Many${n}/`));
    await vi.waitFor(() => expect(watches.filter((watch) => watch.count() === 1)).toHaveLength(220), { timeout: 10_000, interval: 50 });
    await at.store.putOwned('/rpcx/Many219/tcp@a:1', 'x=1', { signal, ttlMs });
    await at.store.putOwned('/rpcx/Many0/tcp@a:1', 'x=1', { signal, ttlMs });
    await vi.waitFor(() => expect(watches.filter((watch) => watch.count() === 2)).toHaveLength(2), soon);
    expect(watches[219]?.last()).toEqual({ '/rpcx/Many219/tcp@a:1': 'x=1' });
    await Promise.all(watches.map((watch) => watch.stop()));
  });
});
