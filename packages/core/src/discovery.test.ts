import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test/manual-clock.ts';
import { filterInstances, fixed, type Discovery, type ServiceInstance, type WatchOptions } from './discovery.ts';
import type { Logger } from './runtime.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const watching = (signal?: AbortSignal): WatchOptions => ({ signal, runtime: { clock: new ManualClock(), logger: silent } });

describe('fixed', () => {
  it('finds every service on each address, written in rpcx form', async () => {
    const lists: (readonly ServiceInstance[])[] = [];
    for await (const list of fixed(['tcp@a:1', 'b:2', 'unix@/tmp/s']).watch('Any', watching(AbortSignal.abort()))) lists.push(list);
    expect(lists).toEqual([[
      { address: 'tcp@a:1', metadata: {} }, { address: 'tcp@b:2', metadata: {} }, { address: 'unix@/tmp/s', metadata: {} },
    ]]);
  });

  it('refuses a wrong address when it is made, not at the first call', () => {
    expect(() => fixed(['tcp@'])).toThrow(TypeError);
  });

  it('says nothing more until the watcher stops, and then ends', async () => {
    const controller = new AbortController();
    const watch = fixed(['a:1']).watch('S', watching(controller.signal))[Symbol.asyncIterator]();
    expect((await watch.next()).done).toBe(false);
    let ended = false;
    const end = watch.next().then((result) => {
      ended = true;
      return result;
    });
    for (let turns = 0; turns < 10; turns++) await Promise.resolve();
    expect(ended).toBe(false);
    controller.abort();
    expect(await end).toEqual({ done: true, value: undefined });
  });
});

describe('filterInstances', () => {
  const lists: ServiceInstance[][] = [
    [{ address: 'tcp@a:1', metadata: { group: 'x' } }, { address: 'tcp@b:2', metadata: {} }],
    [],
    [{ address: 'tcp@c:3', metadata: { group: 'x' } }],
  ];
  const asked: unknown[] = [];
  const source: Discovery = {
    async *watch(service, options) {
      asked.push([service, options]);
      yield* lists;
    },
  };

  it('keeps some of each list, and passes service and options on', async () => {
    const options = watching();
    const seen: string[][] = [];
    const filtered = filterInstances(source, (instance) => instance.metadata['group'] === 'x');
    for await (const list of filtered.watch('S', options)) seen.push(list.map(({ address }) => address));
    expect(seen).toEqual([['tcp@a:1'], [], ['tcp@c:3']]);
    expect(asked).toEqual([['S', options]]);
  });

  it.each<[string, unknown, unknown]>([
    ['no list', undefined, undefined],
    ['a list of nothing', [null, 5, {}, { address: 8972 }], [null, 5, {}, { address: 8972 }]],
    ['an instance among others', [null, { address: 'tcp@a:1', metadata: { group: 'x' } }, { address: 'tcp@b:2', metadata: { group: 'y' } }], [null, { address: 'tcp@a:1', metadata: { group: 'x' } }]],
    ['an instance without metadata', [{ address: 'tcp@a:1' }, { address: 'tcp@b:2', metadata: null }], []],
  ])('hands on what is no instance to whoever says so: %s', async (_, said, handedOn) => {
    const junk: Discovery = { async *watch() { yield said as ServiceInstance[]; } };
    const lists: unknown[] = [];
    for await (const list of filterInstances(junk, ({ metadata }) => metadata['group'] === 'x').watch('S', watching())) lists.push(list);
    expect(lists).toEqual([handedOn]);
  });

  it('refuses what is no discovery and what is no function when it is made, not at the first call', () => {
    for (const wrong of [undefined, null, {}, 'tcp@a:1']) expect(() => filterInstances(wrong as Discovery, () => true)).toThrow(new TypeError(`filterInstances() takes discoveries, for example fixed(['tcp@host:port']), and no value of the type ${typeof wrong}`));
    for (const wrong of [undefined, null, 'blue', {}]) expect(() => filterInstances(fixed(['a:1']), wrong as () => boolean)).toThrow(/takes a function, for example isActive, and no value of the type/);
  });

  it('refuses an asynchronous function, which would let every instance through', async () => {
    const list = filterInstances(fixed(['a:1']), (async () => false) as unknown as () => boolean).watch('S', watching());
    await expect(async () => { for await (const _ of list); }).rejects.toThrow(new TypeError('filterInstances() takes no async function'));
  });
});
