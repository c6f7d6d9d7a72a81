import { randomUUID } from 'node:crypto';
import multicastDns from 'multicast-dns';
import { systemClock, type Runtime, type ServiceInstance } from '@rpcxjs/core';
import { describe, expect, it, vi } from 'vitest';
import { mdns, type MdnsOptions, type MdnsRegistry } from '../src/index.ts';

interface Stranger {
  say(name: string, data: readonly (string | Buffer)[], ttl?: number): Promise<void>;
  sayAll(records: readonly { readonly name: string; readonly data: readonly (string | Buffer)[]; readonly ttl?: number | undefined }[]): Promise<void>;
}

/** A network of its own on loopback: those in it hear each other and nobody else. */
class Network implements AsyncDisposable {
  readonly service = `_${randomUUID().slice(0, 8)}`;
  readonly warnings: string[] = [];
  readonly runtime: Runtime;
  readonly #open: (() => Promise<unknown>)[] = [];

  constructor() {
    const logger = { debug() {}, info() {}, warn: (_fields: object, message: string) => void this.warnings.push(message), error: (_fields: object, message: string) => void this.warnings.push(message), child: () => logger };
    this.runtime = { clock: systemClock, logger };
  }
  join(options: MdnsOptions = {}): MdnsRegistry {
    const registry = mdns({ interface: '127.0.0.1', service: this.service, ...options });
    this.#open.push(() => registry.close());
    return registry;
  }
  /** Reads every list of a service. */
  read(registry: MdnsRegistry, service = 'Arith'): (readonly ServiceInstance[])[] {
    const lists: (readonly ServiceInstance[])[] = [];
    void (async () => {
      for await (const list of registry.watch(service, { runtime: this.runtime })) lists.push(list);
    })();
    return lists;
  }
  /** Somebody who says whatever he likes. */
  async stranger(): Promise<Stranger> {
    const socket = multicastDns({ interface: '127.0.0.1', bind: '0.0.0.0' });
    await new Promise<void>((resolve) => socket.on('ready', () => resolve()));
    this.#open.push(() => new Promise<void>((resolve) => socket.destroy(resolve)));
    const sayAll: Stranger['sayAll'] = (records) => new Promise((resolve) => {
      socket.respond(records.map(({ name, data, ttl = 3200 }) => ({ name: `${name}.${this.service}.local`, type: 'TXT', ttl, data: [...data] })), () => setImmediate(resolve));
    });
    return { sayAll, say: (name, data, ttl) => sayAll([{ name, data, ttl }]) };
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open.map((close) => close()));
  }
}

const names = (list: readonly ServiceInstance[] | undefined): string[] | undefined => list?.map(({ address }) => address);
const text = (...services: readonly { service: string; service_address: string; meta?: string }[]): string => encodeURIComponent(JSON.stringify(services));

describe('mdns() on loopback', () => {
  it('finds two servers of one process and those of another under one host name', async () => {
    await using network = new Network();
    const [one, other, client] = [network.join({ instance: 'host' }), network.join({ instance: 'host' }), network.join()];
    const lists = network.read(client);
    for (const port of [1, 2]) await one.register({ service: 'Arith', instance: { address: `tcp@127.0.0.1:${port}`, metadata: {} } }, network);
    const lease = await other.register({ service: 'Arith', instance: { address: 'tcp@[::1]:3', metadata: {} } }, network);
    await vi.waitFor(() => expect(names(lists.at(-1))).toEqual(['tcp@127.0.0.1:1', 'tcp@127.0.0.1:2', 'tcp@[::1]:3']), 5000);
    await lease.release();
    await vi.waitFor(() => expect(names(lists.at(-1))).toEqual(['tcp@127.0.0.1:1', 'tcp@127.0.0.1:2']), 5000);
  });

  it('keeps a server whose twin at the same address has left', async () => {
    await using network = new Network();
    const [one, twin, client] = [network.join(), network.join(), network.join()];
    const registration = { service: 'Arith', instance: { address: 'tcp@127.0.0.1:1', metadata: {} } };
    await one.register(registration, network);
    const lease = await twin.register(registration, network);
    const lists = network.read(client);
    await vi.waitFor(() => expect(names(lists.at(-1))).toEqual(['tcp@127.0.0.1:1']), 5000);
    await lease.release();
    await new Promise((resolve) => systemClock.setTimer(() => resolve(undefined), 500)); // twice the grace of a goodbye
    expect(lists.map(names)).toEqual([['tcp@127.0.0.1:1']]);
  });

  it('G11: forgets at its TTL who does not answer any more', async () => {
    await using network = new Network();
    const stranger = await network.stranger();
    const lists = network.read(network.join());
    await vi.waitFor(async () => {
      await stranger.say('dead', [text({ service: 'Arith', service_address: 'tcp@h:1' })], 1);
      expect(names(lists.at(-1))).toEqual(['tcp@h:1']);
    }, 5000);
    await vi.waitFor(() => expect(names(lists.at(-1))).toEqual([]), 5000);
  });

  it('tells two Go servers apart that have one name, and hears their goodbyes', async () => {
    await using network = new Network();
    const stranger = await network.stranger();
    const lists = network.read(network.join());
    await vi.waitFor(async () => {
      await stranger.say('host', [text({ service: 'Arith', service_address: 'tcp@h:1' }, { service: 'Other', service_address: 'tcp@h:1' })]);
      await stranger.say('host', [text({ service: 'Arith', service_address: 'tcp@h:2', meta: 'weight=2' })]);
      expect(names(lists.at(-1))).toEqual(['tcp@h:1', 'tcp@h:2']);
    }, 5000);
    await stranger.say('host', [text({ service: 'Arith', service_address: 'tcp@h:1' })], 0);
    await vi.waitFor(() => expect(names(lists.at(-1))).toEqual(['tcp@h:2']), 5000);
  });

  it('G10: warns once of what cannot be used, and uses the rest', async () => {
    await using network = new Network();
    const stranger = await network.stranger();
    const lists = network.read(network.join());
    const bad = ['%zz', 'hello', '%7B%7D', text({ service: 'Arith', service_address: 'tcp@' }), text({ service: 'Arith', service_address: 'tcp@h:1', meta: '%zz' })];
    await vi.waitFor(async () => {
      for (const [index, one] of bad.entries()) await stranger.say(`bad${index}`, [one]);
      await stranger.say('empty', []);
      await stranger.say('large', Array.from({ length: 250 }, () => Buffer.alloc(255, 0x78)));
      await stranger.say('good', [text({ service: 'Arith', service_address: 'tcp@h:1', meta: '__proto__=x' })]);
      expect(names(lists.at(-1))).toEqual(['tcp@h:1']);
    }, 5000);
    expect(network.warnings).toEqual([expect.stringMatching(/^mDNS: what ".*" says cannot be used, the rest is: /)]);
  });

  it('remembers no more than it can hold when somebody floods the network', { timeout: 30_000 }, async () => {
    await using network = new Network();
    const stranger = await network.stranger();
    const lists = network.read(network.join());
    await vi.waitFor(async () => {
      for (let count = 0; count < 12_000; count += 100) {
        await stranger.sayAll(Array.from({ length: 100 }, (_, index) => ({ name: `flood${count + index}`, data: [text({ service: `Flood${count + index}`, service_address: 'tcp@h:1' })] })));
      }
      expect(network.warnings.filter((warning) => warning.includes('flooding'))).toHaveLength(1);
    }, 25_000);
    expect(lists.flat()).toEqual([]);
  });

  it('warns once of a text that Go cannot read, and reads it itself', async () => {
    await using network = new Network();
    const [server, client] = [network.join(), network.join()];
    for (const port of [1, 2]) await server.register({ service: 'Arith', instance: { address: `tcp@h:${port}`, metadata: { long: 'x'.repeat(2000) } } }, network);
    const lists = network.read(client);
    await vi.waitFor(() => expect(lists.at(-1)?.map(({ metadata }) => metadata['long']?.length)).toEqual([2000, 2000]), 5000);
    expect(network.warnings).toEqual([expect.stringContaining('Go clients read the first 255 only')]);
    await expect(server.register({ service: 'Arith', instance: { address: 'tcp@h:3', metadata: { long: 'x'.repeat(70_000) } } }, network)).rejects.toMatchObject({ code: 'resource_exhausted', reason: 'TOO_LARGE' });
  });

  it('G2: an interface that this machine has not is a typed error that names it', async () => {
    await using network = new Network();
    const registry = network.join({ interface: '198.51.100.7' });
    await expect(registry.register({ service: 'Arith', instance: { address: 'tcp@h:1', metadata: {} } }, network)).rejects.toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', sent: false, message: expect.stringContaining('198.51.100.7') as string });
    await expect(registry.watch('Arith', network)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ reason: 'REGISTRY_UNREACHABLE' });
  });
});

it.each<[string, unknown]>([
  ['null', null], ['a host name', { interface: 'eth0' }], ['an empty list', { interface: [] }], ['an instance with dots', { instance: 'a.b' }], ['a long instance', { instance: 'x'.repeat(41) }], ['an empty service', { service: '' }],
  ['a domain with an empty label', { domain: 'a..b' }], ['a TTL below a second', { ttlMs: 500 }], ['NaN', { queryMs: Number.NaN }], ['a refresh that comes too late', { ttlMs: 2000, refreshMs: 2000 }], ['port 0', { port: 0 }], ['an option of another registry', { basePath: '/rpcx' }],
])('refuses %s', (_name, options) => {
  expect(() => mdns(options as MdnsOptions)).toThrow(TypeError);
});
