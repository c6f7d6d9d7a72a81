import { describe, expect, it } from 'vitest';
import { instances, settle, SpokenDiscovery, Watching } from '../test/spoken-discovery.ts';
import { merge, prefer } from './discovery-merge.ts';
import { fixed, type Discovery, type ServiceInstance } from './discovery.ts';

async function merged(count = 2) {
  const sources = Array.from({ length: count }, () => new SpokenDiscovery());
  const watching = await new Watching().open(merge(...sources));
  return { sources, watching, first: sources[0] as SpokenDiscovery, second: sources[1] as SpokenDiscovery };
}

describe('merge', () => {
  it('tells the union once every source has spoken, sorted, and again after each change of it', async () => {
    const { first, second, watching } = await merged();
    first.say('c', 'a');
    await settle();
    expect(watching.lists).toEqual([]);
    second.say('b');
    await settle();
    first.say('a', 'c'); // the same
    await settle();
    second.say();
    await settle();
    expect(watching.lists).toEqual(['a b c', 'a c']);
    await watching.after(60_000);
    expect(watching.lists).toHaveLength(2);
  });

  it('lets a slow source hold up the others for 200 ms', async () => {
    const { first, second, watching } = await merged();
    await watching.after(10_000);
    first.say('a');
    await settle();
    await watching.after(199);
    expect(watching.lists).toEqual([]);
    await watching.after(1);
    expect(watching.lists).toEqual(['a']);
    second.say('b');
    await settle();
    expect(watching.lists).toEqual(['a', 'a b']);
  });

  it('waits with an empty list until every source has spoken', async () => {
    const { first, second, watching } = await merged();
    first.say();
    await settle();
    await watching.after(5000);
    expect(watching.lists).toEqual([]);
    second.say();
    await settle();
    expect(watching.lists).toEqual(['']);
  });

  it('takes the word of the earlier source on an instance that two name', async () => {
    const { first, second, watching } = await merged();
    const lists: (readonly ServiceInstance[])[] = [];
    const read = (async () => {
      for await (const list of merge(first, second).watch('S', { signal: watching.controller.signal, runtime: watching.runtime })) lists.push(list);
    })();
    await settle();
    first.say({ address: 'tcp@a:1', metadata: { weight: '1' } });
    second.say({ address: 'tcp@a:1', metadata: { weight: '2' } });
    await settle();
    first.say();
    await settle();
    watching.controller.abort();
    await read;
    expect(lists.map((list) => list.map(({ metadata }) => metadata))).toEqual([[{ weight: '1' }], [{ weight: '2' }]]);
  });

  it('keeps the last list of a source that fails, says so once, and asks it again', async () => {
    const { first, second, watching } = await merged();
    first.say('a');
    second.say('b');
    await settle();
    for (let count = 0; count < 5; count++) {
      second.fail();
      await settle();
      await watching.after(5000);
    }
    expect(second.watches).toBe(6);
    first.say('a', 'c');
    await settle();
    expect(watching.lists).toEqual(['a b', 'a b c']);
    expect(watching.warnings.map(({ message }) => message)).toEqual(['a discovery failed and is asked again: the registry is down']);
    second.say('d');
    await settle();
    expect(watching.lists.at(-1)).toBe('a c d');
  });

  it('asks a source that fails later and later, up to 5 s', async () => {
    const { first, second, watching } = await merged();
    first.say('a');
    const waits: number[] = [];
    for (let count = 0; count < 14; count++) {
      second.fail();
      await settle();
      const before = watching.clock.now();
      const timer = [...watching.clock.armed].sort((a, b) => a.at - b.at).at(-1);
      waits.push(Math.round((timer?.at ?? 0) - before));
      await watching.after((waits.at(-1) ?? 0) + 1);
    }
    // Half of each limit: the clock draws 0.5.
    expect(waits[0]).toBe(50);
    expect(waits.slice(1, 4)).toEqual([80, 128, 205]);
    expect(waits.at(-1)).toBe(2500);
    second.say('b');
    await settle();
    second.fail();
    await settle();
    expect(Math.round(Math.max(...[...watching.clock.armed].map(({ at }) => at)) - watching.clock.now())).toBe(50);
  });

  it('does not wait for a source that fails at once', async () => {
    const { first, second, watching } = await merged();
    second.fail();
    await settle();
    first.say('a');
    await settle();
    expect(watching.lists).toEqual(['a']);
  });

  it('fails when all sources fail before any has spoken, and leaves all of them', async () => {
    const { first, second, watching } = await merged();
    const error = new Error('first');
    first.fail(error);
    await settle();
    expect(watching.ended).toBe('no');
    second.fail();
    await settle();
    expect(watching.ended).toBe(error);
    expect(watching.clock.armed.size).toBe(0);
  });

  it('survives a source whose watch throws, and one that gives no iterator', async () => {
    const throwing: Discovery = { watch: () => { throw new Error('no watch'); } };
    const nothing = { watch: () => undefined } as unknown as Discovery;
    const watching = await new Watching().open(merge(throwing, nothing, fixed(['a:1'])));
    expect(watching.lists).toEqual(['a']);
  });

  it('G10: leaves out entries that are no instances, with one warning, and takes what is no list for a failure', async () => {
    const { first, second, watching } = await merged();
    const hostile = [null, 7, {}, { address: 7, metadata: {} }, { address: 'tcp@b:1' }, { address: 'tcp@c:1', metadata: { group: 3 } }] as never[];
    second.say('a');
    for (let count = 0; count < 2; count++) {
      first.say(...hostile);
      await settle();
    }
    expect(watching.lists).toEqual(['a c']);
    expect(watching.warnings.map(({ fields }) => fields)).toEqual([{ service: 'S', faults: 5 }]);
    for (const feed of first.feeds) feed.push(7 as never);
    await settle();
    second.say('a', 'd');
    await settle();
    expect(watching).toMatchObject({ lists: ['a c', 'a c d'], ended: 'no' });
    expect(watching.warnings[1]?.message).toContain('it said what is no list of instances');
    expect(first.feeds.size).toBe(0);
  });

  it('ends when all sources have ended', async () => {
    const { first, second, watching } = await merged();
    first.say('a');
    first.end();
    second.end();
    await settle();
    expect(watching.lists).toEqual(['a']);
    expect(watching.ended).toBe('yes');
    const silent = await merged(1);
    silent.first.end();
    await settle();
    expect(silent.watching).toMatchObject({ lists: [''], ended: 'yes' });
  });

  it('leaves the sources and its timers when the signal aborts, also in the time between two tries', async () => {
    const { first, second, watching } = await merged();
    first.say('a');
    second.fail();
    await settle();
    watching.controller.abort();
    await settle();
    expect(watching.ended).toBe('yes');
    expect([first.stops, second.stops]).toEqual([1, 1]);
    expect(watching.clock.armed.size).toBe(0);
    const patient = await merged();
    patient.first.say('a');
    await settle();
    expect(patient.watching.clock.armed.size).toBe(1);
    patient.watching.controller.abort();
    await settle();
    expect(patient.watching.clock.armed.size).toBe(0);
  });

  it('ends although a source does not look at the signal', async () => {
    let left = 0;
    const deaf: Discovery = { watch: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}), return: () => { left += 1; throw new Error('no'); } }) }) };
    const watching = await new Watching().open(merge(deaf));
    watching.controller.abort();
    await settle();
    expect(watching.ended).toBe('yes');
    expect(left).toBe(1);
  });

  it('refuses to merge nothing', () => {
    expect(() => merge()).toThrow(/merge\(\) has nothing to combine/);
  });
});

describe('prefer', () => {
  it('gives the first source as long as it has any, without waiting for the second', async () => {
    const first = new SpokenDiscovery();
    const second = new SpokenDiscovery();
    const watching = await new Watching().open(prefer(first, second));
    first.say('near');
    await settle();
    second.say('far');
    await settle();
    first.say();
    await settle();
    first.say('near');
    await settle();
    expect(watching.lists).toEqual(['near', 'far', 'near']);
  });

  it('gives the second one when the first is silent for 200 ms or fails', async () => {
    const first = new SpokenDiscovery();
    const second = new SpokenDiscovery();
    const watching = await new Watching().open(prefer(first, second));
    second.say('far');
    await settle();
    expect(watching.lists).toEqual([]);
    await watching.after(200);
    expect(watching.lists).toEqual(['far']);
    const failing = new SpokenDiscovery();
    const other = await new Watching().open(prefer(failing, { async *watch() { yield instances('far'); } }));
    failing.fail();
    await settle();
    expect(other.lists).toEqual(['far']);
  });

  it('gives the second one while all of the first are inactive, as the last server of a zone is while it shuts down', async () => {
    const [first, second] = [new SpokenDiscovery(), new SpokenDiscovery()];
    const watching = await new Watching().open(prefer(first, second));
    const leaving = { address: 'tcp@near:1', metadata: { state: 'inactive' } };
    second.say('far');
    first.say(leaving, 'other');
    await settle();
    first.say(leaving);
    await settle();
    second.say();
    await settle();
    first.say('near');
    second.say('far');
    await settle();
    expect(watching.lists).toEqual(['near other', 'far', 'near', 'near']);
  });
});
