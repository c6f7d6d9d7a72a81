import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { consoleLogger, RpcError, systemClock } from '@rpcxjs/core';
import { startConsul, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithConsul } from '@rpcxjs/registry-servers/vitest';
import type { ConsulOptions } from '../src/consul-options.ts';
import { consul } from '../src/consul.ts';
import { api } from './consul-api.ts';
import { forever, storeAt } from './store-at.ts';

const signal = forever;
const ttlMs = 20_000;

async function failureOf(address: string, options: ConsulOptions = {}): Promise<RpcError> {
  await using at = storeAt(address, options);
  const error: unknown = await at.store.get('/rpcx', { signal }).catch((thrown: unknown) => thrown);
  if (!RpcError.is(error)) throw new Error('it did not fail', { cause: error });
  expect(JSON.stringify([error, error.cause, String(error.stack), error.message])).not.toContain('secret');
  expect(error.address).toBe(address.replace('https://', ''));
  return error;
}

/** Something else than Consul, until the test is over. */
async function someServer<S extends Server>(made: S): Promise<{ readonly address: string; readonly open: ReadonlySet<Socket> } & AsyncDisposable> {
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
    open,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      made.close();
      await once(made, 'close');
    },
  };
}
const saying = (reply: string): Server => createServer((socket) => socket.on('data', () => socket.end(reply)));
const unexpected = { code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED', message: expect.stringContaining('is no Consul: check the port') };

it.each<[string, object, RegExp]>([
  ['an address with a path', { address: 'http://a:1/v1' }, /without a path/],
  ['two addresses', { address: 'a:1,b:1' }, /one agent only/],
  ['a port that cannot be', { address: 'a:99999' }, /write host:port/],
  ['http with TLS', { address: 'http://a:1', tls: true }, /write https/],
  ['a time that Consul does not take', { ttlMs: 19_999 }, /20000 to 172800000/],
  ['a longer one', { ttlMs: 172_800_001 }, /20000 to 172800000/],
  ['a token with a line end', { token: 'secret\n' }, /token is no plain text/],
  ['a key without its certificate', { tls: { key: 'x' } }, /belong together/],
  ['no PEM', { tls: { ca: 'x', cert: 'y', key: 'z' } }, /cannot be used/],
  ['a name that is no option', { adress: 'a:1' }, /no option "adress".*address/],
  ['nothing', { address: null }, /is none/],
  ['several agents', { address: '10.0.0.1,10.0.0.2' }, /one agent only/],
])('a TypeError says what to pass instead of %s', (_, options, message) => {
  expect(() => consul(options)).toThrow(message);
  expect(() => consul(options)).toThrow(TypeError);
});

it('another server on the port is recognised', async () => {
  await using html = await someServer(createHttpServer((_, response) => response.setHeader('content-type', 'text/html').end('<html>')));
  expect(await failureOf(html.address)).toMatchObject(unexpected);
  // As an etcd does.
  await using notFound = await someServer(createHttpServer((_, response) => response.writeHead(404).end('404 page not found')));
  expect(await failureOf(notFound.address)).toMatchObject(unexpected);
  // As a Redis does.
  await using redis = await someServer(saying("-ERR unknown command 'PUT'\r\n"));
  expect(await failureOf(redis.address)).toMatchObject(unexpected);
  await using json = await someServer(createHttpServer((_, response) => response.setHeader('content-type', 'application/json').end('{"Results": {}, "Errors": 1')));
  expect(await failureOf(json.address)).toMatchObject({ message: expect.stringContaining(json.address) });
  await using hangsUp = await someServer(createServer((socket) => socket.destroy()));
  expect(await failureOf(hangsUp.address)).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', message: expect.stringMatching(/does it want TLS/) });
});

it('nobody there, a name that nobody has, and TLS where there is none', async () => {
  expect(await failureOf('127.0.0.1:1')).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', message: expect.stringMatching(/^consul at 127\.0\.0\.1:1 cannot read \/rpcx: .*ECONNREFUSED.*does the Consul agent run/) });
  expect(await failureOf('no-such-host.invalid:8500')).toMatchObject({ reason: 'REGISTRY_UNREACHABLE', message: expect.stringMatching(/no-such-host\.invalid.*(name|DNS)/) });
  await using plain = await someServer(saying('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'));
  expect(await failureOf(`https://${plain.address}`)).toMatchObject({ reason: 'REGISTRY_UNEXPECTED', message: expect.stringMatching(/TLS failed.*does not speak TLS/) });
  await using tls = await someServer(saying('HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n'));
  expect(await failureOf(tls.address)).toMatchObject({ reason: 'REGISTRY_UNEXPECTED', message: expect.stringContaining('https://') });
});

it('a port that says nothing ends in time, with the signal, and leaves no connection', async () => {
  await using silent = await someServer(createServer((socket) => socket.resume()));
  await using at = storeAt(silent.address);
  const stop = new AbortController();
  const asked = at.store.get('/rpcx', { signal: stop.signal });
  const watched = at.store.watch('/rpcx/', { signal: stop.signal })[Symbol.asyncIterator]().next();
  await expect.poll(() => silent.open.size).toBe(2);
  stop.abort(new Error('enough'));
  await expect(asked).rejects.toThrow('enough');
  await expect(watched).rejects.toThrow('enough');
  // Before close() breaks them anyway.
  await expect.poll(() => silent.open.size).toBe(0);
  const registry = consul({ address: silent.address, timeoutMs: 300 });
  await expect(registry.register({ service: 'Arith', instance: { address: 'tcp@a:1', metadata: {} } }, { runtime: { clock: systemClock, logger: consoleLogger(systemClock) } })).rejects.toMatchObject({ reason: 'REGISTRY_UNREACHABLE', message: expect.stringMatching(/no answer within 300 ms.*does consul run/i) });
  await registry.close();
  await expect.poll(() => silent.open.size).toBe(0);
});

describeWithConsul('Consul with access control', () => {
  const masterToken = '11111111-2222-3333-4444-secret000000';
  let server: RegistryServer;
  let [narrow, reader] = ['', ''];
  const tokenFor = async (name: string, rules: string): Promise<string> => {
    await api(server, 'PUT', 'acl/policy', { token: masterToken, body: JSON.stringify({ Name: name, Rules: rules }) });
    const { SecretID } = (await api(server, 'PUT', 'acl/token', { token: masterToken, body: JSON.stringify({ Policies: [{ Name: name }] }) })) as { SecretID: string }; // as its documentation has it
    return SecretID;
  };
  beforeAll(async () => {
    server = await startConsul({ masterToken });
    narrow = await tokenFor('narrow', 'key_prefix "rpcx" { policy = "write" } session_prefix "" { policy = "write" }');
    reader = await tokenFor('reader', 'key_prefix "rpcx" { policy = "read" }');
  }, 60_000);
  afterAll(() => server.stop());

  it('an unknown token, and none, are refused with the address and what to check', async () => {
    expect(await failureOf(server.address, { token: 'secret-unknown' })).toMatchObject({ code: 'unauthenticated', reason: 'REGISTRY_REFUSED', message: expect.stringContaining('check `token`') });
    await using nobody = storeAt(server.address);
    await expect(nobody.store.putOwned('/rpcx/S/a', '', { signal, ttlMs })).rejects.toMatchObject({ code: 'permission_denied', reason: 'REGISTRY_REFUSED', address: server.address });
  });

  it('the rights that the README lists are enough', async () => {
    await using at = storeAt(server.address, { token: narrow });
    await at.store.putPersistent('/rpcx', 'rpcx_path', { signal });
    expect(await at.store.putOwned('/rpcx/S/a', 'a=1', { signal, ttlMs })).toBe(true);
    await using seen = storeAt(server.address, { token: reader });
    expect(Object.fromEntries(await seen.store.list('/rpcx/S/', { signal }))).toEqual({ '/rpcx/S/a': 'a=1' });
    const first = await seen.store.watch('/rpcx/S/', { signal })[Symbol.asyncIterator]().next();
    expect(first.value?.size).toBe(1);
    await expect(seen.store.putOwned('/rpcx/S/b', '', { signal, ttlMs })).rejects.toMatchObject({ code: 'permission_denied', reason: 'REGISTRY_REFUSED' });
    expect(await at.store.deleteOwned('/rpcx/S/a', { signal })).toBe(true);
  });

  it('a datacenter that is not there is named', async () => {
    expect(await failureOf(server.address, { token: narrow, datacenter: 'dc9' })).toMatchObject({ reason: 'REGISTRY_UNEXPECTED', message: expect.stringContaining('check `datacenter`') });
  });
});
