import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { startRedis, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithRedis } from '@rpcxjs/registry-servers/vitest';
import { writeStored } from '../src/stored-value.ts';
import { forever, storeAt, watching } from './store-at.ts';

const signal = forever;
const key = '/rpcx_test/Arith/tcp@127.0.0.1:8972';
const soon = { timeout: 2000, interval: 5 };

describeWithRedis('what a store reads and writes', () => {
  let server: RegistryServer;
  let admin: Redis;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    admin = new Redis(server.port, { disableClientInfo: true });
    await admin.flushall();
    return () => admin.quit();
  });

  it('keys and values stand as rpcx-redis writes them: base and service for ever, an instance for its time', async () => {
    await using at = storeAt(server.address);
    await at.store.putPersistent('/rpcx_test', 'rpcx_path', { signal });
    await at.store.putOwned(key, 'weight=3', { signal, ttlMs: 20_000.5 });
    expect(await admin.get('//rpcx_test')).toMatch(/^\{"Key":"\/rpcx_test","Value":"cnBjeF9wYXRo","LastIndex":\d{1,9}\}$/);
    expect(await admin.pttl('//rpcx_test')).toBe(-1);
    expect(await admin.get(`/${key}`)).toMatch(/^\{"Key":"\/rpcx_test\/Arith\/tcp@127.0.0.1:8972","Value":"d2VpZ2h0PTM=","LastIndex":\d{1,9}\}$/);
    expect(await admin.pttl(`/${key}`)).toBeGreaterThan(19_000);
    expect((await admin.keys('*')).sort()).toEqual(['//rpcx_test', `/${key}`, `rpcxjs:owner@/${key}`].sort());
    expect(await admin.pttl(`rpcxjs:owner@/${key}`)).toBeGreaterThan(19_000);
  });

  it('an existing persistent key is left alone, whatever it is', async () => {
    await using at = storeAt(server.address);
    await admin.hset('//rpcx_test', 'a', '1');
    await at.store.putPersistent('/rpcx_test', 'rpcx_path', { signal });
    expect(await admin.type('//rpcx_test')).toBe('hash');
  });

  it('a key belongs to who wrote it last with a store of its own; what Go writes stays ours', async () => {
    await using one = storeAt(server.address);
    await using other = storeAt(server.address);
    expect(await one.store.get(key, { signal })).toBeUndefined();
    expect(await one.store.touchOwned(key, { signal, ttlMs: 1000 })).toBe(false);
    expect(await one.store.deleteOwned(key, { signal })).toBe(false);
    await one.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 });
    expect(await one.store.get(key, { signal })).toMatchObject({ value: 'a=1', owned: true });
    expect(await other.store.get(key, { signal })).toMatchObject({ value: 'a=1', owned: false });
    expect(await other.store.touchOwned(key, { signal, ttlMs: 1000 })).toBe(false);
    expect(await other.store.deleteOwned(key, { signal })).toBe(false);

    // As libkv's Put without a TTL: the time is gone, until we touch it.
    await admin.set(`/${key}`, writeStored(key, 'a=1&state=inactive', 5));
    expect(await one.store.get(key, { signal })).toMatchObject({ value: 'a=1&state=inactive', owned: true });
    expect(await one.store.touchOwned(key, { signal, ttlMs: 30_000 })).toBe(true);
    expect(await admin.pttl(`/${key}`)).toBeGreaterThan(29_000);

    await other.store.putOwned(key, 'a=2', { signal, ttlMs: 60_000 });
    expect(await one.store.get(key, { signal })).toMatchObject({ value: 'a=2', owned: false });
    expect(await one.store.deleteOwned(key, { signal })).toBe(false);
    expect(await other.store.deleteOwned(key, { signal })).toBe(true);
    expect(await admin.keys('*')).toEqual([]);
  });

  it('what was changed since it was read is not written over', async () => {
    await using at = storeAt(server.address);
    await at.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 });
    const first = await at.store.get(key, { signal });
    expect(await at.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000, ifVersion: first?.version })).toBe(true);
    expect((await at.store.get(key, { signal }))?.version).not.toBe(first?.version);
    expect(await at.store.putOwned(key, 'a=3', { signal, ttlMs: 60_000, ifVersion: first?.version })).toBe(false);
    expect((await at.store.get(key, { signal }))?.value).toBe('a=1');
    await admin.del(`/${key}`);
    expect(await at.store.putOwned(key, 'a=3', { signal, ttlMs: 60_000, ifVersion: first?.version })).toBe(false);
    await admin.lpush(`/${key}`, 'a list');
    expect(await at.store.putOwned(key, 'a=3', { signal, ttlMs: 60_000, ifVersion: first?.version })).toBe(false);
    expect(await at.store.putOwned(key, 'a=3', { signal, ttlMs: 60_000 })).toBe(true);
  });

  it('a list holds what begins with the prefix and nothing else, whatever the names are', async () => {
    await using at = storeAt(server.address);
    const names = ['Arith', 'Arith2', 'Ar*th', 'Ar?th', 'Ar[i]th', String.raw`Ar\th`, 'Arïth 😀', '__proto__', 'a/b', 'a'];
    for (const name of names) await at.store.putOwned(`/rpcx/${name}/tcp@h:1`, name, { signal, ttlMs: 60_000 });
    for (const name of names) {
      const expected = Object.fromEntries([[`/rpcx/${name}/tcp@h:1`, name], ...(name === 'a' ? [['/rpcx/a/b/tcp@h:1', 'a/b']] : [])]);
      expect(Object.fromEntries(await at.store.list(`/rpcx/${name}/`, { signal }))).toEqual(expected);
      const watch = watching(at.store, `/rpcx/${name}/`);
      await vi.waitFor(() => expect(watch.last()).toEqual(expected), soon);
      await at.store.putOwned(`/rpcx/${name}/tcp@h:1`, 'new', { signal, ttlMs: 60_000 });
      await vi.waitFor(() => expect(watch.last()?.[`/rpcx/${name}/tcp@h:1`]).toBe('new'), soon);
      await watch.stop();
      await at.store.putOwned(`/rpcx/${name}/tcp@h:1`, name, { signal, ttlMs: 60_000 });
    }
    expect((await at.store.list('/rpcx/', { signal })).size).toBe(names.length);
    expect(await at.store.list('/nothing/', { signal })).toEqual(new Map());
  });

  it('G10: what is no value of rpcx is left out with one warning, the rest is read', async () => {
    await using at = storeAt(server.address);
    await admin.hset('//rpcx/S/hash', 'a', '1');
    await admin.lpush('//rpcx/S/list', 'a');
    await admin.mset('//rpcx/S/text', 'weight=3', '//rpcx/S/half', '{"Key":"/rpcx/S/half","Value":"YQ', '//rpcx/S/base64', '{"Key":"/k","Value":"%%%","LastIndex":1}');
    await admin.set('//rpcx/S/bytes', Buffer.from([0xff, 0xfe, 0]));
    await admin.set(Buffer.concat([Buffer.from('//rpcx/S/'), Buffer.from([0xff])]), 'x');
    await admin.set('//rpcx/S/large', writeStored('/rpcx/S/large', 'x'.repeat(1 << 20), 1));
    await admin.set('//rpcx/S/good', writeStored('/somewhere/else', 'a=1', 1));
    const list = await at.store.list('/rpcx/S/', { signal });
    expect([...list.keys()].sort()).toEqual(['/rpcx/S/good', '/rpcx/S/large']);
    expect(list.get('/rpcx/S/good')).toBe('a=1');
    const watch = watching(at.store, '/rpcx/S/');
    await vi.waitFor(() => expect(Object.keys(watch.last() ?? {}).sort()).toEqual(['/rpcx/S/good', '/rpcx/S/large']), soon);
    for (const name of ['hash', 'list', 'text']) expect(await at.store.get(`/rpcx/S/${name}`, { signal })).toBeUndefined();
    await admin.set('//rpcx/S/good', 'broken');
    await vi.waitFor(() => expect(Object.keys(watch.last() ?? {})).toEqual(['/rpcx/S/large']), soon);
    await watch.stop();
    expect(at.warnings).toEqual([expect.stringMatching(/^what stands in the key "\/\/rpcx\/S\/\w+" was not written by rpcx and is left out: /)]);
  });

  it('a watch says all at once, then each change, and nothing when only the time of a key began anew', async () => {
    await using at = storeAt(server.address);
    const watch = watching(at.store, '/rpcx_test/Arith/');
    await vi.waitFor(() => expect(watch.last()).toEqual({}), soon);
    await at.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 });
    await vi.waitFor(() => expect(watch.last()).toEqual({ [key]: 'a=1' }), soon);
    await admin.set(`/${key}`, writeStored(key, 'a=2', 1), 'EX', 60);
    await vi.waitFor(() => expect(watch.last()).toEqual({ [key]: 'a=2' }), soon);
    const spoken = watch.count();
    await admin.config('RESETSTAT');
    for (let i = 0; i < 20; i++) await at.store.touchOwned(key, { signal, ttlMs: 60_000 });
    await admin.set('//rpcx_test/Arith/tcp@later:1', writeStored(key, 'b=1', 1));
    await vi.waitFor(() => expect(watch.count()).toBe(spoken + 1), soon);
    expect(await admin.info('commandstats')).toContain('cmdstat_pttl:calls=1,');
    await admin.del('//rpcx_test/Arith/tcp@later:1');
    await vi.waitFor(() => expect(watch.count()).toBe(spoken + 2), soon);
    await admin.set(`/${key}`, writeStored(key, 'a=2', 2), 'EX', 60);
    await admin.rename(`/${key}`, '//rpcx_test/Arith/tcp@other:1');
    await vi.waitFor(() => expect(watch.last()).toEqual({ '/rpcx_test/Arith/tcp@other:1': 'a=2' }), soon);
    // Names are read before values: a list may be read just as the one is renamed, and lack it.
    expect([spoken + 3, spoken + 4]).toContain(watch.count());
    expect(await watch.stop()).toMatchObject({ message: 'stopped' });
  });

  it('a burst of a hundred changes is read once or twice', async () => {
    await using at = storeAt(server.address);
    const watch = watching(at.store, '/rpcx/S/');
    await vi.waitFor(() => expect(watch.last()).toEqual({}), soon);
    await admin.config('RESETSTAT');
    const burst = admin.pipeline();
    for (let i = 0; i < 100; i++) burst.set(`//rpcx/S/tcp@h:${i}`, writeStored('/k', `n=${i}`, 1));
    await burst.exec();
    await vi.waitFor(() => expect(Object.keys(watch.last() ?? {})).toHaveLength(100), soon);
    const reads = async (): Promise<number> => Number(/cmdstat_mget:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1]);
    expect(await reads()).toBeLessThanOrEqual(2);

    // One after the other, faster than they are gathered.
    await admin.config('RESETSTAT');
    for (let i = 0; i < 100; i++) await admin.set(`//rpcx/S/tcp@h:${i}`, writeStored('/k', `m=${i}`, 1));
    await vi.waitFor(() => expect(watch.last()?.['/rpcx/S/tcp@h:99']).toBe('m=99'), soon);
    expect(await reads()).toBeLessThanOrEqual(20);
    expect(await admin.info('commandstats')).not.toContain('cmdstat_scan');
    await watch.stop();
  });

  it('G11: what nobody keeps alive is gone from a watch in its time, although Redis does not say so', async () => {
    await using lazy = await startRedis({ args: ['--enable-debug-command', 'yes'] });
    const other = new Redis(lazy.port, { disableClientInfo: true });
    // Redis looks for keys whose time is over now and then; here only when somebody asks for them.
    await other.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
    await using at = storeAt(lazy.address);
    const watch = watching(at.store, '/rpcx_test/Arith/');
    await vi.waitFor(() => expect(watch.last()).toEqual({}), soon);
    await at.store.putOwned(key, 'a=1', { signal, ttlMs: 300 });
    await at.store.putOwned(`${key}0`, 'a=1', { signal, ttlMs: 300 });
    await vi.waitFor(() => expect(watch.last()).toEqual({ [key]: 'a=1', [`${key}0`]: 'a=1' }), soon);
    const began = performance.now();
    expect(await at.store.touchOwned(`${key}0`, { signal, ttlMs: 60_000 })).toBe(true);
    await vi.waitFor(() => expect(watch.last()).toEqual({ [`${key}0`]: 'a=1' }), soon);
    expect(performance.now() - began).toBeLessThan(1500);
    await watch.stop();
    await other.quit();
  });

  it('one connection tells the events of all services, and is left with the last of them', async () => {
    await using at = storeAt(server.address);
    const watches = Array.from({ length: 20 }, (_, i) => watching(at.store, `/rpcx/S${i}/`));
    await vi.waitFor(() => expect(watches.every((watch) => watch.count() === 1)).toBe(true), soon);
    const clients = async (kind: string): Promise<number> => String(await admin.call('CLIENT', 'LIST', 'TYPE', kind)).trim().split('\n').filter((line) => line !== '').length;
    expect(await clients('pubsub')).toBe(1);
    expect(await clients('normal')).toBe(2); // the admin's, and the store's
    await admin.set('//rpcx/S7/tcp@h:1', writeStored('/k', 'a=1', 1));
    await vi.waitFor(() => expect(watches[7]?.last()).toEqual({ '/rpcx/S7/tcp@h:1': 'a=1' }), soon);
    expect(watches.filter((watch) => watch.count() > 1)).toHaveLength(1);
    await Promise.all(watches.map((watch) => watch.stop()));
    await vi.waitFor(async () => expect(await clients('pubsub')).toBe(0), soon);
  });

  it('another database has keys and events of its own', async () => {
    await using at = storeAt(server.address, { database: 3 });
    const watch = watching(at.store, '/rpcx_test/Arith/');
    await at.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 });
    await vi.waitFor(() => expect(watch.last()).toEqual({ [key]: 'a=1' }), soon);
    expect(await admin.keys('*')).toEqual([]);
    await watch.stop();
  });

  it('events that Redis does not tell yet are turned on, and nothing else is turned off', async () => {
    await admin.config('SET', 'notify-keyspace-events', 'Elm');
    await using at = storeAt(server.address);
    const watch = watching(at.store, '/rpcx_test/Arith/');
    await vi.waitFor(() => expect(watch.last()).toEqual({}), soon);
    const [, flags = ''] = Object.values(await admin.config('GET', 'notify-keyspace-events')).map(String);
    expect([...flags].sort().join('')).toBe([...'$EKeglmx'].sort().join(''));
    await watch.stop();

    // What Go asks for is enough.
    await admin.config('SET', 'notify-keyspace-events', 'KEA');
    await admin.config('RESETSTAT');
    const again = watching(at.store, '/rpcx_test/Arith/');
    await vi.waitFor(() => expect(again.last()).toEqual({}), soon);
    expect(await admin.info('commandstats')).not.toContain('cmdstat_config|set');
    await again.stop();
  });

  it('every operation ends with its signal', async () => {
    await using at = storeAt(server.address);
    const over = AbortSignal.abort(new Error('given up'));
    const { store } = at;
    for (const work of [
      store.get(key, { signal: over }), store.list('/rpcx/', { signal: over }), store.putPersistent('/rpcx', 'x', { signal: over }), store.putOwned(key, '', { signal: over, ttlMs: 1000 }),
      store.touchOwned(key, { signal: over, ttlMs: 1000 }), store.deleteOwned(key, { signal: over }), store.watch('/rpcx/', { signal: over }).next(), store.sessionLost({ signal: over }).next(),
    ]) await expect(work).rejects.toThrow('given up');
  });

  it('close deletes what is ours and nothing else, and leaves no connection', async () => {
    await using other = storeAt(server.address);
    const at = storeAt(server.address);
    const watch = watching(at.store, '/rpcx/');
    for (const name of ['mine', 'theirs', 'gone']) await at.store.putOwned(`/rpcx/S/${name}`, '', { signal, ttlMs: 60_000 });
    await other.store.putOwned('/rpcx/S/theirs', '', { signal, ttlMs: 60_000 });
    await at.store.deleteOwned('/rpcx/S/gone', { signal });
    await admin.set('//rpcx/S/gone', writeStored('/rpcx/S/gone', '', 1));
    await Promise.all([at.store.close(), at.store.close()]);
    expect((await admin.keys('//*')).sort()).toEqual(['//rpcx/S/gone', '//rpcx/S/theirs']);
    expect(await watch.ended).toMatchObject({ reason: 'CLOSED' });
    await expect(at.store.get(key, { signal })).rejects.toMatchObject({ reason: 'CLOSED' });
    await vi.waitFor(async () => expect(String(await admin.client('LIST')).trim().split('\n')).toHaveLength(2), soon);
  });

  it('what was abandoned stays until its time is over', async () => {
    await using at = storeAt(server.address);
    await at.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 });
    at.store.abandon();
    await at.store.close();
    expect(await admin.exists(`/${key}`)).toBe(1);
  });
});
