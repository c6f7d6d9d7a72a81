import { describe, expect, it, vi } from 'vitest';
import { keyValueRegistry } from '../src/key-value-registry.ts';
import { registryError } from '../src/registry-error.ts';
import { house } from './house.ts';
import { MemoryStore } from './memory-backend.ts';

describe('what is registered', () => {
  it("stands in rpcx's keys at once", async () => {
    const here = house();
    await here.register(here.registry({ basePath: '/rpcx_test/' }), { weight: '3', group: ['b', 'a'] });
    expect([...here.backend.keys].map(([key, { value }]) => [key, value])).toEqual([['/rpcx_test', 'rpcx_path'], ['/rpcx_test/Arith', 'Arith'], ['/rpcx_test/Arith/tcp@a:1', 'group=b&group=a&weight=3']]);
  });

  it('stands where Go servers have it whose base path ends with a slash, when ours ends with two', async () => {
    const here = house();
    await here.register(here.registry({ basePath: '/rpcx_test//' }));
    expect([...here.backend.keys.keys()]).toEqual(['/rpcx_test/', '/rpcx_test//Arith', '/rpcx_test//Arith/tcp@a:1']);
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

  it('is never looked at later than refreshMs says, which may be close to when it ends', async () => {
    const here = house(true);
    const registry = here.registry({ ttlMs: 3000, refreshMs: 2900, relistMs: 100 });
    await here.register(registry);
    const heard = here.watch(registry);
    await here.clock.advanceAsync(120_000);
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

  it('is gone when all of its leases are released at the same time', async () => {
    const here = house();
    const registry = here.registry();
    const leases = [await here.register(registry, { weight: '1' }), await here.register(registry, { weight: '2' })];
    const update = leases[0]?.update({ weight: '3' });
    await here.clock.advanceAsync(0);
    const released = Promise.all([...leases, ...leases].map((lease) => lease.release()));
    await here.clock.advanceAsync(0);
    expect(await released).toEqual([undefined, undefined, undefined, undefined]);
    await update;
    expect(here.value()).toBeUndefined();
  });

  it('an update on its way when it is released says that it was', async () => {
    const here = house();
    const lease = await here.register(here.registry(), { weight: '1' });
    const [updated, released] = [lease.update({ weight: '2' }).catch((error: unknown) => error), lease.release()];
    await here.clock.advanceAsync(0);
    expect(await updated).toMatchObject({ reason: 'CLOSED', message: expect.stringContaining('was released') });
    await released;
    expect(here.value()).toBeUndefined();
  });

  it.each([
    ['tcp@h:99999', {}, /"h:99999" is no host and port/],
    ['::1:80', {}, /no host and port/],
    ['tcp@a:1', { note: 'x'.repeat(65_536) }, /its value has 65541 characters/],
  ])('is refused when every client would leave it out: %s', async (address, metadata, why) => {
    const here = house();
    const registry = here.registry();
    const failure = await registry.register({ service: 'Arith', instance: { address, metadata } }, { runtime: here.runtime }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TypeError);
    expect((failure as Error).message).toMatch(why);
    expect(here.backend.stores.length).toBe(0);
    const lease = await here.register(registry, { weight: '1' });
    await expect(lease.update({ note: 'x'.repeat(65_536) })).rejects.toThrow(TypeError);
    expect(here.value()).toBe('weight=1');
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

  it('that a backend does not let be kept alive any more is told once, and again after it was', async () => {
    const here = house(true);
    await here.register(here.registry(), { weight: '3' });
    const refuses = (operation: string): void => {
      if (operation === 'touchOwned' || operation === 'putOwned') throw registryError({ name: 'memory', where: 'here:1', what: 'write /rpcx/Arith/tcp@a:1', cause: 'no such user', code: 'permission_denied', reason: 'REGISTRY_REFUSED' });
    };
    here.backend.before = refuses;
    await here.clock.advanceAsync(120_000);
    expect(here.value()).toBeUndefined();
    const told = expect.stringMatching(/^"Arith" at tcp@a:1 cannot be kept in memory, and is tried again: memory at here:1 cannot write .*no such user/);
    expect(here.said).toEqual([told]);
    here.backend.before = undefined;
    await here.clock.advanceAsync(6000);
    expect(here.value()).toBe('weight=3');
    here.backend.before = refuses;
    await here.clock.advanceAsync(120_000);
    expect(here.said).toEqual([told, told]);
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

describe('what could not be deleted because the backend was away', () => {
  it('is deleted when the backend is back, although the session lives on', async () => {
    const here = house();
    const registry = here.registry();
    const lease = await here.register(registry, { weight: '1' });
    await registry.register({ service: 'Other', instance: { address: 'tcp@a:1', metadata: {} } }, { runtime: here.runtime });
    here.backend.goDown();
    await expect(lease.release()).rejects.toMatchObject({ reason: 'REGISTRY_UNREACHABLE' });
    await here.clock.advanceAsync(2000);
    here.backend.down = false;
    expect(here.value()).toBe('weight=1');
    await here.clock.advanceAsync(6000);
    expect(here.value()).toBeUndefined();
    expect(here.value('/rpcx/Other/tcp@a:1')).toBe('');
  });

  it('is deleted too when it was written, and only the answer did not come', async () => {
    const here = house();
    const registry = here.registry();
    await registry.register({ service: 'Other', instance: { address: 'tcp@a:1', metadata: {} } }, { runtime: here.runtime });
    const [store] = here.backend.stores;
    const { putOwned } = MemoryStore.prototype;
    vi.spyOn(store as MemoryStore, 'putOwned').mockImplementation(async function put(this: MemoryStore, ...given) {
      await putOwned.apply(this, given);
      here.backend.goDown();
      throw new Error('socket hang up');
    });
    await expect(here.register(registry)).rejects.toMatchObject({ message: expect.stringContaining('socket hang up') as string });
    expect(here.value()).toBe('');
    here.backend.down = false;
    await here.clock.advanceAsync(6000);
    expect(here.value()).toBeUndefined();
  });

  it('stays when it is registered again before it could be deleted', async () => {
    const here = house();
    const registry = here.registry();
    const lease = await here.register(registry, { weight: '1' });
    here.backend.goDown();
    await lease.release().catch(() => {});
    here.backend.down = false;
    await here.register(registry, { weight: '2' });
    await here.clock.advanceAsync(60_000);
    expect(here.value()).toBe('weight=2');
    expect(here.backend.writes).toBe(2);
  });

  it('is left to its time when the registry is closed', async () => {
    const here = house();
    const registry = here.registry();
    const lease = await here.register(registry, { weight: '1' });
    here.backend.goDown();
    await lease.release().catch(() => {});
    await registry.close();
    expect(here.clock.pending).toBe(0);
  });
});

describe('what several processes register at one address, as those that share a port do', () => {
  it('is what the newest of them says: the others change nothing in it, and take nothing of it away', async () => {
    const here = house();
    const older = await here.register(here.registry(), { weight: '1' });
    await here.register(here.registry(), { weight: '2' });
    const owner = here.backend.live('/rpcx/Arith/tcp@a:1')?.owner;
    await here.clock.advanceAsync(60_000);
    expect(here.backend.live('/rpcx/Arith/tcp@a:1')?.owner).toBe(owner);
    await older.update({ weight: '1', state: 'inactive' });
    await here.clock.advanceAsync(60_000);
    expect(here.value()).toBe('weight=2');
    await older.release();
    await here.clock.advanceAsync(60_000);
    expect(here.value()).toBe('weight=2');
    expect(here.backend.writes).toBe(2);
  });

  it('stays when the newest of them leaves: another one writes it at once, as it wants it itself', async () => {
    const here = house();
    const [older, oldest] = [here.registry(), here.registry()];
    await here.register(oldest, { weight: '1' });
    const lease = await here.register(older, { weight: '2' });
    const newest = await here.register(here.registry(), { weight: '3' });
    await here.clock.advanceAsync(13_000);
    await lease.update({ weight: '4' });
    await newest.update({ weight: '3', state: 'inactive' });
    expect(here.value()).toBe('state=inactive&weight=3');
    await newest.release();
    await here.clock.advanceAsync(0);
    expect(here.value()).toMatch(/^weight=[14]$/);
    const [writes, value] = [here.backend.writes, here.value()];
    await here.clock.advanceAsync(60_000);
    expect([here.backend.writes, here.value()]).toEqual([writes, value]);
  });

  it('stays when the newest of them is killed', async () => {
    const here = house(true);
    await here.register(here.registry(), { weight: '1' });
    await here.register(here.registry(), { weight: '2' });
    await here.clock.advanceAsync(13_000);
    const killed = here.backend.live('/rpcx/Arith/tcp@a:1')?.owner;
    here.backend.keys.delete('/rpcx/Arith/tcp@a:1'); // its time is over
    killed?.broken();
    here.backend.tell();
    await here.clock.advanceAsync(0);
    expect(here.value()).toMatch(/^weight=[12]$/);
  });

  it('is taken back from a session of our own that is past', async () => {
    const here = house();
    const registry = here.registry();
    await here.register(registry, { weight: '1' });
    const [first] = here.backend.stores;
    // Gone for us, and not yet for the backend.
    first?.lost();
    Object.assign(here.backend.live('/rpcx/Arith/tcp@a:1') ?? {}, { owner: here.backend.open() });
    here.backend.edit('/rpcx/Arith/tcp@a:1', 'state=inactive&weight=7');
    await here.clock.advanceAsync(0);
    expect(here.backend.live('/rpcx/Arith/tcp@a:1')).toMatchObject({ owner: first, value: 'weight=1' });
  });

  it('is of whoever registers it anew', async () => {
    const here = house();
    const registry = here.registry();
    await here.register(registry, { weight: '1' });
    await here.register(here.registry(), { weight: '2' });
    await here.clock.advanceAsync(13_000);
    await here.register(registry, { weight: '3' });
    expect(here.value()).toBe('weight=3');
  });
});
