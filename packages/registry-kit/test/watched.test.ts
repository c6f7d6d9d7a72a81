import { describe, expect, it } from 'vitest';
import { registryError } from '../src/registry-error.ts';
import { house } from './house.ts';

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
    // However often: reading the list is what it is for.
    for (const name of ['c', 'd', 'e', 'f', 'g']) {
      here.backend.edit(`/rpcx/Arith/tcp@${name}:1`, '');
      await here.clock.advanceAsync(36_000);
    }
    expect([heard.lists.at(-1), here.said]).toEqual(['a, b, c, d, e, f, g', []]);
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
