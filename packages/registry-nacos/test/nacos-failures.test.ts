import { createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { createClient } from '@rpcxjs/client';
import { createServer as createRpcServer } from '@rpcxjs/server';
import { tcp } from '@rpcxjs/transport-tcp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { nacos } from '../src/index.ts';
import { addresses, at, ends, failure, finish, firstList, reader, registryAt, runtime, scripted, warnings } from './bench.ts';

afterEach(finish);

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => new Promise((resolve) => server.close(resolve)));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on TCP
}

describe('wrong address, wrong server', () => {
  it('a server that is not there is named, with what to check', async () => {
    const registry = registryAt('127.0.0.1:1', { timeoutMs: 500 });
    for (const work of [() => registry.register(at('tcp@127.0.0.1:8972'), { runtime }), () => firstList(registry)]) {
      const error = await failure(work());
      expect(error).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE' });
      expect(error.message).toMatch(/^nacos at 127\.0\.0\.1:1 cannot (register|list) "Arith".*ECONNREFUSED.*does nacos run there/);
    }
    expect(warnings).toEqual([]);
  });

  it.each([
    ['another web server', () => createServer((_, response) => void response.end('<html><body>Welcome</body></html>'))],
    ['one that knows no path', () => createServer((_, response) => void response.writeHead(404).end('<h1>Not Found</h1>'))],
    ['garbage for JSON', () => createServer((_, response) => void response.end('{"code":0,"data":'))],
    ['JSON of somebody else', () => createServer((_, response) => void response.end('{"hello":1}'))],
    ['a list', () => createServer((_, response) => void response.end('[1,2]'))],
    ['another protocol', () => createTcpServer((socket) => void socket.on('error', () => {}).resume().end('-ERR wrong number of arguments\r\n'))],
  ])('%s on the port is told from Nacos', async (_, make) => {
    const where = await listening(make());
    const error = await failure(firstList(registryAt(where)));
    expect(error).toMatchObject({ code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED' });
    expect(error.message).toContain(`nacos at ${where} cannot list "Arith"`);
    expect(error.message).toContain('is that Nacos, with the context path /nacos and without TLS');
  });

  it.each([['localhost', 'localhost:8848'], ['[::1]:1', '[::1]:1'], ['a.invalid:80, b.invalid:1/x', 'b.invalid:1'], ['https://a.invalid', 'a.invalid'], ['http://a.invalid:8848/', 'a.invalid:8848']])('%s is %s', async (servers, where) => {
    const error = await failure(registryAt(servers, { timeoutMs: 200 }).register(at('tcp@127.0.0.1:8972'), { runtime }));
    expect(error.message).toMatch(new RegExp(`^nacos at ${where.replace(/[.[\]]/g, '\\$&')} cannot register`));
  });

  it('TLS where none is, is told too', async () => {
    const server = await scripted();
    expect(await failure(firstList(registryAt(`https://${server.address}`)))).toMatchObject({ reason: 'REGISTRY_UNEXPECTED' });
  });

  it('a name that Nacos does not take is said to be one, and hostile ones do no harm', async () => {
    const server = await scripted();
    const registry = registryAt(server.address);
    for (const service of ['a b', 'a@@b', 'x\r\nHost: evil']) expect(await failure(registry.register(at('tcp@127.0.0.1:1', {}, service), { runtime }))).toMatchObject({ code: 'invalid_argument', reason: 'REGISTRY_REFUSED' });
    for (const service of ['__proto__', '../../v1/auth', '?x=1&serviceName=b', '#%2F']) {
      await registry.register(at('tcp@127.0.0.1:1', {}, service), { runtime });
      expect(await firstList(registry, service)).toHaveLength(1);
    }
    expect(server.instances.size).toBe(4);
  });

  it('options that cannot be are TypeErrors that say what to write', () => {
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [7, /give an object/], [null, /give an object/], [{ servers: [] }, /write host:port/], [{ servers: '' }, /servers has ""/], [{ servers: ['a b'] }, /servers has "a b"/], [{ servers: ['ftp://a:1'] }, /write host:port or/],
      [{ servers: 7 }, /servers is 7/], [{ servers: ['user:pw@a:1'] }, /write host:port/], [{ group: '' }, /group is ""/], [{ group: 'a@@b' }, /without @@/], [{ namespace: 7 }, /namespace is 7/],
      [{ username: 'a' }, /come together/], [{ username: 'a', password: 'b', accessToken: 'c' }, /not both/], [{ tls: true }, /give an object with ca/],
      [{ ttlMs: 30_000 }, /no option "ttlMs": it takes servers, /], [{ tls: { servername: 'a' } }, /tls has no option "servername": it takes ca, cert, key/],
      [{ timeoutMs: 0 }, /timeoutMs is 0/], [{ pollMs: -1 }, /pollMs is -1/], [{ heartbeatMs: Number.NaN }, /heartbeatMs is NaN/], [{ timeoutMs: 1e12 }, /timeoutMs is/],
    ];
    for (const [options, message] of wrong) expect(() => nacos(options as never), JSON.stringify(options)).toThrow(message);
  });
});

describe('credentials', () => {
  it.each(['v3', 'v1'] as const)('a user logs in once, and again when the token is no longer good, over the %s API', async (api) => {
    const server = await scripted(api);
    server.user = { username: 'shop', password: 'pa&ss=word', ttlSeconds: 18_000 };
    const registry = registryAt(server.address, { username: 'shop', password: 'pa&ss=word' });
    await registry.register(at('tcp@127.0.0.1:8972'), { runtime });
    const found = reader(registry);
    await vi.waitFor(() => expect(found.list).toHaveLength(1));
    const before = server.logins;
    expect(before).toBe(1);
    server.tokens.clear();
    const asked = server.asked.length;
    await vi.waitFor(() => expect(server.asked.length).toBeGreaterThan(asked + 20));
    expect(server.logins).toBeGreaterThan(before);
    expect(server.logins).toBeLessThan(before + 4);
    expect(warnings).toEqual([]);
  });

  it('a token is renewed before its time is over', async () => {
    const server = await scripted();
    server.user = { username: 'shop', password: 'secret', ttlSeconds: 0.1 };
    await registryAt(server.address, { username: 'shop', password: 'secret' }).register(at('tcp@127.0.0.1:8972'), { runtime });
    await vi.waitFor(() => expect(server.logins).toBeGreaterThan(2));
    expect(warnings).toEqual([]);
  });

  it.each(['v3', 'v1'] as const)('what is refused says whom and what to check, over the %s API', async (api) => {
    const server = await scripted(api);
    server.user = { username: 'shop', password: 'secret', ttlSeconds: 18_000 };
    const wrong = await failure(firstList(registryAt(server.address, { username: 'shop', password: 'wrong' })));
    expect(wrong).toMatchObject({ code: 'unauthenticated', reason: 'REGISTRY_REFUSED' });
    expect(wrong.message).toBe(`nacos at ${server.address} cannot log in as "shop": it says 403: unknown user!; check username and password`);
    const none = await failure(firstList(registryAt(server.address)));
    expect(none).toMatchObject({ code: 'unauthenticated', reason: 'REGISTRY_REFUSED' });
    expect(none.message).toContain('it wants credentials: give username and password, or an accessToken');
    const old = await failure(registryAt(server.address, { accessToken: 'old' }).register(at('tcp@127.0.0.1:8972'), { runtime }));
    expect(old).toMatchObject({ code: 'permission_denied', reason: 'REGISTRY_REFUSED' });
    expect(old.message).toContain('is the accessToken still good in the namespace "public"?');
    server.tokens.add('new');
    expect(await firstList(registryAt(server.address, { accessToken: 'new' }))).toEqual([]);
    expect(JSON.stringify([wrong, none, old])).not.toContain('secret');
  });
});

describe('when Nacos is away', () => {
  it('calls go on with the servers that are known, and afterwards everything is as before', async () => {
    const server = await scripted();
    const registry = registryAt(server.address);
    const [one, two] = await Promise.all(['one', 'two'].map(async (name) => {
      const rpc = createRpcServer({ transports: [tcp()], registries: [registry], logger: runtime.logger });
      rpc.registerFunction('Shop', 'Who', () => name);
      await rpc.listen('tcp@127.0.0.1:0');
      ends.push(() => rpc.close({ graceMs: 100 }));
      return rpc;
    }));
    expect(one).not.toBe(two);
    const client = createClient({ discovery: registryAt(server.address), transports: [tcp()], logger: runtime.logger });
    ends.push(() => client.close());
    const answers = new Set<unknown>();
    const callAll = async (): Promise<void> => { for (let count = 0; count < 10; count++) answers.add(await client.call('Shop', 'Who', null)); };
    await vi.waitFor(async () => { await callAll(); expect(answers.size).toBe(2); });
    await server.kill();
    server.wipe();
    await vi.waitFor(async () => { await callAll(); expect(warnings.length).toBeGreaterThan(2); });
    answers.clear();
    await callAll();
    expect(answers.size).toBe(2);
    expect(warnings.filter((line) => line.includes('does not list'))).toHaveLength(1);
    expect(warnings.filter((line) => line.includes('cannot be kept in nacos'))).toHaveLength(2);
    await server.start();
    await vi.waitFor(() => expect(server.of('Shop')).toHaveLength(2));
    await callAll();
  });

  it('instances are registered again when Nacos has lost them', async () => {
    const server = await scripted();
    const registry = registryAt(server.address);
    await registry.register(at('tcp@127.0.0.1:8972', { group: ['a', 'b'] }), { runtime });
    const found = reader(registry);
    await vi.waitFor(() => expect(found.list).toHaveLength(1));
    server.wipe();
    await vi.waitFor(() => expect(server.of('Arith')).toMatchObject([{ ip: '127.0.0.1', metadata: { group: 'a' } }]));
    expect(warnings).toEqual([]);
  });

  it('a frozen server costs an operation its time and no more, and close() a second', async () => {
    const server = await scripted();
    const registry = registryAt(server.address, { timeoutMs: 200 });
    await registry.register(at('tcp@127.0.0.1:8972'), { runtime });
    const found = reader(registry);
    await vi.waitFor(() => expect(found.list).toHaveLength(1));
    server.frozen = true;
    const error = await failure(registry.register(at('tcp@127.0.0.1:8973'), { runtime }));
    expect(error).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE' });
    expect(error.message).toContain('no answer within 200 ms');
    await vi.waitFor(() => expect(warnings.some((line) => line.includes('does not list'))).toBe(true));
    expect(addresses(found.list)).toEqual(['tcp@127.0.0.1:8972']);
    const before = performance.now();
    await registry.close();
    expect(performance.now() - before).toBeLessThan(2000);
    await vi.waitFor(() => expect(server.connections).toBe(0));
  });

  it('a registration that failed is not there afterwards, and can be tried again', async () => {
    const server = await scripted();
    const registry = registryAt(server.address);
    server.instead = (method) => (method === 'POST' ? { status: 500, body: '<html>no leader</html>' } : undefined);
    expect(await failure(registry.register(at('tcp@127.0.0.1:8972'), { runtime }))).toMatchObject({ reason: 'REGISTRY_UNREACHABLE' });
    server.instead = undefined;
    await vi.waitFor(() => expect(server.asked).toContain('DELETE /nacos/v3/client/ns/instance'));
    await registry.register(at('tcp@127.0.0.1:8972'), { runtime });
    expect(server.of('Arith')).toHaveLength(1);
  });

  it('a signal that aborts ends a registration at once, and what may have come through is taken back', async () => {
    const server = await scripted();
    const registry = registryAt(server.address);
    server.frozen = true;
    const controller = new AbortController();
    const registering = registry.register(at('tcp@127.0.0.1:8972'), { runtime, signal: controller.signal }).catch((error: unknown) => error);
    await vi.waitFor(() => expect(server.connections).toBe(1));
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await registering).toBe(reason);
    server.frozen = false;
    await vi.waitFor(() => expect(server.asked).toContain('DELETE /nacos/v3/client/ns/instance'));
  });

  it('the next server is asked when one does not answer, and remembered', async () => {
    const [one, two] = [await scripted(), await scripted('v1')];
    const registry = registryAt(`${one.address},http://${two.address}/nacos`);
    await registry.register(at('tcp@127.0.0.1:8972'), { runtime });
    expect(one.of('Arith')).toHaveLength(1);
    await one.kill();
    await vi.waitFor(() => expect(two.of('Arith')).toHaveLength(1));
    const beats = two.asked.length;
    await one.start();
    await vi.waitFor(() => expect(two.asked.length).toBeGreaterThan(beats + 5));
    expect(warnings).toEqual([]);
  });

  it('an error is one warning, however long it lasts', async () => {
    const server = await scripted();
    server.put('Arith', '10.0.0.1', 1);
    const found = reader(registryAt(server.address));
    await vi.waitFor(() => expect(found.list).toHaveLength(1));
    server.instead = () => ({ status: 503, body: 'x'.repeat(1_048_576) });
    const asked = server.asked.length;
    await vi.waitFor(() => expect(server.asked.length).toBeGreaterThan(asked + 4), { timeout: 8000 });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.length).toBeLessThan(700);
    expect(found.lists).toBe(1);
  });
});

describe('a cold start without Nacos', () => {
  it('is a typed error for calls, and heals by itself', async () => {
    const server = await scripted();
    await server.kill();
    const rpc = createRpcServer({ transports: [tcp()], registries: [registryAt(server.address)], logger: runtime.logger });
    rpc.registerFunction('Shop', 'Who', () => 'one');
    await rpc.listen('tcp@127.0.0.1:0');
    ends.push(() => rpc.close({ graceMs: 100 }));
    const client = createClient({ discovery: registryAt(server.address), transports: [tcp()], logger: runtime.logger });
    ends.push(() => client.close());
    const error = await failure(client.call('Shop', 'Who', null, { timeoutMs: 2000 }));
    expect(`${error.message} ${String((error.cause as Error | undefined)?.message)}`).toContain(`nacos at ${server.address} cannot list "Shop"`);
    await server.start();
    await vi.waitFor(async () => expect(await client.call('Shop', 'Who', null, { timeoutMs: 1000 })).toBe('one'), { timeout: 12_000 });
  });
});

describe('close', () => {
  it('takes away what is registered, and leaves no connection', async () => {
    const server = await scripted();
    const registry = registryAt(server.address);
    await Promise.all([1, 2, 3].map((port) => registry.register(at(`tcp@127.0.0.1:${port}`), { runtime })));
    const found = reader(registry);
    await vi.waitFor(() => expect(found.list).toHaveLength(3));
    await registry.close();
    expect(server.instances.size).toBe(0);
    await vi.waitFor(() => expect(server.connections).toBe(0));
    expect(await failure(firstList(registry))).toMatchObject({ reason: 'CLOSED' });
  });

  it('settles when Nacos is gone', async () => {
    const server = await scripted();
    const registry = registryAt(server.address);
    await registry.register(at('tcp@127.0.0.1:8972'), { runtime });
    await server.kill();
    await registry.close();
    expect(warnings.filter((line) => line.includes('could not be removed from nacos, and goes by itself in 180 ms'))).toHaveLength(1);
  });
});
