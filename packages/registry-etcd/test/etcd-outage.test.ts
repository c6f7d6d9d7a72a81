import { afterEach, expect, it, vi } from 'vitest';
import { systemClock, type Lease, type Logger } from '@rpcxjs/core';
import type { KeyValueRegistry, RegistryOptions } from '@rpcxjs/registry-kit';
import { startEtcd, type EtcdServer } from '@rpcxjs/registry-servers';
import { describeWithEtcd } from '@rpcxjs/registry-servers/vitest';
import { openEtcd } from '../src/etcd-client.ts';
import { resolveEtcdOptions } from '../src/etcd-options.ts';
import { EtcdStore } from '../src/etcd-store.ts';
import { watchContent } from '../src/etcd-watch.ts';
import { etcd } from '../src/etcd.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});
const keep = <T extends AsyncDisposable>(what: T): T => {
  open.push(what);
  return what;
};

class House {
  readonly said: string[] = [];
  readonly logger: Logger = { debug() {}, info: (_, text) => void this.said.push(text), warn: (_, text) => void this.said.push(text), error: (_, text) => void this.said.push(text), child: () => this.logger };
  readonly runtime = { clock: systemClock, logger: this.logger };
  readonly server: EtcdServer;
  constructor(server: EtcdServer) {
    this.server = server;
  }
  registry(options: RegistryOptions = {}): KeyValueRegistry {
    return keep(etcd({ endpoints: this.server.address, ...options }));
  }
  register(registry: KeyValueRegistry, address: string): Promise<Lease> {
    return registry.register({ service: 'Arith', instance: { address, metadata: {} } }, { runtime: this.runtime });
  }
  watch(registry: KeyValueRegistry): string[] {
    const lists: string[] = [];
    const controller = new AbortController();
    keep({ [Symbol.asyncDispose]: async () => controller.abort() });
    void (async () => {
      for await (const list of registry.watch('Arith', { signal: controller.signal, runtime: this.runtime })) lists.push(list.map(({ address }) => address.replace(/^tcp@(.*):1$/, '$1')).join(' '));
    })();
    return lists;
  }
  /** What etcd itself has. */
  async keys(): Promise<{ key: string; lease: string | undefined }[]> {
    const { kvs = [] } = (await this.server.ask('kv/range', { key: 'AA==', range_end: 'AA==' })) as { kvs?: { key: string; lease?: string }[] };
    return kvs.map(({ key, lease }) => ({ key: Buffer.from(key, 'base64').toString(), lease }));
  }
  async leaseOf(key: string): Promise<string | undefined> {
    return (await this.keys()).find((one) => one.key === key)?.lease;
  }
}
async function house(): Promise<House> {
  return new House(keep(await startEtcd()));
}
const instance = '/rpcx/Arith/tcp@a:1';

describeWithEtcd('an etcd in trouble', () => {
  it('G3: a lease that somebody revokes is granted again, and its keys are written again', { timeout: 20_000 }, async () => {
    const here = await house();
    await here.register(here.registry(), 'tcp@a:1');
    const before = await here.leaseOf(instance);
    await here.server.ask('lease/revoke', { ID: before });
    expect(await here.leaseOf(instance)).toBeUndefined();
    await vi.waitFor(async () => expect(await here.leaseOf(instance)).toBeDefined(), { timeout: 6000 });
    expect(await here.leaseOf(instance)).not.toBe(before);
  });

  it('keeps the lease over a restart, and watchers hear what comes after it', { timeout: 30_000 }, async () => {
    const here = await house();
    const registry = here.registry();
    await here.register(registry, 'tcp@a:1');
    const before = await here.leaseOf(instance);
    const lists = here.watch(here.registry());
    await vi.waitFor(() => expect(lists).toEqual(['a']));
    await here.server.restart();
    await here.register(registry, 'tcp@b:1');
    await vi.waitFor(() => expect(lists).toEqual(['a', 'a b']), { timeout: 15_000 });
    expect(await here.leaseOf(instance)).toBe(before);
  });

  it('wiped and started again it has everything again, in a while', { timeout: 30_000 }, async () => {
    const here = await house();
    const registry = here.registry({ ttlMs: 6000 });
    await here.register(registry, 'tcp@a:1');
    await here.register(registry, 'tcp@b:1');
    const lists = here.watch(here.registry());
    await vi.waitFor(() => expect(lists.at(-1)).toBe('a b'));
    await here.server.wipe();
    await vi.waitFor(async () => expect((await here.keys()).map(({ key }) => key)).toEqual(['/rpcx', '/rpcx/Arith', instance, '/rpcx/Arith/tcp@b:1']), { timeout: 12_000 });
    await vi.waitFor(() => expect(lists.at(-1)).toBe('a b'), { timeout: 12_000 });
  });

  it('G6: compacted away what a watch still had to read, the watch says so and the list is read anew', { timeout: 30_000 }, async () => {
    const here = await house();
    const { server, runtime } = here;
    const client = await openEtcd(resolveEtcdOptions({ endpoints: server.address }), 5000);
    const store = new EtcdStore({ client, where: server.address, runtime, timeoutMs: 5000 });
    keep({ [Symbol.asyncDispose]: () => store.close() });
    const { signal } = new AbortController();
    const compact = async (): Promise<void> => {
      for (const name of ['b', 'c']) await store.putPersistent(`/rpcx/Arith/tcp@${name}:1`, '', { signal });
      const { header } = (await server.ask('kv/range', { key: 'AA==' })) as { header: { revision: string } };
      await server.ask('kv/compaction', { revision: header.revision, physical: true });
    };
    // Between the reading of the list and the stream of what comes after it, as when that stream was cut off for a while.
    const range: typeof client.kv.range = async (request) => {
      const read = await client.kv.range(request);
      await compact();
      return read;
    };
    const torn = { kv: { range }, watchClient: client.watchClient } as unknown as typeof client; // all that a watch uses
    const lists: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const content of watchContent(torn, '/rpcx/Arith/', { clock: runtime.clock, timeoutMs: 5000, signal })) lists.push(content.size);
    };
    await expect(reading()).rejects.toThrow(/the revisions before \d+ were compacted away/);
    expect(lists).toEqual([0]);

    const names = here.watch(here.registry());
    await vi.waitFor(() => expect(names).toEqual(['b c']));
    await server.restart();
    await store.putPersistent('/rpcx/Arith/tcp@d:1', '', { signal });
    await vi.waitFor(() => expect(names.at(-1)).toBe('b c d'), { timeout: 15_000 });
  });

  it('G7: frozen it is noticed within 15 s, with one warning, and nobody is told of an empty list', { timeout: 40_000 }, async () => {
    const here = await house();
    const registry = here.registry();
    const lists = here.watch(registry);
    await here.register(registry, 'tcp@a:1');
    await vi.waitFor(() => expect(lists.at(-1)).toBe('a'));
    here.server.freeze();
    const frozen = performance.now();
    await vi.waitFor(() => expect(here.said).toHaveLength(1), { timeout: 16_000 });
    expect(performance.now() - frozen).toBeLessThan(15_000);
    expect(here.said).toEqual([expect.stringMatching(/^etcd at 127\.0\.0\.1:\d+ does not answer; calls go on with the servers that are known: .*no answer within 5000 ms/)]);
    here.server.thaw();
    await vi.waitFor(() => expect(here.said.at(-1)).toMatch(/answers again$/), { timeout: 12_000 });
    expect(lists.slice(lists.indexOf('a'))).toEqual(['a']);
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
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const few = timers();
    const asked = 20;
    // Questions that etcd will not answer any more.
    const client = await openEtcd(resolveEtcdOptions({ endpoints: here.server.address }), 5000);
    await client.kv.range({ key: Buffer.from(instance) });
    expect(await closing(() => here.server.freeze())).toBeLessThan(2500);
    const failed = Promise.allSettled(Array.from({ length: asked }, () => client.kv.range({ key: Buffer.from(instance) })));
    await vi.waitFor(() => expect(timers()).toBeGreaterThanOrEqual(few + asked));
    client.close();
    expect((await failed).map(({ status }) => status)).toEqual(Array.from({ length: asked }, () => 'rejected'));
    // Each had a timer of its own, and they would have kept the process for as long as that ran.
    await vi.waitFor(() => expect(timers()).toBeLessThan(few + asked), { timeout: 500 });
    here.server.thaw();
    expect(await closing(() => here.server.kill())).toBeLessThan(2500);
  });

  it('takes a value of a mebibyte without harm', async () => {
    const here = await house();
    await here.server.ask('kv/put', { key: Buffer.from('/rpcx/Arith/tcp@large:1').toString('base64'), value: Buffer.from(`a=${'x'.repeat(1 << 20)}`).toString('base64') });
    await here.server.ask('kv/put', { key: Buffer.from('/rpcx/Arith/tcp@binary:1').toString('base64'), value: Buffer.from([0xff, 0xfe, 0x00, 0x25]).toString('base64') });
    const registry = here.registry();
    await here.register(registry, 'tcp@a:1');
    const lists = here.watch(registry);
    await vi.waitFor(() => expect(lists).toEqual(['a']));
    expect(here.said).toEqual([expect.stringMatching(/^the registry says what cannot be used below \/rpcx\/Arith\/.*its value has 1048578 characters/)]);
  });
});
