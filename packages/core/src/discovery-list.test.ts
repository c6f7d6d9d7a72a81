import { describe, expect, it } from 'vitest';
import { settle, Watching } from '../test/spoken-discovery.ts';
import { instanceList } from './discovery-list.ts';
import type { ServiceInstance } from './discovery.ts';

describe('instanceList', () => {
  it('tells every watcher at once, and again after each update', async () => {
    const list = instanceList(['b:1', 'tcp@a:1']);
    const first = await new Watching().open(list, 'One');
    const second = await new Watching().open(list, 'Other');
    list.update(['c:1']);
    await settle();
    list.update([]);
    await settle();
    expect(first.lists).toEqual(['a b', 'c', '']);
    expect(second.lists).toEqual(first.lists);
  });

  it('knows a list for each service, and none for one that is not named', async () => {
    const list = instanceList({ One: ['a:1'], ['__proto__']: ['p:1'] });
    const seen = await Promise.all(['One', 'Other', '__proto__', 'constructor'].map((service) => new Watching().open(list, service)));
    expect(seen.map(({ lists }) => lists)).toEqual([['a'], [''], ['p'], ['']]);
    list.update({ Other: ['b:1'] });
    await settle();
    expect(seen.map(({ lists }) => lists.at(-1))).toEqual(['', 'b', '', '']);
  });

  it('carries metadata, which nobody can change behind its back', async () => {
    const group = ['x', 'y'];
    const list = instanceList([{ address: 'a:1', metadata: { weight: '3', group } }, { address: 'tcp@a:1', metadata: { weight: '9' } }]);
    group.push('z');
    const lists: (readonly ServiceInstance[])[] = [];
    const { runtime } = new Watching();
    for await (const one of list.watch('S', { signal: AbortSignal.abort(), runtime })) lists.push(one);
    expect(lists).toEqual([[{ address: 'tcp@a:1', metadata: { weight: '3', group: ['x', 'y'] } }]]);
    expect(() => Object.assign(lists[0]?.[0]?.metadata ?? {}, { weight: '4' })).toThrow(TypeError);
  });

  it.each([
    ['an address without a host', ['tcp@'], /"tcp@" is no address/],
    ['no address', [undefined], /.*/],
    ['a number', [7], /"undefined" is no address/],
    ['metadata that is a number', [{ address: 'a:1', metadata: { weight: 3 } }], /"weight" set to 3: write text/],
    ['metadata that is undefined', [{ address: 'a:1', metadata: { weight: undefined } }], /"weight" set to undefined/],
    ['no list', 7, /cannot be made of 7: give an array of addresses/],
    ['one address instead of a list', 'tcp@a:1', /cannot be made of tcp@a:1/],
    ['one address for a service', { One: 'tcp@a:1' }, /cannot be tcp@a:1: give an array/],
  ])('refuses %s, and keeps what it had', async (_name, wrong, message) => {
    expect(() => instanceList(wrong as never)).toThrow(expect.objectContaining({ name: 'TypeError', message: expect.stringMatching(message) as string }) as Error);
    const list = instanceList(['a:1']);
    expect(() => list.update(wrong as never)).toThrow(TypeError);
    expect((await new Watching().open(list)).lists).toEqual(['a']);
  });

  it('forgets watchers that have gone', async () => {
    const list = instanceList(['a:1']);
    const watching = await new Watching().open(list);
    watching.controller.abort();
    await settle();
    expect(watching.ended).toBe('yes');
    list.update(['b:1']);
    await settle();
    expect(watching.lists).toEqual(['a']);
  });
});
