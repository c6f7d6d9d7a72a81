import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { RpcError } from '@rpcxjs/core';
import { findRedis, startRedis, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithRedis } from '@rpcxjs/registry-servers/vitest';
import type { RedisOptions } from '../src/redis-options.ts';
import { forever, storeAt, watching } from './store-at.ts';

const signal = forever;
const soon = { timeout: 2000, interval: 5 };

async function failureOf(nodes: string | readonly string[], options: RedisOptions = {}): Promise<RpcError> {
  await using at = storeAt(nodes, { timeoutMs: 1000, ...options });
  const error: unknown = await at.store.get('/rpcx', { signal }).catch((thrown: unknown) => thrown);
  if (!RpcError.is(error)) throw new Error('it did not fail', { cause: error });
  expect(JSON.stringify([error, error.cause, String(error.stack)])).not.toContain('secret');
  expect(JSON.stringify(error.cause ?? {})).not.toContain('command');
  return error;
}

/** Something else than a Redis, until the test is over. */
async function someServer<S extends Server>(made: S): Promise<{ readonly address: string } & AsyncDisposable> {
  const open = new Set<Socket>();
  made.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
  });
  made.listen(0, '127.0.0.1');
  await once(made, 'listening');
  const { port } = made.address() as AddressInfo; // it listens on TCP
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      if (!made.listening) return;
      made.close();
      await once(made, 'close');
    },
  };
}
/** Says the same to everything. */
const saying = (reply: string): Server => createServer((socket) => socket.on('data', () => socket.write(reply)));

/** A Sentinel, which wants a file to write into. */
async function startSentinel(settings: string): Promise<{ readonly address: string } & AsyncDisposable> {
  await using free = await someServer(createServer());
  const [, port = ''] = free.address.split(':');
  await free[Symbol.asyncDispose]();
  const folder = await mkdtemp(`${tmpdir()}/rpcxjs-sentinel-`);
  await writeFile(`${folder}/sentinel.conf`, `bind 127.0.0.1\nport ${port}\ndir ${folder}\n${settings}`);
  const child = spawn(findRedis() ?? '', [`${folder}/sentinel.conf`, '--sentinel'], { stdio: 'ignore' });
  const client = new Redis(Number(port), { disableClientInfo: true }).on('error', () => {});
  await client.ping();
  client.disconnect();
  return {
    address: free.address,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await once(child, 'exit');
      await rm(folder, { recursive: true });
    },
  };
}

describeWithRedis('who is refused, and what is no Redis', () => {
  let server: RegistryServer;
  beforeAll(async () => {
    server = await startRedis({ args: ['--requirepass', 'secret-1'] });
    const admin = new Redis(server.port, { password: 'secret-1', disableClientInfo: true });
    await admin.call('ACL', ...'SETUSER reader on >secret-2 ~* &* +@all -eval -config'.split(' '));
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const [, rights = ''] = /^ACL SETUSER rpcx on >\S+ (.*)$/m.exec(readme) ?? [];
    await admin.call('ACL', 'SETUSER', 'narrow', 'on', '>secret-3', ...rights.split(' '));
    await admin.quit();
  });
  afterAll(() => server.stop());


  it.each<[string, RedisOptions, RegExp]>([
    ['no password', {}, /NOAUTH.*the server wants a password: set `password`/],
    ['a wrong password', { password: 'secret-9' }, /cannot let us in: WRONGPASS.*check `username` and `password`/],
    ['an unknown user', { username: 'nobody', password: 'secret-1' }, /cannot let us in: WRONGPASS/],
  ])('%s is refused with the address and what to set', async (_, options, message) => {
    expect(await failureOf(server.address, options)).toMatchObject({ code: 'unauthenticated', reason: 'REGISTRY_REFUSED', address: server.address, message: expect.stringMatching(message) });
  });

  it('a password for a server that has none is refused, and nothing is written to the console', async () => {
    await using open = await startRedis();
    const written = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'error')];
    expect(await failureOf(open.address, { password: 'secret-1' })).toMatchObject({ code: 'unauthenticated', reason: 'REGISTRY_REFUSED', message: expect.stringContaining('leave `password` out') });
    expect(await failureOf(open.address, { database: 99 })).toMatchObject({ code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED', message: expect.stringContaining('choose a `database`') });
    for (const spy of written) expect(spy).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  it('a user who lacks a right is told where the rights are listed; without CONFIG there are events if they are on, and one warning', async () => {
    await using at = storeAt(server.address, { username: 'reader', password: 'secret-2' });
    await expect(at.store.putOwned('/rpcx/S/a', '', { signal, ttlMs: 1000 })).rejects.toMatchObject({ code: 'permission_denied', reason: 'REGISTRY_REFUSED', message: expect.stringMatching(/NOPERM.*an ACL must allow/) });
    const watches = [watching(at.store, '/rpcx/S/'), watching(at.store, '/rpcx/T/')];
    await vi.waitFor(() => expect(watches.every((watch) => watch.count() === 1)).toBe(true), soon);
    expect(at.warnings).toEqual([expect.stringMatching(/keyspace events .*NOPERM.*KEA.*relistMs/)]);
    for (const watch of watches) await watch.stop();
  });

  it('the rights that the README lists are enough', async () => {
    await using at = storeAt(server.address, { username: 'narrow', password: 'secret-3' });
    const watch = watching(at.store, '/rpcx_test/S/');
    await vi.waitFor(() => expect(watch.last()).toEqual({}), soon);
    await at.store.putPersistent('/rpcx_test', 'rpcx_path', { signal });
    expect(await at.store.get('/rpcx_test', { signal })).toMatchObject({ owned: false });
    await at.store.putPersistent('/rpcx_test/S', 'S', { signal });
    await at.store.putOwned('/rpcx_test/S/a', 'a=1', { signal, ttlMs: 60_000 });
    await vi.waitFor(() => expect(watch.last()).toEqual({ '/rpcx_test/S/a': 'a=1' }), soon);
    const version = (await at.store.get('/rpcx_test/S/a', { signal }))?.version;
    expect(await at.store.putOwned('/rpcx_test/S/a', 'a=2', { signal, ttlMs: 60_000, ifVersion: version })).toBe(true);
    expect(await at.store.touchOwned('/rpcx_test/S/a', { signal, ttlMs: 60_000 })).toBe(true);
    expect(await at.store.deleteOwned('/rpcx_test/S/a', { signal })).toBe(true);
    await watch.stop();
    expect(at.warnings).toEqual([]);
    await expect(at.store.get('/rpcx_other', { signal })).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('nobody there, and a name that nobody has', async () => {
    expect(await failureOf('127.0.0.1:1')).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', address: '127.0.0.1:1', message: expect.stringMatching(/^redis at 127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED.*nobody listens there/) });
    expect(await failureOf('no-such-host.invalid:6379')).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', message: expect.stringMatching(/no-such-host\.invalid.*(name|resolve)/) });
  });

  it('another server on the port is recognised in time', async () => {
    await using http = await someServer(createHttpServer((_, response) => response.end('hello')));
    expect(await failureOf(http.address)).toMatchObject({ code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED', message: expect.stringContaining('what runs there is no Redis: check the port') });
    await using babble = await someServer(saying('220 mail.example ESMTP\r\n'));
    expect(await failureOf(babble.address)).toMatchObject({ code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED' });
    await using hangsUp = await someServer(createServer((socket) => socket.destroy()));
    expect(await failureOf(hangsUp.address)).toMatchObject({ code: 'unavailable', message: expect.stringMatching(/does it want TLS.*something else/) });
    await using silent = await someServer(createServer(() => {}));
    const began = performance.now();
    expect(await failureOf(silent.address)).toMatchObject({ code: 'unavailable', message: expect.stringMatching(/no answer within 800 ms; is it a Redis without TLS/) });
    expect(performance.now() - began).toBeLessThan(1900);
  });

  it.each<[string, string, string, RegExp]>([
    ['$13\r\nloading:1\r\n\r\n', 'unavailable', 'REGISTRY_UNREACHABLE', /LOADING.*reads its data/],
    ['-LOADING Redis is loading the dataset in memory', 'unavailable', 'REGISTRY_UNREACHABLE', /reads its data/],
    ["-READONLY You can't write against a read only replica.", 'unavailable', 'REGISTRY_UNREACHABLE', /put its master into `nodes`/],
    ['-ERR Error running script (call to f_1): @user_script:1: -READONLY You can\'t write', 'unavailable', 'REGISTRY_UNREACHABLE', /put its master/],
    ["-OOM command not allowed when used memory > 'maxmemory'.", 'unavailable', 'REGISTRY_UNREACHABLE', /maxmemory/],
    ['-MOVED 3999 127.0.0.1:6381', 'failed_precondition', 'REGISTRY_UNEXPECTED', /Redis Cluster/],
    ['-DENIED Redis is running in protected mode', 'permission_denied', 'REGISTRY_REFUSED', /protected mode/],
    ['-ERR max number of clients reached', 'unavailable', 'REGISTRY_UNREACHABLE', /maxclients/],
    ['-SOMETHING new', 'unavailable', 'REGISTRY_UNREACHABLE', /SOMETHING new/],
  ])('the reply %j is code %s, reason %s', async (reply, code, reason, message) => {
    await using there = await someServer(saying(`${reply}\r\n`));
    expect(await failureOf(there.address)).toMatchObject({ code, reason, message: expect.stringMatching(message) });
  });

  it('a Redis Cluster is no place to look for servers either: one of its members would list a part of them, or none', async () => {
    await using member = await startRedis({ args: ['--cluster-enabled', 'yes'] });
    expect(await failureOf(member.address)).toMatchObject({ code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED', message: expect.stringMatching(/cannot be used: redis_mode:cluster; this is a Redis Cluster/) });
  });

  it('of several nodes the first master that answers is used, whatever is wrong with the others', async () => {
    await using silent = await someServer(createServer(() => {}));
    await using master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
    await using replica = await startRedis({ args: ['--replicaof', `127.0.0.1 ${master.port}`] });
    await using at = storeAt(['127.0.0.1:1', silent.address, replica.address, master.address], { timeoutMs: 2000 });
    await vi.waitFor(async () => expect(await at.store.putOwned('/rpcx/S/a', 'a=1', { signal, ttlMs: 60_000 })).toBe(true), { timeout: 4000 });
    const watch = watching(at.store, '/rpcx/S/');
    await vi.waitFor(() => expect(watch.last()).toEqual({ '/rpcx/S/a': 'a=1' }), soon);
    await watch.stop();

    // Without a master the replica is read from, and does not take what is written.
    await using left = storeAt(replica.address, { timeoutMs: 2000 });
    await vi.waitFor(async () => expect(Object.fromEntries(await left.store.list('/rpcx/S/', { signal }))).toEqual({ '/rpcx/S/a': 'a=1' }), { timeout: 4000 });
    await expect(left.store.putOwned('/rpcx/S/b', '', { signal, ttlMs: 1000 })).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(/READONLY.*it is a replica/) });

    // They change places: who says that it is a replica now is left.
    const admins = [replica, master].map(({ port }) => new Redis(port, { disableClientInfo: true }));
    await admins[0]?.replicaof('NO', 'ONE');
    await admins[1]?.replicaof('127.0.0.1', replica.port);
    await expect(at.store.putOwned('/rpcx/S/b', '', { signal, ttlMs: 1000 })).rejects.toMatchObject({ address: master.address, message: expect.stringContaining('READONLY') });
    await vi.waitFor(async () => expect(await at.store.putOwned('/rpcx/S/b', 'b=1', { signal, ttlMs: 60_000 })).toBe(true), { timeout: 4000 });
    await Promise.all(admins.map((admin) => admin.quit()));

    // The new master dies, and the old one, a replica without its master, is made one again.
    await replica.kill();
    await vi.waitFor(async () => expect((await at.store.list('/rpcx/S/', { signal })).size).toBeGreaterThan(0), { timeout: 4000 });
    const admin = new Redis(master.port, { disableClientInfo: true });
    await admin.replicaof('NO', 'ONE');
    await vi.waitFor(async () => expect(await at.store.putOwned('/rpcx/S/c', 'c=1', { signal, ttlMs: 60_000 })).toBe(true), { timeout: 4000 });
    await admin.quit();

    const none = await failureOf(['127.0.0.1:1', server.address], { timeoutMs: 2000 });
    expect(none).toMatchObject({ code: 'unauthenticated', reason: 'REGISTRY_REFUSED', address: `127.0.0.1:1,${server.address}`, message: expect.stringMatching(/ECONNREFUSED.*\|.*NOAUTH/) });
  });

  it('a server that takes no more connections says so', async () => {
    await using full = await startRedis();
    const admin = new Redis(full.port, { disableClientInfo: true });
    await admin.config('SET', 'maxclients', '1');
    expect(await failureOf(full.address)).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', message: expect.stringMatching(/max number of clients reached; .*`maxclients`/) });
    await admin.quit();
  });

  it('Sentinels are asked where the master is', async () => {
    await using master = await startRedis({ args: ['--requirepass', 'secret-4'] });
    await using sentinel = await startSentinel(`sentinel monitor mymaster 127.0.0.1 ${master.port} 1\nsentinel auth-pass mymaster secret-4\n`);
    const nodes = ['127.0.0.1:1', sentinel.address];
    await using at = storeAt(nodes, { password: 'secret-4', sentinel: { name: 'mymaster' } });
    expect(await at.store.putOwned('/rpcx/S/a', 'a=1', { signal, ttlMs: 60_000 })).toBe(true);
    expect(await failureOf(sentinel.address, { password: 'secret-4', sentinel: { name: 'other' } })).toMatchObject({ code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED', message: expect.stringMatching(/master "other".*knows no master/) });
  });
});
