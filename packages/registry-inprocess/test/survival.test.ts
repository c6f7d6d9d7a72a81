import { createClient, type Client } from '@rpcxjs/client';
import { RpcError, type Dialer, type Discovery, type Lease, type Logger, type ServiceInstance } from '@rpcxjs/core';
import { cached, dialProbe, instanceFeed, instanceList, stabilised, type InstanceFeed, type SnapshotStore } from '@rpcxjs/core/discoveries';
import { createServer, type Server } from '@rpcxjs/server';
import { manualClock, type ManualClock } from '@rpcxjs/testing';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import { inprocess } from '../src/index.ts';

/** Servers by name on one network, under one clock, with a note of who was dialled when. */
class Stage implements AsyncDisposable {
  readonly clock: ManualClock = manualClock();
  readonly network = memoryNetwork();
  readonly servers = new Map<string, Server>();
  readonly clients: Client[] = [];
  readonly warnings: string[] = [];
  readonly logger: Logger = { debug() {}, info() {}, error() {}, warn: (_fields, message) => void this.warnings.push(message), child: () => this.logger };
  dialled: string[] = [];
  readonly dialer: Dialer = {
    networks: this.network.networks,
    dial: (address, options) => {
      this.dialled.push(address.host);
      return this.network.dial(address, options);
    },
  };

  async start(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const server = createServer({ transports: [this.network], clock: this.clock, logger: this.logger });
      server.registerFunction('Who', 'Am', () => name);
      await server.listen(`memory@${name}`);
      this.servers.set(name, server);
    }
  }
  kill(name: string): void {
    this.servers.get(name)?.abort();
  }
  connect(discovery: Discovery): Client {
    const client = createClient({ discovery, transports: [this.dialer], clock: this.clock, logger: this.logger });
    this.clients.push(client);
    return client;
  }
  /** Who answered that many calls, one after the other. */
  async who(client: Client, calls = 12): Promise<string> {
    const names = new Set<unknown>();
    for (let count = 0; count < calls; count++) names.add(await this.settled(client.call('Who', 'Am', null)));
    return [...names].sort().join(' ');
  }
  /** Lets time pass in small steps until the work is done. */
  async settled<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const done = work.finally(() => (over = true));
    done.catch(() => {});
    while (!over) await this.clock.advanceAsync(5);
    return done;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
    for (const server of this.servers.values()) server.abort();
  }
}

describe('a client over an in-process registry', () => {
  it('finds what registers, leaves what drains, and forgets what is released, without a socket', async () => {
    await using stage = new Stage();
    await stage.start('a', 'b');
    const registry = inprocess();
    const runtime = { clock: stage.clock, logger: stage.logger };
    const leases: Lease[] = [];
    for (const name of ['a', 'b']) leases.push(await registry.register({ service: 'Who', instance: { address: `memory@${name}`, metadata: {} } }, { runtime }));
    const client = stage.connect(registry);
    expect(await stage.who(client)).toBe('a b');
    await leases[0]?.update({ state: 'inactive' });
    expect(await stage.who(client)).toBe('b');
    await leases[0]?.update({ state: 'active' });
    expect(await stage.who(client)).toBe('a b');
    await leases[1]?.release();
    expect(await stage.who(client)).toBe('a');
    await leases[0]?.release();
    await expect(stage.settled(client.call('Who', 'Am', null))).rejects.toMatchObject({ reason: 'NO_INSTANCE', sent: false });
    await registry.close();
  });

  it('follows servers that advertise themselves, and loses no call while each of them is replaced', async () => {
    await using stage = new Stage();
    const registry = inprocess();
    const start = async (name: string): Promise<Server> => {
      const server = createServer({ transports: [stage.network], clock: stage.clock, logger: stage.logger, registries: [registry], advertise: { metadata: { weight: '2' } } });
      server.registerFunction('Who', 'Am', () => name);
      await stage.settled(server.listen(`memory@${name}`));
      stage.servers.set(name, server);
      return server;
    };
    const [a, b] = [await start('a'), await start('b')];
    const client = stage.connect(registry);
    expect(await stage.who(client)).toBe('a b');
    for (const [old, name] of [[a, 'c'], [b, 'd']] as const) {
      await start(name);
      const closed = stage.settled(old.close());
      expect(await stage.who(client, 100)).toContain(name);
      await closed;
    }
    expect(await stage.who(client)).toBe('c d');
    expect(stage.warnings).toEqual([]);
    await registry.close();
  });

  it('keeps its servers when the registry closes', async () => {
    await using stage = new Stage();
    await stage.start('a');
    const registry = inprocess();
    await registry.register({ service: 'Who', instance: { address: 'memory@a', metadata: {} } }, { runtime: { clock: stage.clock, logger: stage.logger } });
    const client = stage.connect(registry);
    expect(await stage.who(client, 1)).toBe('a');
    await registry.close();
    expect(await stage.who(client, 1)).toBe('a');
  });
});

describe('G4: an empty list, or half of one', () => {
  it('G4: old servers are used while they answer, dead ones dropped after two probes, and none is dialled 60 s later', async () => {
    await using stage = new Stage();
    await stage.start('a', 'b', 'c', 'd');
    const list = instanceList(['a', 'b', 'c', 'd'].map((name) => `memory@${name}`));
    const lists: string[] = [];
    const stable = stabilised(list, { probe: dialProbe([stage.dialer]) });
    const client = stage.connect({
      async *watch(service, options) {
        for await (const instances of stable.watch(service, options)) {
          lists.push(instances.map(({ address }) => address.slice(7)).join(''));
          yield instances;
        }
      },
    });
    expect(await stage.who(client)).toBe('a b c d');

    list.update([]);
    stage.kill('c');
    await stage.clock.advanceAsync(1);
    expect(await stage.who(client)).toBe('a b d');
    expect(lists).toEqual(['abcd']);
    await stage.clock.advanceAsync(5000);
    expect(lists).toEqual(['abcd', 'abd']);

    await stage.clock.advanceAsync(54_000);
    expect(await stage.who(client)).toBe('a b d');
    await stage.clock.advanceAsync(1000);
    expect(lists).toEqual(['abcd', 'abd', '']);
    stage.dialled = [];
    await expect(stage.settled(client.call('Who', 'Am', null))).rejects.toMatchObject({ reason: 'NO_INSTANCE' });
    await stage.clock.advanceAsync(60_000);
    expect(stage.dialled).toEqual([]);

    list.update(['memory@a']);
    expect(await stage.who(client)).toBe('a');
  });

  it('G4: half of the servers vanish from the list: nobody fails, also when they have died, and a good list ends it', async () => {
    await using stage = new Stage();
    await stage.start('a', 'b', 'c', 'd');
    const list = instanceList(['a', 'b', 'c', 'd'].map((name) => `memory@${name}`));
    const client = stage.connect(stabilised(list));
    expect(await stage.who(client)).toBe('a b c d');
    list.update(['memory@a', 'memory@b']);
    expect(await stage.who(client)).toBe('a b c d');
    stage.kill('d');
    expect(await stage.who(client, 40)).toBe('a b c');
    list.update(['memory@a', 'memory@b', 'memory@c']);
    expect(await stage.who(client)).toBe('a b c');
    stage.dialled = [];
    await stage.clock.advanceAsync(60_000);
    expect(await stage.who(client)).toBe('a b c');
    expect(stage.dialled).not.toContain('d');
  });

  it('G4: retired servers, which live on, get no calls after 60 s', async () => {
    await using stage = new Stage();
    await stage.start('a', 'b', 'c', 'd');
    const list = instanceList(['a', 'b', 'c', 'd'].map((name) => `memory@${name}`));
    const client = stage.connect(stabilised(list));
    expect(await stage.who(client)).toBe('a b c d');
    list.update(['memory@b']);
    await stage.clock.advanceAsync(60_001);
    stage.dialled = [];
    expect(await stage.who(client, 40)).toBe('b');
    await stage.clock.advanceAsync(60_000);
    expect(stage.dialled.filter((name) => name !== 'b')).toEqual([]);
  });
});

describe('G2: a cold start while the registry is down', () => {
  const store = (): SnapshotStore => {
    const texts = new Map<string, string>();
    return { load: (service) => Promise.resolve(texts.get(service)), save: (service, text) => Promise.resolve(void texts.set(service, text)) };
  };
  const failing: Discovery = { watch: () => { throw new Error('ECONNREFUSED'); } };
  const silent: Discovery = { watch: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }) };

  it.each([['that refuses', failing, 100], ['that is silent', silent, 1000]])('G2: with a snapshot and a registry %s, the first call is answered in time', async (_name, down, limitMs) => {
    await using stage = new Stage();
    await stage.start('a', 'b');
    const snapshots = store();
    const before = stage.connect(cached(instanceList(['memory@a', 'memory@b']), snapshots));
    expect(await stage.who(before)).toBe('a b');
    await before.close();
    const started = stage.clock.now();
    const client = stage.connect(stabilised(cached(down, snapshots)));
    expect(await stage.who(client, 1)).toMatch(/^[ab]$/);
    expect(stage.clock.now() - started).toBeLessThanOrEqual(limitMs);
    expect(await stage.who(client)).toBe('a b');
  });

  it('G2: without a snapshot the first call fails with the reason, and the client heals when the registry is back', async () => {
    await using stage = new Stage();
    await stage.start('a');
    let registry = failing;
    const client = stage.connect(stabilised(cached({ watch: (...given) => registry.watch(...given) }, store())));
    const started = stage.clock.now();
    const error = await stage.settled(client.call('Who', 'Am', null).catch((thrown: unknown) => thrown));
    expect(RpcError.is(error) && [error.code, error.reason, error.sent]).toEqual(['unavailable', 'NO_INSTANCE', false]);
    expect(error).toMatchObject({ message: expect.stringContaining('ECONNREFUSED') as string });
    expect(stage.clock.now() - started).toBeLessThan(1000);
    registry = instanceList(['memory@a']);
    await stage.clock.advanceAsync(5000);
    expect(await stage.who(client)).toBe('a');
  });
});

it('G12: a store that is broken disturbs no call, and is named once', async () => {
  await using stage = new Stage();
  await stage.start('a', 'b');
  const broken: SnapshotStore = { load: () => Promise.reject(new Error('EIO')), save: () => Promise.reject(new Error('ENOSPC: no space left on device')) };
  const list = instanceList(['memory@a']);
  const client = stage.connect(cached(list, broken));
  expect(await stage.who(client)).toBe('a');
  for (let count = 0; count < 5; count++) {
    list.update(count % 2 === 0 ? ['memory@a', 'memory@b'] : ['memory@b']);
    expect(await stage.who(client)).toContain('b');
  }
  expect(stage.warnings.filter((message) => message.includes('snapshot'))).toEqual([expect.stringContaining('ENOSPC')]);
});

it('G10: what a registry says wrongly is ignored with one warning, and the other servers are used', async () => {
  await using stage = new Stage();
  await stage.start('a', 'b', 'c');
  const metadata = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
  metadata['large'] = 'x'.repeat(1 << 20);
  const hostile: ServiceInstance[] = [
    { address: 'memory@a', metadata: { weight: '-1' } }, { address: 'memory@b', metadata: { weight: 'NaN' } }, { address: 'memory@b', metadata: { weight: '1e9' } }, { address: 'memory@c', metadata },
    { address: 'carrier-pigeon@roof', metadata: {} }, { address: 'tcp@', metadata: {} }, { address: '', metadata: {} }, null as never, { address: 'memory@c' } as never,
  ];
  const feeds = new Set<InstanceFeed>();
  const client = stage.connect({ watch: (_service, { signal }) => instanceFeed(signal, (feed) => {
    feeds.add(feed);
    feed.push(hostile);
    return () => void feeds.delete(feed);
  }) });
  expect(await stage.who(client)).toBe('a b c');
  for (const feed of feeds) feed.push([...hostile]);
  expect(await stage.who(client)).toBe('a b c');
  expect(stage.warnings).toEqual([expect.stringMatching(/^the discovery of "Who" says what cannot be used, the rest is: /)]);
  expect(stage.dialled.filter((name) => !['a', 'b', 'c'].includes(name))).toEqual([]);
});
