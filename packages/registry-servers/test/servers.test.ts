import { connect, createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { askHttp, askLine } from '../src/ask.ts';
import { startConsul } from '../src/consul.ts';
import { startEtcd } from '../src/etcd.ts';
import { startRedis } from '../src/redis.ts';
import type { RegistryServer } from '../src/server-process.ts';
import { describeWithConsul, describeWithEtcd, describeWithRedis, describeWithZooKeeper } from '../src/vitest.ts';
import { startZooKeeper } from '../src/zookeeper.ts';

const running: RegistryServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});
function keep<S extends RegistryServer>(server: S): S {
  running.push(server);
  return server;
}

function accepts({ port }: RegistryServer): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => { resolve(false); });
  });
}

interface Keeping {
  write(): Promise<unknown>;
  /** Throws, or says what it says instead, when the value is not there. */
  read(): Promise<string>;
}

/** Killed it refuses, restarted it has its data, frozen it says nothing, thawed it goes on, wiped it is empty. */
async function livesThrough(server: RegistryServer, { write, read }: Keeping): Promise<void> {
  await write();
  expect(await read()).toContain('kept');
  await server.kill();
  expect(await accepts(server)).toBe(false);
  await server.restart();
  expect(await read()).toContain('kept');
  server.freeze();
  await expect(read()).rejects.toThrow('no answer within 1000 ms');
  server.thaw();
  expect(await read()).toContain('kept');
  await server.wipe();
  expect(await read()).not.toContain('kept');
  await server.stop();
  await server.stop();
}

describeWithRedis('startRedis', () => {
  it('runs a Redis that can be killed, frozen and wiped', { timeout: 30_000 }, async () => {
    const server = keep(await startRedis());
    await livesThrough(server, { write: () => askLine(server.port, 'SET a kept\r\n'), read: () => askLine(server.port, 'GET a\r\n') });
  });
});

describeWithRedis('a server whose port somebody else has taken meanwhile', () => {
  it('does not take that one for itself', { timeout: 30_000 }, async () => {
    const server = keep(await startRedis());
    await server.kill();
    const thief = createServer((socket) => { socket.end('+PONG\r\n'); });
    await new Promise<void>((resolve) => { thief.listen(server.port, '127.0.0.1', resolve); });
    await expect(server.restart()).rejects.toThrow(`redis cannot start: somebody else listens at ${server.address}`);
    await new Promise((resolve) => { thief.close(resolve); });
    await server.restart();
    expect(await askLine(server.port, 'PING\r\n')).toBe('+PONG\r\n');
  });
});

describeWithEtcd('startEtcd', () => {
  it('runs an etcd that can be killed, frozen and wiped', { timeout: 30_000 }, async () => {
    const server = keep(await startEtcd());
    const kept = Buffer.from('kept').toString('base64');
    const read = async (): Promise<string> => {
      const { kvs = [] } = (await server.ask('kv/range', { key: kept })) as { kvs?: { value: string }[] };
      return kvs.map(({ value }) => Buffer.from(value, 'base64').toString()).join();
    };
    await livesThrough(server, { write: () => server.ask('kv/put', { key: kept, value: kept }), read });
  });

  it('lets in who knows the password', { timeout: 30_000 }, async () => {
    const server = keep(await startEtcd({ rootPassword: 'secret' }));
    await expect(server.ask('kv/range', { key: 'YQ==' })).rejects.toThrow(/etcd answered 4/);
    const { token } = (await server.ask('auth/authenticate', { name: 'root', password: 'secret' })) as { token: string };
    expect(await server.ask('kv/range', { key: 'YQ==' }, token)).toHaveProperty('header');
  });
});

describeWithConsul('startConsul', () => {
  it('runs a Consul that can be killed, frozen and wiped', { timeout: 60_000 }, async () => {
    const server = keep(await startConsul());
    const url = `http://${server.address}/v1/kv/a`;
    await livesThrough(server, { write: () => askHttp({ url, method: 'PUT', body: 'kept' }), read: async () => (await askHttp({ url: `${url}?raw` })).text });
  });

  it('lets in who has the token', { timeout: 30_000 }, async () => {
    const server = keep(await startConsul({ masterToken: 'secret' }));
    const url = `http://${server.address}/v1/kv/a`;
    expect(await askHttp({ url, method: 'PUT', body: 'x' })).toMatchObject({ status: 403 });
    expect(await askHttp({ url, method: 'PUT', body: 'x', headers: { 'x-consul-token': 'secret' } })).toMatchObject({ status: 200, text: 'true' });
  });
});

describeWithZooKeeper('startZooKeeper', () => {
  it('runs a ZooKeeper that can be killed, frozen and wiped', { timeout: 60_000 }, async () => {
    const server = keep(await startZooKeeper());
    // What it counts is what a client would have written.
    const id = async (): Promise<string> => /Zxid: (\S+)\n/.exec(await askLine(server.port, 'srvr', /Zxid: \S+\n/))?.[1] ?? '';
    expect(await id()).toMatch(/^0x/);
    await server.kill();
    expect(await accepts(server)).toBe(false);
    await server.restart();
    server.freeze();
    await expect(id()).rejects.toThrow('no answer within 1000 ms');
    server.thaw();
    expect(await id()).toMatch(/^0x/);
    await server.wipe();
    expect(await id()).toBe('0x0');
  });
});
