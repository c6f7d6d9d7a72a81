import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { systemClock, type Lease, type Logger } from '@rpcxjs/core';
import type { KeyValueRegistry } from '@rpcxjs/registry-kit';
import { startRedis, startZooKeeper, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithRedis, describeWithZooKeeper } from '@rpcxjs/registry-servers/vitest';
import { resolveZooKeeperOptions, type ZooKeeperOptions } from '../src/zookeeper-options.ts';
import { ZooKeeperStore } from '../src/zookeeper-store.ts';
import { zookeeper } from '../src/zookeeper.ts';
import { Eavesdropper } from './eavesdropper.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});
const keep = <T extends AsyncDisposable>(what: T): T => {
  open.push(what);
  return what;
};
const { signal } = new AbortController();

class House {
  readonly said: string[] = [];
  readonly logger: Logger = { debug() {}, info: (_, text) => void this.said.push(text), warn: (_, text) => void this.said.push(text), error: (_, text) => void this.said.push(text), child: () => this.logger };
  readonly runtime = { clock: systemClock, logger: this.logger };
  readonly server: RegistryServer;
  constructor(server: RegistryServer) {
    this.server = server;
  }
  registry(options: ZooKeeperOptions = {}): KeyValueRegistry {
    return keep(zookeeper({ servers: this.server.address, sessionTimeoutMs: 4000, ...options }));
  }
  store(options: ZooKeeperOptions = {}): ZooKeeperStore {
    const { address } = this.server;
    const store = new ZooKeeperStore({ options: resolveZooKeeperOptions({ servers: address, sessionTimeoutMs: 4000, ...options }), where: address, runtime: this.runtime, timeoutMs: 2000 });
    keep({ [Symbol.asyncDispose]: () => store.close() });
    return store;
  }
  register(registry: KeyValueRegistry, address: string): Promise<Lease> {
    return registry.register({ service: 'Arith', instance: { address, metadata: {} } }, { runtime: this.runtime });
  }
  watch(registry: KeyValueRegistry): string[] {
    const lists: string[] = [];
    const controller = new AbortController();
    keep({ [Symbol.asyncDispose]: async () => controller.abort() });
    void (async () => {
      for await (const list of registry.watch('Arith', { signal: controller.signal, runtime: this.runtime })) lists.push(list.map(({ address, metadata }) => [address.replace(/^tcp@(.*):1$/, '$1'), ...Object.values(metadata)].join('=')).join(' '));
    })();
    return lists;
  }
}
async function house(): Promise<House> {
  return new House(keep(await startZooKeeper()));
}
const instance = '/rpcx/Arith/tcp@a:1';

describeWithZooKeeper('a ZooKeeper in trouble', () => {
  it('hears when data change, which Go does not, and when members do', { timeout: 20_000 }, async () => {
    const here = await house();
    const store = here.store();
    const lists = here.watch(here.registry());
    await vi.waitFor(() => expect(lists).toEqual(['']), { timeout: 5000 });
    await store.putOwned(instance, 'weight=3', { signal, ttlMs: 4000 });
    await vi.waitFor(() => expect(lists.at(-1)).toBe('a=3'));
    await store.putOwned(instance, 'weight=5', { signal, ttlMs: 4000 });
    await vi.waitFor(() => expect(lists.at(-1)).toBe('a=5'));
    await store.deleteOwned(instance, { signal });
    await vi.waitFor(() => expect(lists.at(-1)).toBe(''));
  });

  it('G3: frozen for twice its session time it is noticed within that, and everything stands again under the session of now', { timeout: 60_000 }, async () => {
    const here = await house();
    const [registry, watched, looking] = [here.registry({ timeoutMs: 2000 }), here.registry({ timeoutMs: 2000 }), here.store()];
    await here.register(registry, 'tcp@a:1');
    const lists = here.watch(watched);
    await vi.waitFor(() => expect(lists.at(-1)).toBe('a'), { timeout: 5000 });
    const frozen = performance.now();
    here.server.freeze();
    await vi.waitFor(() => expect(here.said.some((text) => text.includes('does not answer'))).toBe(true), { timeout: 10_000 });
    expect(performance.now() - frozen).toBeLessThan(4000 + 2000);
    await new Promise((resolve) => { setTimeout(resolve, Math.max(0, 8000 - (performance.now() - frozen))); });
    here.server.thaw();
    await vi.waitFor(() => expect(here.said.filter((text) => text.includes('answers again')).length).toBeGreaterThan(1), { timeout: 20_000 });
    await vi.waitFor(async () => expect((await looking.get(instance, { signal }))?.value).toBe(''), { timeout: 15_000, interval: 100 });
    // Nothing of the old session is left that could take it away later.
    await vi.waitFor(() => expect(lists.at(-1)).toBe('a'), { timeout: 10_000 });
    await registry.close();
    expect(await looking.get(instance, { signal })).toBeUndefined();
  });

  it('G3b: takes the node of an older session in one step, so that nobody sees it missing', { timeout: 20_000 }, async () => {
    const here = await house();
    const [older, newer] = [here.store(), here.store()];
    await older.putOwned(instance, 'weight=1', { signal, ttlMs: 4000 });
    const lists = here.watch(here.registry());
    await vi.waitFor(() => expect(lists).toEqual(['a=1']), { timeout: 5000 });
    await newer.putOwned(instance, 'weight=2', { signal, ttlMs: 4000 });
    expect(await older.get(instance, { signal })).toMatchObject({ value: 'weight=2', owned: false });
    expect(await older.deleteOwned(instance, { signal })).toBe(false);
    await older.close();
    expect(await newer.get(instance, { signal })).toMatchObject({ value: 'weight=2', owned: true });
    await vi.waitFor(() => expect(lists.at(-1)).toBe('a=2'));
  });

  it('keeps its session over a restart', { timeout: 30_000 }, async () => {
    const here = await house();
    const [registry, looking] = [here.registry({ sessionTimeoutMs: 10_000 }), here.store()];
    await here.register(registry, 'tcp@a:1');
    const before = await looking.get(instance, { signal });
    await here.server.restart();
    await here.register(registry, 'tcp@b:1');
    expect(await looking.get(instance, { signal })).toEqual(before);
  });

  it('wiped and started again it has everything again', { timeout: 30_000 }, async () => {
    const here = await house();
    const registry = here.registry({ ttlMs: 6000 });
    await here.register(registry, 'tcp@a:1');
    const lists = here.watch(here.registry());
    await vi.waitFor(() => expect(lists.at(-1)).toBe('a'), { timeout: 5000 });
    await here.server.wipe();
    const looking = here.store();
    await vi.waitFor(async () => expect((await looking.get(instance, { signal }))?.value).toBe(''), { timeout: 12_000, interval: 100 });
    await vi.waitFor(() => expect(lists.at(-1)).toBe('a'), { timeout: 12_000 });
  });

  it('closes in a second, whether it is frozen or gone', { timeout: 20_000 }, async () => {
    const here = await house();
    const closing = async (hurt: () => unknown): Promise<number> => {
      const registry = here.registry();
      await here.register(registry, 'tcp@a:1');
      await hurt();
      const began = performance.now();
      await registry.close();
      return performance.now() - began;
    };
    expect(await closing(() => here.server.freeze())).toBeLessThan(2500);
    here.server.thaw();
    expect(await closing(() => here.server.kill())).toBeLessThan(2500);
  });

  it('guards what it makes, lets in who may, and tells the others what to check', { timeout: 20_000 }, async () => {
    const here = await house();
    const auth = { scheme: 'digest', credentials: 'ada:secret' };
    const acl = [{ scheme: 'auth', id: '', permissions: 'rwcda' }];
    await here.register(here.registry({ auth, acl }), 'tcp@a:1');
    const refused = expect.objectContaining({ code: 'permission_denied', reason: 'REGISTRY_REFUSED', message: expect.stringMatching(new RegExp(`^zookeeper at ${here.server.address} cannot .*NO_AUTH.*set \`auth\``)) as string }) as Error;
    await expect(here.register(here.registry(), 'tcp@b:1')).rejects.toEqual(refused);
    await expect(here.store().list('/rpcx/Arith/', { signal })).rejects.toEqual(refused);
    const lists = here.watch(here.registry({ auth }));
    await vi.waitFor(() => expect(lists).toEqual(['a']), { timeout: 5000 });
    await expect(here.register(here.registry({ auth: { scheme: 'nonsense', credentials: 'x' } }), 'tcp@b:1')).rejects.toMatchObject({ code: 'unauthenticated', reason: 'REGISTRY_REFUSED' });
  });

  it('leaves out an instance that it may not read, with one warning, and refuses when it may read none', { timeout: 20_000 }, async () => {
    const here = await house();
    const ada = here.store({ auth: { scheme: 'digest', credentials: 'ada:secret' }, acl: [{ scheme: 'auth', id: '', permissions: 'rwcda' }] });
    const anyone = here.store();
    await anyone.putPersistent('/rpcx/Arith', 'Arith', { signal });
    await ada.putOwned(instance, 'weight=1', { signal, ttlMs: 4000 });
    await expect(anyone.list('/rpcx/Arith/', { signal })).rejects.toMatchObject({ code: 'permission_denied' });
    await anyone.putOwned('/rpcx/Arith/tcp@b:1', 'weight=2', { signal, ttlMs: 4000 });
    expect([...await anyone.list('/rpcx/Arith/', { signal })]).toEqual([['/rpcx/Arith/tcp@b:1', 'weight=2']]);
    const lists = here.watch(here.registry());
    await vi.waitFor(() => expect(lists).toEqual(['b=2']), { timeout: 5000 });
    await anyone.putOwned('/rpcx/Arith/tcp@b:1', 'weight=3', { signal, ttlMs: 4000 });
    await vi.waitFor(() => expect(lists.at(-1)).toBe('b=3'));
    const told = expect.stringMatching(/does not let us read \/rpcx\/Arith\/tcp@a:1; its neighbours are used: set `auth`/) as string;
    expect(here.said).toEqual([told, told]); // by each of two
    await ada.deleteOwned(instance, { signal });
    expect([...(await anyone.list('/rpcx/Arith/', { signal })).keys()]).toEqual(['/rpcx/Arith/tcp@b:1']);
  });

  it('reads values of a megabyte and of any bytes, and uses the others', { timeout: 20_000 }, async () => {
    const here = await house();
    const store = here.store();
    const mega = 'x'.repeat(1024 * 1024 - 300);
    await store.putOwned(instance, 'weight=1', { signal, ttlMs: 4000 });
    for (const [name, value] of [['tcp@mega:1', mega], ['tcp@bytes:1', '\0\u0001%zz=&='], ['__proto__', 'weight=-1'], ['nonsense', '']] as const) await store.putPersistent(`/rpcx/Arith/${name}`, value, { signal });
    expect((await store.list('/rpcx/Arith/', { signal })).get('/rpcx/Arith/tcp@mega:1')).toBe(mega);
    const lists = here.watch(here.registry());
    await vi.waitFor(() => expect(lists.at(-1)?.split(' ')[0]).toBe('a=1'), { timeout: 5000 });
    expect(here.said).toEqual([expect.stringContaining('the registry says what cannot be used below /rpcx/Arith/')]);
  });

  it('gives up an opening that hangs in half the time of an operation, and the next one finds a ZooKeeper that works', { timeout: 20_000 }, async () => {
    const here = await house();
    const between = keep(await Eavesdropper.before(here.server.port));
    between.swallow(1);
    const store = here.store({ servers: between.address });
    await expect(store.get('/', { signal })).rejects.toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', message: expect.stringContaining('no answer within 1000 ms') as string });
    expect(await store.get('/', { signal })).toMatchObject({ owned: false });
  });

  it('has no names for socket files, dots and control characters, and says so', { timeout: 20_000 }, async () => {
    const here = await house();
    const registry = here.registry();
    await expect(here.register(registry, 'unix@/run/a.sock')).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('advertise a TCP address') as string });
    await expect(registry.register({ service: '..', instance: { address: 'tcp@a:1', metadata: {} } }, { runtime: here.runtime })).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('no "." or ".."') as string });
    for (const service of ['a\nb', '\u0000', '\u{1F600}', '/a', 'a/', 'a//b']) {
      const refused = registry.register({ service, instance: { address: 'tcp@a:1', metadata: {} } }, { runtime: here.runtime });
      await expect(refused, JSON.stringify(service)).rejects.toMatchObject({ code: 'invalid_argument', reason: 'REGISTRY_REFUSED', message: expect.stringContaining('choose another service') as string });
    }
  });
});

describeWithRedis('something else at the port of a ZooKeeper', () => {
  it('is told apart within the deadline', { timeout: 20_000 }, async () => {
    const redis = keep(await startRedis());
    const listening = async (server: Server): Promise<string> => {
      await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
      keep({ [Symbol.asyncDispose]: () => new Promise((resolve) => { server.close(() => { resolve(); }); }) });
      return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    };
    const logger: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => logger };
    const failure = (servers: string, timeoutMs = 5000): Promise<unknown> => keep(zookeeper({ servers, timeoutMs })).register({ service: 'Arith', instance: { address: 'tcp@a:1', metadata: {} } }, { runtime: { clock: systemClock, logger } }).catch((error: unknown) => error);
    const error = (reason: string, ...says: string[]): unknown => expect.objectContaining({ reason, message: expect.stringMatching(new RegExp(says.join('.*'))) as string });
    const web = await listening(createHttpServer((_, response) => { response.end('<html>'); }));
    expect(await failure(web)).toEqual(error('REGISTRY_UNEXPECTED', web, 'is no ZooKeeper'));
    const cut = await listening(createServer((socket) => { socket.destroy(); }));
    expect(await failure(cut)).toEqual(error('REGISTRY_UNEXPECTED', cut, 'is no ZooKeeper'));
    // A Redis waits for the end of the line.
    for (const mute of [redis.address, await listening(createServer((socket) => { socket.once('error', () => {}).resume(); }))]) expect(await failure(mute, 300)).toEqual(error('REGISTRY_UNREACHABLE', mute, 'no answer within (150|300) ms'));
    expect(await failure('127.0.0.1:1')).toEqual(error('REGISTRY_UNREACHABLE', '127.0.0.1:1', 'nobody listens there'));
    expect(await failure('nowhere.invalid:2181')).toEqual(error('REGISTRY_UNREACHABLE', 'nowhere.invalid', 'does not resolve'));
  });
});
