import { systemClock, type RpcError, type ServiceInstance } from '@rpcxjs/core';
import { describe, expect, it, vi } from 'vitest';
import { dns, type DnsOptions, type DnsResolver } from '../src/index.ts';
import { describeWithDnsmasq, Dnsmasq } from './dnsmasq.ts';

const quick = { minTtlMs: 50, maxTtlMs: 50, srvMs: 50 };

/** What one watcher has been told. */
class Watching implements AsyncDisposable {
  lists: (readonly ServiceInstance[])[] = [];
  warnings: string[] = [];
  error: unknown;
  readonly #stop = new AbortController();
  readonly #over: Promise<void>;

  constructor(options: DnsOptions, service = 'Arith') {
    const logger = { debug() {}, info() {}, warn: (_fields: object, message: string) => void this.warnings.push(message), error() {}, child: () => logger };
    const watch = dns(options).watch(service, { signal: this.#stop.signal, runtime: { clock: systemClock, logger } });
    this.#over = (async () => {
      for await (const list of watch) this.lists.push(list);
    })().catch((error: unknown) => void (this.error = error));
  }
  async sees(...addresses: readonly string[]): Promise<void> {
    await vi.waitFor(() => expect(this.lists.at(-1)?.map(({ address }) => address)).toEqual(addresses), 5000);
  }
  async fails(): Promise<RpcError> {
    await this.#over;
    return this.error as RpcError;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#over;
  }
}

describeWithDnsmasq('dns() with a real server', () => {
  it('finds A and AAAA together, and follows their changes', async () => {
    await using server = await Dnsmasq.start();
    await server.set('shop.internal', '192.0.2.1', '2001:db8::1');
    await using watching = new Watching({ name: 'shop.internal', port: 8972, servers: [server.address], ...quick });
    await watching.sees('tcp@192.0.2.1:8972', 'tcp@[2001:db8::1]:8972');
    await server.set('shop.internal', '192.0.2.2');
    await watching.sees('tcp@192.0.2.2:8972');
  });

  it('finds SRV records of the lowest priority, with their weights', async () => {
    await using server = await Dnsmasq.start();
    await server.kill();
    const name = '_rpcx._tcp.shop.internal';
    await server.run(`${name},a.shop.internal,8972,1,10`, `${name},b.shop.internal,8973,1,0`, `${name},spare.shop.internal,8974,2,10`);
    await using watching = new Watching({ name, records: 'srv', servers: [server.address], ...quick });
    await watching.sees('tcp@a.shop.internal:8972', 'tcp@b.shop.internal:8973');
    expect(watching.lists[0]?.map(({ metadata }) => metadata)).toEqual([{ weight: '10' }, { weight: '1' }]);
    await server.kill();
    await server.run(`${name},spare.shop.internal,8974,2,0`);
    await watching.sees('tcp@spare.shop.internal:8974');
    expect(watching.lists.at(-1)?.[0]?.metadata).toEqual({});
  });

  it.each(['is killed', 'is frozen'])('G1: keeps its servers when the DNS server %s, with one warning, and heals', async (how) => {
    await using server = await Dnsmasq.start();
    await server.set('shop.internal', '192.0.2.1');
    await using watching = new Watching({ name: 'shop.internal', port: 8972, servers: [server.address], timeoutMs: 200, ...quick });
    await watching.sees('tcp@192.0.2.1:8972');
    if (how === 'is killed') await server.kill();
    else server.signal('SIGSTOP');
    await vi.waitFor(() => expect(watching.warnings).toEqual([expect.stringContaining(`DNS at ${server.address} cannot look up "shop.internal"`)]), 5000);
    await new Promise((resolve) => systemClock.setTimer(() => resolve(undefined), 1000)); // several tries
    expect(watching.warnings).toHaveLength(1);
    expect(watching.lists).toHaveLength(1);
    if (how === 'is killed') await server.run();
    else server.signal('SIGCONT');
    await server.set('shop.internal', '192.0.2.2');
    await watching.sees('tcp@192.0.2.2:8972');
  });

  it('says nobody only when the server has said so', async () => {
    await using server = await Dnsmasq.start();
    await server.set('shop.internal', '192.0.2.1');
    await using watching = new Watching({ name: 'shop.internal', port: 8972, servers: [server.address], ...quick });
    await watching.sees('tcp@192.0.2.1:8972');
    await server.set('shop.internal');
    await watching.sees();
    await server.set('shop.internal', '192.0.2.3');
    await watching.sees('tcp@192.0.2.3:8972');
  });

  it('tries search domains, unless the name ends in a dot', async () => {
    await using server = await Dnsmasq.start();
    await server.set('shop.internal', '192.0.2.1');
    const options = { port: 8972, servers: [server.address], search: ['elsewhere.internal', 'internal'], ...quick };
    await using watching = new Watching({ ...options, name: 'shop' });
    await watching.sees('tcp@192.0.2.1:8972');
    await using other = new Watching({ ...options, name: (service) => `${service}.` }, 'shop.internal');
    await other.sees('tcp@192.0.2.1:8972');
  });

  it('G2: names the name, the server and what to check when the name is unknown', async () => {
    await using server = await Dnsmasq.start();
    await using watching = new Watching({ name: 'shpo.internal', port: 8972, servers: [server.address] });
    expect(await watching.fails()).toMatchObject({ code: 'not_found', reason: 'REGISTRY_UNEXPECTED', sent: false, message: expect.stringMatching(/"shpo\.internal".*no such name.*spelled right/) as string });
    expect((watching.error as RpcError).message).toContain(server.address);
  });
});

it('G2: a server that is not there is a typed error within the deadline', async () => {
  const started = systemClock.now();
  await using watching = new Watching({ name: 'shop.internal', port: 8972, servers: ['127.0.0.1:9'], timeoutMs: 500 });
  expect(await watching.fails()).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', message: expect.stringContaining('127.0.0.1:9') as string });
  expect(systemClock.now() - started).toBeLessThan(2000);
});

describe('dns() with a resolver of its own', () => {
  const none = (): Promise<never> => Promise.reject(Object.assign(new Error('none'), { code: 'ENODATA' }));
  const resolver = (given: Partial<DnsResolver>): DnsResolver => ({ resolve4: none, resolve6: none, resolveSrv: none, ...given });

  it('ends a lookup that hangs, and cancels it', async () => {
    const asked: string[] = [];
    let end = (): void => {};
    const cancel = vi.fn(() => end());
    const resolve4 = (name: string): Promise<never> => {
      asked.push(name);
      return new Promise((_resolve, reject) => (end = () => reject(new Error('ECANCELLED'))));
    };
    await using watching = new Watching({ name: 'a.b', port: 1, timeoutMs: 50, search: ['x'], resolver: resolver({ resolve4, cancel }) });
    expect((await watching.fails()).message).toContain('no answer within 50 ms');
    for (let turns = 0; turns < 20; turns++) await Promise.resolve();
    expect([asked, cancel.mock.calls.length]).toEqual([['a.b'], 1]);
  });

  it('uses IPv4 when nobody answers for IPv6, and keeps the IPv6 addresses that it knew', async () => {
    let broken = false;
    const resolve6 = (): Promise<{ address: string; ttl: number }[]> => broken ? Promise.reject(new Error('SERVFAIL')) : Promise.resolve([{ address: '::1', ttl: 0 }]);
    let last = 1;
    await using watching = new Watching({ name: 'a.b', port: 1, ...quick, resolver: resolver({ resolve4: () => Promise.resolve([{ address: `192.0.2.${last}`, ttl: 0 }]), resolve6 }) });
    await watching.sees('tcp@192.0.2.1:1', 'tcp@[::1]:1');
    [broken, last] = [true, 2];
    await watching.sees('tcp@192.0.2.2:1', 'tcp@[::1]:1');
    expect(watching.warnings).toHaveLength(1);
  });

  it('asks again when it should for hundreds of addresses, of which Node tells the TTL of the first 256 only', async () => {
    let asked = 0;
    // As Node gives them, and unlike its type.
    const many = Array.from({ length: 300 }, (_, at) => ({ address: `192.0.${at >> 8}.${at & 255}`, ...(at < 256 && { ttl: 60 }) })) as { address: string; ttl: number }[];
    const resolve4 = (): Promise<{ address: string; ttl: number }[]> => {
      asked += 1;
      return Promise.resolve(many);
    };
    await using watching = new Watching({ name: 'a.b', port: 1, minTtlMs: 1, resolver: resolver({ resolve4 }) });
    await vi.waitFor(() => expect(watching.lists.at(-1)).toHaveLength(300));
    for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
    expect(asked).toBe(1);
  });

  it('goes on to the next search domain when a server fails for one of them, as the system does', async () => {
    const resolve4 = (name: string): Promise<{ address: string; ttl: number }[]> => name === 'shop.lan' ? Promise.resolve([{ address: '192.0.2.1', ttl: 60 }]) : Promise.reject(Object.assign(new Error('queryA ESERVFAIL'), { code: 'ESERVFAIL' }));
    await using watching = new Watching({ name: 'shop', port: 1, search: ['corp', 'lan'], resolver: resolver({ resolve4 }) });
    await watching.sees('tcp@192.0.2.1:1');
    await using lost = new Watching({ name: 'shop', port: 1, search: ['corp', 'home'], resolver: resolver({ resolve4 }) });
    expect((await lost.fails()).message).toContain('queryA ESERVFAIL');
  });

  it('says an empty list of a name without records', async () => {
    await using watching = new Watching({ name: 'a.b', port: 1, resolver: resolver({}) });
    await watching.sees();
  });

  it('G10: leaves out SRV records that lead nowhere', async () => {
    const record = { port: 1, priority: 5, weight: 0 };
    const resolveSrv = (): ReturnType<DnsResolver['resolveSrv']> => Promise.resolve([{ ...record, name: '', priority: 0 }, { ...record, name: '.', priority: 0 }, { ...record, name: 'a b', priority: 0 }, { ...record, name: 'x', port: 0, priority: 0 }, { ...record, name: '__proto__' }]);
    await using watching = new Watching({ name: 'a.b', records: 'srv', resolver: resolver({ resolveSrv }) });
    await watching.sees('tcp@__proto__:1');
  });
});

it.each<[string, unknown]>([
  ['no options', undefined], ['no name', { port: 1 }], ['an empty label', { name: 'a..b', port: 1 }], ['an address', { name: '127.0.0.1', port: 1 }], ['no port', { name: 'a' }], ['port 0', { name: 'a', port: 0 }],
  ['a port for SRV', { name: 'a', records: 'srv', port: 1 }], ['MX', { name: 'a', records: 'mx' }], ['a server by name', { name: 'a', port: 1, servers: ['dns.internal'] }], ['no server', { name: 'a', port: 1, servers: [] }],
  ['NaN', { name: 'a', port: 1, timeoutMs: Number.NaN }], ['min above max', { name: 'a', port: 1, minTtlMs: 2, maxTtlMs: 1 }], ['no resolver', { name: 'a', port: 1, resolver: {} }], ['an option of another registry', { name: 'a', port: 1, basePath: '/rpcx' }], ['a bad network', { name: 'a', port: 1, network: '@' }],
])('refuses %s', (_name, options) => {
  expect(() => dns(options as DnsOptions)).toThrow(TypeError);
});
