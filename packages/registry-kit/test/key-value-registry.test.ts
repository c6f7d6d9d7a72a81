import { discoveryCases, registryCases } from '@rpcxjs/conformance';
import { systemClock, type InstanceMetadata, type Lease, type Logger, type ServiceInstance } from '@rpcxjs/core';
import { manualClock, type ManualClock } from '@rpcxjs/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { keyValueRegistry, type KeyValueRegistry } from '../src/key-value-registry.ts';
import { registryError } from '../src/registry-error.ts';
import type { RegistryOptions } from '../src/registry-options.ts';
import { MemoryBackend } from './memory-backend.ts';

const pair = () => {
  const { open } = new MemoryBackend(systemClock);
  const make = (): KeyValueRegistry => keyValueRegistry({ name: 'memory', where: 'here', open });
  return { registry: make(), discovery: make() };
};

describe('a registry over a key-value store', () => {
  for (const one of registryCases({ create: () => { const { registry, discovery } = pair(); return { registry, discovery, close: () => discovery.close() }; } })) it(one.name, one.run);
  for (const one of discoveryCases({ create: discovered })) it(one.name, one.run);
});

function discovered() {
  const { registry, discovery } = pair();
  const runtime = { clock: systemClock, logger: silent };
  const leases = new Map<string, Lease>();
  const set = async (service: string, instances: readonly ServiceInstance[]): Promise<void> => {
    const before = new Set([...leases.keys()].filter((key) => key.startsWith(`${service} `)));
    for (const instance of instances) {
      const key = `${service} ${instance.address}`;
      if (before.delete(key)) await leases.get(key)?.update(instance.metadata);
      else leases.set(key, await registry.register({ service, instance }, { runtime }));
    }
    for (const key of before) await leases.get(key)?.release().finally(() => leases.delete(key));
  };
  return { discovery, set, close: async () => { await registry.close(); await discovery.close(); } };
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

class House {
  readonly clock: ManualClock = manualClock();
  readonly backend: MemoryBackend;
  readonly said: string[] = [];
  readonly logger: Logger = { debug() {}, info: (_fields, text) => void this.said.push(text), warn: (_fields, text) => void this.said.push(text), error: (_fields, text) => void this.said.push(text), child: () => this.logger };
  readonly runtime = { clock: this.clock, logger: this.logger };
  readonly registries: KeyValueRegistry[] = [];

  constructor(expires = false) {
    this.backend = new MemoryBackend(this.clock, expires);
  }
  registry(options?: RegistryOptions): KeyValueRegistry {
    const made = keyValueRegistry({ name: 'memory', where: 'here:1', options, open: this.backend.open });
    this.registries.push(made);
    return made;
  }
  register(registry: KeyValueRegistry, metadata: InstanceMetadata = {}, rates?: () => { calls: number; connections: number }): Promise<Lease> {
    return registry.register({ service: 'Arith', instance: { address: 'tcp@a:1', metadata }, ...(rates && { rates }) }, { runtime: this.runtime });
  }
  /** What a watcher of Arith has heard. */
  watch(registry: KeyValueRegistry, service = 'Arith') {
    const heard: { lists: string[]; error?: unknown; over: boolean; stop(): void } = { lists: [], over: false, stop: () => controller.abort() };
    const controller = new AbortController();
    void (async () => {
      try {
        for await (const list of registry.watch(service, { signal: controller.signal, runtime: this.runtime })) heard.lists.push(list.map(({ address, metadata }) => [address.replace(/^tcp@(.*):1$/, '$1'), ...Object.entries(metadata).map(([key, value]) => `${key}=${String(value)}`)].join(' ')).join(', '));
      } catch (error) {
        heard.error = error;
      }
      heard.over = true;
    })();
    return heard;
  }
  value(key = '/rpcx/Arith/tcp@a:1'): string | undefined {
    return this.backend.live(key)?.value;
  }
}

const houses: House[] = [];
function house(expires?: boolean): House {
  const made = new House(expires);
  houses.push(made);
  return made;
}
afterEach(async () => {
  for (const { registries, clock, backend } of houses.splice(0)) {
    backend.frozen = false;
    for (const registry of registries) {
      const closed = registry.close();
      await clock.advanceAsync(6000);
      await closed;
    }
    expect(clock.pending).toBe(0);
  }
});

describe('what is registered', () => {
  it("stands in rpcx's keys at once", async () => {
    const here = house();
    await here.register(here.registry({ basePath: '/rpcx_test/' }), { weight: '3', group: ['b', 'a'] });
    expect([...here.backend.keys].map(([key, { value }]) => [key, value])).toEqual([['/rpcx_test', 'rpcx_path'], ['/rpcx_test/Arith', 'Arith'], ['/rpcx_test/Arith/tcp@a:1', 'group=b&group=a&weight=3']]);
  });

  it('is written again when somebody deletes it, with what others had edited', async () => {
    const here = house();
    await here.register(here.registry(), { weight: '3' });
    here.backend.edit('/rpcx/Arith/tcp@a:1', 'state=inactive&weight=3');
    await here.clock.advanceAsync(13_000);
    here.backend.keys.clear();
    await here.clock.advanceAsync(13_000);
    expect(here.value()).toBe('state=inactive&weight=3');
    expect(here.value('/rpcx')).toBe('rpcx_path');
  });

  it('keeps what others edited, but for what the server itself changes', async () => {
    const here = house();
    const lease = await here.register(here.registry(), { weight: '3', group: 'a' });
    here.backend.edit('/rpcx/Arith/tcp@a:1', 'group=b&note=mine&weight=7');
    await lease.update({ weight: '5', group: 'a' });
    expect(here.value()).toBe('group=b&note=mine&weight=5');
    await lease.update({ weight: '5' });
    expect(here.value()).toBe('note=mine&weight=5');
  });

  it('is not written again while it is as it should be', async () => {
    const here = house();
    await here.register(here.registry(), { weight: '3' });
    await here.clock.advanceAsync(120_000);
    expect(here.backend.writes).toBe(1);
  });

  it('lives on in a backend whose keys expire, without a change that watchers would see', async () => {
    const here = house(true);
    const registry = here.registry({ ttlMs: 3000 });
    await here.register(registry);
    const heard = here.watch(registry);
    await here.clock.advanceAsync(60_000);
    expect(here.value()).toBe('');
    expect([here.backend.writes, heard.lists]).toEqual([1, ['a']]);
  });

  it('G3: is written again at once when the session is lost', async () => {
    const here = house();
    await here.register(here.registry(), { weight: '3' });
    here.backend.loseSessions();
    expect(here.value()).toBeUndefined();
    await here.clock.advanceAsync(0);
    expect(here.value()).toBe('weight=3');
  });

  it('G3b: takes over what an earlier session has left', async () => {
    const here = house();
    await here.register(here.registry(), { weight: '1' });
    const [before] = here.backend.stores;
    await here.register(here.registry(), { weight: '2' });
    expect(here.value()).toBe('weight=2');
    expect(here.backend.live('/rpcx/Arith/tcp@a:1')?.owner).not.toBe(before);
  });

  it('is not deleted by somebody whose place was taken', async () => {
    const here = house();
    const older = await here.register(here.registry(), { weight: '1' });
    await here.register(here.registry(), { weight: '2' });
    await older.release();
    expect(here.value()).toBe('weight=2');
  });

  it('says calls and connections a second, where that is asked for', async () => {
    const here = house();
    let calls = 12.5;
    await here.register(here.registry({ publishRates: true }), { weight: '3' }, () => ({ calls, connections: 1 / 3 }));
    expect(here.value()).toBe('calls=12.50&connections=0.33&weight=3');
    calls = 1;
    await here.clock.advanceAsync(13_000);
    expect(here.value()).toBe('calls=1.00&connections=0.33&weight=3');
  });

  it('ends with an error in time when the backend does not answer, and leaves nothing to come', async () => {
    const here = house();
    here.backend.frozen = true;
    const failure = here.register(here.registry()).then(() => undefined, (error: unknown) => error);
    await here.clock.advanceAsync(4999);
    expect(here.clock.pending).toBeGreaterThan(0);
    await here.clock.advanceAsync(1);
    expect(await failure).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', message: expect.stringMatching(/^memory at here:1 cannot write \/rpcx: no answer within 5000 ms; does memory run there/) as string });
  });

  it('is refused with what the backend says when it is not there', async () => {
    const here = house();
    here.backend.down = true;
    await expect(here.register(here.registry())).rejects.toMatchObject({ reason: 'REGISTRY_UNREACHABLE', message: expect.stringContaining('connect ECONNREFUSED') as string });
    here.backend.down = false;
  });

  it('G1: is back when the backend is back, without a call of anybody', async () => {
    const here = house();
    await here.register(here.registry(), { weight: '3' });
    here.backend.goDown();
    here.backend.keys.clear();
    await here.clock.advanceAsync(60_000);
    here.backend.down = false;
    await here.clock.advanceAsync(6000);
    expect(here.value()).toBe('weight=3');
    expect(here.said.filter((text) => text.includes('does not answer'))).toHaveLength(1);
    expect(here.said.filter((text) => text.includes('answers again'))).toHaveLength(1);
  });
});

describe('what is registered, when others come between', () => {
  it('does not undo an edit that is made while it is being refreshed', async () => {
    const here = house();
    const lease = await here.register(here.registry(), { weight: '3' });
    let edits = 0;
    here.backend.before = (operation) => {
      if (operation === 'putOwned' && edits++ === 0) here.backend.edit('/rpcx/Arith/tcp@a:1', 'state=inactive&weight=3');
    };
    await lease.update({ weight: '4' });
    expect(here.value()).toBe('state=inactive&weight=4');
  });

  it('gives up, and says so, when somebody edits it all the time', async () => {
    const here = house();
    const lease = await here.register(here.registry(), { weight: '3' });
    here.backend.before = (operation) => {
      if (operation === 'putOwned') here.backend.edit('/rpcx/Arith/tcp@a:1', `note=${here.backend.version}`);
    };
    await expect(lease.update({ weight: '4' })).rejects.toMatchObject({ code: 'aborted', message: expect.stringContaining('others change it all the time') as string });
  });

  it('is not deleted by its own earlier life', async () => {
    const here = house();
    const registry = here.registry();
    const lease = await here.register(registry, { weight: '1' });
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    here.backend.before = (operation) => (operation === 'deleteOwned' ? gate : undefined);
    const released = lease.release();
    const registered = here.register(registry, { weight: '2' });
    await here.clock.advanceAsync(0);
    open();
    await released;
    await registered;
    expect(here.value()).toBe('weight=2');
    // And is looked after.
    here.backend.loseSessions();
    await here.clock.advanceAsync(0);
    expect(here.value()).toBe('weight=2');
  });

  it('leaves no connection that was opened when nobody waited for it any more', async () => {
    const here = house();
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const registry = keyValueRegistry({ name: 'memory', where: 'here', open: () => gate.then(here.backend.open) });
    const failure = here.register(registry).then(() => undefined, (error: unknown) => error);
    await here.clock.advanceAsync(5000);
    expect(await failure).toMatchObject({ reason: 'REGISTRY_UNREACHABLE' });
    open();
    await here.clock.advanceAsync(0);
    expect(here.backend.stores.map(({ closed }) => closed)).toEqual([true]);
    await registry.close();
  });
});

describe('a watcher', () => {
  it('reads the list anew as soon as a backend that was silent for a moment answers', async () => {
    const here = house();
    const registry = here.registry({ relistMs: 1_000_000 });
    const heard = here.watch(registry);
    await here.clock.advanceAsync(1000);
    here.backend.deaf = true;
    here.backend.edit('/rpcx/Arith/tcp@a:1', '');
    here.backend.frozen = true;
    for (let waited = 0; here.said.length === 0 && waited < 15_000; waited += 100) await here.clock.advanceAsync(100);
    here.backend.frozen = false;
    await here.clock.advanceAsync(1000);
    expect([here.backend.stores.length, heard.lists]).toEqual([1, ['', 'a']]);
  });

  it('believes what its watch said rather than a list that was read before', async () => {
    const here = house();
    const registry = here.registry({ relistMs: 1000 });
    const heard = here.watch(registry);
    await here.clock.advanceAsync(0);
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const stale = here.backend.content('/rpcx/Arith/');
    here.backend.before = async (operation) => {
      if (operation !== 'list') return;
      here.backend.before = undefined;
      await gate;
      here.backend.content = () => {
        Reflect.deleteProperty(here.backend, 'content');
        return stale;
      };
    };
    await here.clock.advanceAsync(1200);
    here.backend.edit('/rpcx/Arith/tcp@a:1', '');
    await here.clock.advanceAsync(0);
    open();
    await here.clock.advanceAsync(100);
    expect(heard.lists).toEqual(['', 'a']);
  });

  it('is not told that the backend is away when that refuses to be asked', async () => {
    const here = house();
    const registry = here.registry();
    const heard = here.watch(registry);
    here.backend.before = (operation) => {
      if (operation === 'get') throw registryError({ name: 'memory', where: 'here:1', what: 'read /rpcx', code: 'permission_denied', reason: 'REGISTRY_REFUSED' });
    };
    await here.clock.advanceAsync(60_000);
    expect([heard.lists, here.said, here.backend.stores.length]).toEqual([[''], [], 1]);
  });

  it('goes on by reading the list when only watching fails, and one warning says so', async () => {
    const here = house();
    const registry = here.registry();
    const heard = here.watch(registry);
    await here.clock.advanceAsync(0);
    here.backend.before = (operation) => {
      if (operation === 'watch') throw new Error('watching is switched off');
    };
    here.backend.stores[0]?.broken();
    here.backend.edit('/rpcx/Arith/tcp@a:1', '');
    await here.clock.advanceAsync(120_000);
    expect(heard.lists).toEqual(['', 'a']);
    expect(here.said).toEqual([expect.stringMatching(/^the instances of "Arith" cannot be watched; the list is read every 30000 ms: watching is switched off/)]);
  });

  it('G1: keeps its list while the backend is away, and hears the new one when it is back', async () => {
    const here = house();
    const registry = here.registry();
    here.backend.edit('/rpcx/Arith/tcp@a:1', '');
    const heard = here.watch(registry);
    await here.clock.advanceAsync(0);
    here.backend.goDown();
    await here.clock.advanceAsync(60_000);
    expect(heard).toMatchObject({ lists: ['a'], over: false });
    here.backend.keys.clear();
    here.backend.edit('/rpcx/Arith/tcp@b:1', '');
    here.backend.down = false;
    await here.clock.advanceAsync(6000);
    expect(heard.lists).toEqual(['a', 'b']);
  });

  it('G7: of a backend that falls silent goes on, with one warning within 15 s, and a new connection when it speaks again', async () => {
    const here = house();
    const registry = here.registry();
    here.backend.edit('/rpcx/Arith/tcp@a:1', '');
    const heard = here.watch(registry);
    await here.clock.advanceAsync(1000);
    here.backend.frozen = true;
    await here.clock.advanceAsync(15_000);
    expect(here.said).toEqual([expect.stringMatching(/^memory at here:1 does not answer; calls go on with the servers that are known/)]);
    await here.clock.advanceAsync(60_000);
    expect(here.backend.stores[0]?.abandoned).toBe(true);
    here.backend.frozen = false;
    here.backend.edit('/rpcx/Arith/tcp@b:1', 'weight=2');
    await here.clock.advanceAsync(12_000);
    expect(heard.lists).toEqual(['a', 'a, b weight=2']);
    expect(here.said.at(-1)).toMatch(/answers again/);
  });

  it('G5: hears a change that its watch has missed within one reading of the whole list', async () => {
    const here = house();
    const registry = here.registry();
    here.backend.edit('/rpcx/Arith/tcp@a:1', '');
    const heard = here.watch(registry);
    await here.clock.advanceAsync(0);
    here.backend.deaf = true;
    here.backend.edit('/rpcx/Arith/tcp@b:1', '');
    await here.clock.advanceAsync(36_000);
    expect(heard.lists).toEqual(['a', 'a, b']);
  });

  it('hears an error that says what to do when there never was a list, and heals when asked again', async () => {
    const here = house();
    const registry = here.registry();
    here.backend.down = true;
    const heard = here.watch(registry);
    await here.clock.advanceAsync(0);
    expect(heard.error).toMatchObject({ reason: 'REGISTRY_UNREACHABLE', message: expect.stringMatching(/^memory at here:1 cannot .*ECONNREFUSED; does memory run there, and can this machine reach it\?$/) as string });
    here.backend.down = false;
    const again = here.watch(registry);
    await here.clock.advanceAsync(0);
    expect(again.lists).toEqual(['']);
  });

  it('shares one watch of the backend with the others of its service, and ends it with the last', async () => {
    const here = house();
    const registry = here.registry();
    const [one, other] = [here.watch(registry), here.watch(registry)];
    await here.clock.advanceAsync(0);
    const lists = here.backend.lists;
    one.stop();
    here.backend.edit('/rpcx/Arith/tcp@a:1', '');
    await here.clock.advanceAsync(40_000);
    expect(here.backend.lists - lists).toBe(1);
    expect([one.lists, other.lists]).toEqual([[''], ['', 'a']]);
    other.stop();
    await here.clock.advanceAsync(0);
    expect(here.clock.pending).toBe(0);
  });

  it('G10: is told the usable ones of what stands there, and one warning names the others', async () => {
    const here = house();
    for (const [name, value] of [['tcp@a:1', 'weight=2'], ['tcp@bad:1', 'a=%zz'], ['tcp@semicolon:1', 'a=1;b=2'], ['tcp@large:1', `a=${'x'.repeat(1 << 20)}`], ['__proto__', ''], ['tcp@', ''], ['tcp@noport', ''],
      ['tcp@b:1', 'weight=-1'], ['tcp@c:1', 'weight=NaN&__proto__=p'], ['tcp@d:1', 'weight=1e9'], ['quux@e:1', ''], ['Sub', 'Arith/Sub'], ['Sub/tcp@f:1', '']] as const) here.backend.edit(`/rpcx/Arith/${name}`, value);
    const registry = here.registry();
    const heard = here.watch(registry);
    await here.clock.advanceAsync(0);
    expect(heard.lists).toEqual(['quux@e:1, a weight=2, b, c __proto__=p, d']);
    here.backend.edit('/rpcx/Arith/tcp@worse:1', '%');
    await here.clock.advanceAsync(0);
    expect(here.said).toEqual([expect.stringMatching(/^the registry says what cannot be used below \/rpcx\/Arith\/, the rest is: tcp@bad:1: "a=%zz" is no query string; .*; and 6 more$/)]);
  });

  it('ends with the list that it has when the registry closes', async () => {
    const here = house();
    const registry = here.registry();
    const heard = here.watch(registry);
    await here.clock.advanceAsync(0);
    await registry.close();
    await here.clock.advanceAsync(0);
    expect(heard).toMatchObject({ lists: [''], over: true });
    expect(heard.error).toBeUndefined();
    const late = here.watch(registry);
    await here.clock.advanceAsync(0);
    expect(late.error).toMatchObject({ reason: 'CLOSED' });
  });

  it('lets 200 services share one connection, and none stays when it closes', async () => {
    const here = house();
    const registry = here.registry();
    const heard = Array.from({ length: 200 }, (_, index) => here.watch(registry, `S${index}`));
    await here.clock.advanceAsync(0);
    expect(heard.every(({ lists }) => lists.length === 1)).toBe(true);
    expect(here.backend.stores).toHaveLength(1);
    await registry.close();
    expect(here.backend.stores[0]?.closed).toBe(true);
  });
});

describe('keyValueRegistry', () => {
  it.each([
    [{ basePath: '' }, /memory\(\): basePath is "": write a path/], [{ basePath: '//' }, /basePath/], [{ basePath: 7 }, /basePath is 7/], [{ ttlMs: 0 }, /ttlMs is 0: it takes milliseconds above 0/], [{ ttlMs: Number.NaN }, /ttlMs is NaN/],
    [{ relistMs: '1' }, /relistMs is 1/], [{ ttlMs: 1000, refreshMs: 1000 }, /refreshMs is 1000 and ttlMs 1000: entries would end/], [{ publishRates: 'yes' }, /publishRates is yes/], [null, /options are null/], ['x', /options are x/],
  ])('refuses %j', (options, message) => {
    expect(() => keyValueRegistry({ name: 'memory', where: 'here', options: options as never, open: () => { throw new Error('opened'); } })).toThrow(message);
  });
});
