import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startRedis, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithRedis } from '@rpcxjs/registry-servers/vitest';
import type { RedisStore } from '../src/redis-store.ts';
import { faultProxy } from '@rpcxjs/testing';
import { forever, storeAt, watching } from './store-at.ts';

const signal = forever;
const key = '/rpcx/Arith/tcp@127.0.0.1:8972';
const soon = { timeout: 4000, interval: 5 };

describeWithRedis('servers that die, freeze and forget', () => {
  let server: RegistryServer;
  beforeEach(async () => {
    server = await startRedis();
  });
  afterEach(() => server.stop());

  /** Counts how often owned keys had to be written again. */
  function sessionsLost(store: RedisStore): { readonly count: () => number; stop(): Promise<unknown> } {
    const stop = new AbortController();
    let count = 0;
    const read = async (): Promise<void> => {
      for await (const _ of store.sessionLost({ signal: stop.signal })) count += 1;
    };
    const ended = read().catch((error: unknown) => error);
    return {
      count: () => count,
      stop: () => {
        stop.abort(new Error('stopped'));
        return ended;
      },
    };
  }

  it('G3: a restart ends watches with an error and the session, without an operation; then all goes on with the same store', async () => {
    await using at = storeAt(server.address);
    const lost = sessionsLost(at.store);
    const watch = watching(at.store, '/rpcx/Arith/');
    await at.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 });
    await vi.waitFor(() => expect(watch.last()).toEqual({ [key]: 'a=1' }), soon);
    await server.kill();
    expect(await watch.ended).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', message: expect.stringMatching(/cannot be watched/) });
    await expect(at.store.get(key, { signal })).rejects.toMatchObject({ reason: 'REGISTRY_UNREACHABLE' });
    expect(lost.count()).toBe(0);
    await server.restart();
    await vi.waitFor(() => expect(lost.count()).toBe(1), soon);
    // The data was kept: what was ours still is.
    expect(await at.store.get(key, { signal })).toMatchObject({ value: 'a=1', owned: true });
    const again = watching(at.store, '/rpcx/Arith/');
    await vi.waitFor(() => expect(again.last()).toEqual({ [key]: 'a=1' }), soon);
    // A server that was started again has forgotten to tell events.
    await at.store.putOwned(key, 'a=2', { signal, ttlMs: 60_000 });
    await vi.waitFor(() => expect(again.last()).toEqual({ [key]: 'a=2' }), soon);
    await again.stop();
    expect(await lost.stop()).toMatchObject({ message: 'stopped' });
  });

  it('a new server without the data is a lost session, and so is what FLUSHALL leaves of an entry', async () => {
    await using at = storeAt(server.address);
    const lost = sessionsLost(at.store);
    await at.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 });
    await server.wipe();
    await vi.waitFor(() => expect(lost.count()).toBe(1), soon);
    expect(await at.store.get(key, { signal })).toBeUndefined();
    expect(await at.store.touchOwned(key, { signal, ttlMs: 60_000 })).toBe(false);

    await at.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 });
    const admin = new Redis(server.port, { disableClientInfo: true });
    await admin.flushall();
    expect(await at.store.touchOwned(key, { signal, ttlMs: 60_000 })).toBe(false);
    expect(lost.count()).toBe(1);
    await admin.quit();
    await lost.stop();
  });

  it('a connection that was cut is no lost session', async () => {
    await using at = storeAt(server.address);
    const lost = sessionsLost(at.store);
    await at.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 });
    const watch = watching(at.store, '/rpcx/Arith/');
    await vi.waitFor(() => expect(watch.last()).toEqual({ [key]: 'a=1' }), soon);
    const admin = new Redis(server.port, { disableClientInfo: true });
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    expect(await watch.ended).toMatchObject({ reason: 'REGISTRY_UNREACHABLE' });
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await vi.waitFor(async () => expect(await at.store.touchOwned(key, { signal, ttlMs: 60_000 })).toBe(true), soon);
    expect(lost.count()).toBe(0);
    await admin.quit();
    await lost.stop();
  });

  it('G7: a frozen server: each operation ends with its signal, the connection is given up, and close does not wait', async () => {
    const at = storeAt(server.address, { timeoutMs: 500 });
    await at.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 });
    server.freeze();
    const late = new AbortController();
    const began = performance.now();
    const warnings: string[] = [];
    const warned = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', warned);
    // Of many, all give up the one connection at the same time.
    const asked: Promise<unknown>[] = Array.from({ length: 20 }, () => at.store.get(key, { signal: late.signal }));
    asked.push(at.store.list('/rpcx/', { signal: late.signal }), at.store.putOwned(key, 'b=1', { signal: late.signal, ttlMs: 1000 }));
    setTimeout(() => late.abort(new Error('late')), 500);
    for (const result of await Promise.allSettled(asked)) expect(result).toMatchObject({ status: 'rejected', reason: { message: 'late' } });
    expect(performance.now() - began).toBeLessThan(1000);
    // The next one dials, and says what is wrong.
    await expect(at.store.get(key, { signal })).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(/no answer within 400 ms.*is it frozen/) });
    process.off('warning', warned);
    expect(warnings).toEqual([]);
    const closing = performance.now();
    await at.store.close();
    expect(performance.now() - closing).toBeLessThan(200);
    server.thaw();
    const admin = new Redis(server.port, { disableClientInfo: true });
    expect(await admin.exists(`/${key}`)).toBe(1);
    await admin.quit();
  });

  const sockets = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;

  it('close settles within a second and a bit when the server froze a moment ago, and at once when it is dead', async () => {
    const before = sockets();
    const at = storeAt(server.address);
    const watch = watching(at.store, '/rpcx/');
    await vi.waitFor(() => expect(watch.last()).toEqual({}), soon);
    await at.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 });
    server.freeze();
    const began = performance.now();
    await at.store.close();
    expect(performance.now() - began).toBeLessThan(1500);
    expect(await watch.ended).toMatchObject({ reason: 'CLOSED' });
    await vi.waitFor(() => expect(sockets()).toBeLessThanOrEqual(before), { timeout: 500, interval: 5 });
    server.thaw();

    const other = storeAt(server.address);
    await other.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 });
    await server.kill();
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    await expect(other.store.get(key, { signal })).rejects.toMatchObject({ reason: 'REGISTRY_UNREACHABLE' });
    const few = timers();
    const closing = performance.now();
    await other.store.close();
    expect(performance.now() - closing).toBeLessThan(200);
    // ioredis would wait 2 s for the end of what had ended.
    for (let refused = 0; refused < 20; refused++) {
      const { store } = storeAt(server.address);
      await store.get(key, { signal }).catch(() => {});
      await store.close();
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(timers()).toBeLessThan(few + 10);
  });

  it('a store that was never used, and one that is still connecting, close and leave nothing', async () => {
    await storeAt(server.address).store.close();
    const at = storeAt(server.address);
    const asked = at.store.get(key, { signal });
    const watch = watching(at.store, '/rpcx/');
    await at.store.close();
    await expect(asked).rejects.toMatchObject({ reason: 'CLOSED' });
    expect(await watch.ended).toMatchObject({ reason: 'CLOSED' });
  });

  it('G7: a network that swallows everything for a while, and gives bytes one by one', async () => {
    await using proxy = await faultProxy({ target: server.address });
    await using at = storeAt(proxy.address.host, { timeoutMs: 500 });
    const lost = sessionsLost(at.store);
    proxy.toServer.set({ sliceBytes: 7 });
    proxy.toClient.set({ sliceBytes: 7 });
    const watch = watching(at.store, '/rpcx/Arith/');
    await at.store.putOwned(key, 'a=1', { signal, ttlMs: 60_000 });
    await vi.waitFor(() => expect(watch.last()).toEqual({ [key]: 'a=1' }), soon);
    for (const direction of [proxy.toServer, proxy.toClient]) direction.set({ blackHole: true });
    const late = new AbortController();
    setTimeout(() => late.abort(new Error('late')), 400);
    await expect(at.store.touchOwned(key, { signal: late.signal, ttlMs: 60_000 })).rejects.toThrow('late');
    await expect(at.store.get(key, { signal })).rejects.toMatchObject({ reason: 'REGISTRY_UNREACHABLE' });
    proxy.resetAll();
    for (const direction of [proxy.toServer, proxy.toClient]) direction.set({});
    expect(await watch.ended).toMatchObject({ reason: 'REGISTRY_UNREACHABLE' });
    await vi.waitFor(async () => expect(await at.store.touchOwned(key, { signal, ttlMs: 60_000 })).toBe(true), soon);
    expect(lost.count()).toBe(0);
    await lost.stop();
  });

  it('G7: events that come no more are noticed on their own connection', async () => {
    await using at = storeAt(server.address, { timeoutMs: 300 });
    const watch = watching(at.store, '/rpcx/');
    await vi.waitFor(() => expect(watch.last()).toEqual({}), soon);
    server.freeze();
    const began = performance.now();
    expect(await watch.ended).toMatchObject({ reason: 'REGISTRY_UNREACHABLE' });
    expect(performance.now() - began).toBeLessThan(8000);
    server.thaw();
  });
});
