import { describe, expect, it } from 'vitest';
import { instances, settle, SpokenDiscovery, Watching } from '../test/spoken-discovery.ts';
import { cached } from './discovery-cached.ts';
import { readSnapshot, snapshotText, type SnapshotStore } from './discovery-snapshot.ts';
import type { ServiceInstance } from './discovery.ts';

class Store implements SnapshotStore {
  readonly texts = new Map<string, string>();
  saves = 0;
  loads = 0;
  failure: Error | undefined;
  /** Saves and loads wait for it. */
  gate: Promise<void> | undefined;

  async load(service: string): Promise<string | undefined> {
    this.loads += 1;
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    return this.texts.get(service);
  }
  async save(service: string, text: string): Promise<void> {
    this.saves += 1;
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    this.texts.set(service, text);
  }
  names(): string {
    return readSnapshot('S', this.texts.get('S') ?? '').map(({ address }) => address.slice(4, -2)).join(' ');
  }
}

async function opened(store: Store, options?: Parameters<typeof cached>[2]) {
  const source = new SpokenDiscovery();
  const watching = await new Watching().open(cached(source, store, options));
  return { source, watching };
}
function filled(...names: string[]): Store {
  const store = new Store();
  store.texts.set('S', snapshotText('S', instances(...names)));
  return store;
}

describe('cached', () => {
  it('saves each list that is not empty and not the one it saved last', async () => {
    const store = new Store();
    const { source, watching } = await opened(store);
    for (const names of [['a'], ['a'], ['a', 'b'], [], ['a', 'b']]) {
      source.say(...names);
      await settle();
    }
    expect(watching.lists).toEqual(['a', 'a', 'a b', '', 'a b']);
    expect([store.saves, store.names()]).toEqual([2, 'a b']);
    expect(watching.warnings).toEqual([]);
  });

  it('G2: gives the snapshot when the source has said nothing for 500 ms, and what the source says from then on', async () => {
    const { source, watching } = await opened(filled('a', 'b'));
    await watching.after(499);
    expect(watching.lists).toEqual([]);
    await watching.after(1);
    expect(watching.lists).toEqual(['a b']);
    source.say('c');
    await settle();
    expect(watching.lists).toEqual(['a b', 'c']);
  });

  it('G2: gives the snapshot at once when the source fails, and goes on asking the source', async () => {
    const { source, watching } = await opened(filled('a', 'b'));
    source.fail();
    await settle();
    expect(watching.lists).toEqual(['a b']);
    for (let count = 0; count < 5; count++) {
      await watching.after(5000);
      source.fail();
      await settle();
    }
    await watching.after(5000);
    source.say('c');
    await settle();
    expect(watching).toMatchObject({ lists: ['a b', 'c'], ended: 'no' });
    expect(watching.warnings).toHaveLength(1);
  });

  it('G2: without a snapshot tells why the source failed', async () => {
    const { source, watching } = await opened(new Store());
    await watching.after(10_000);
    expect(watching).toMatchObject({ lists: [], ended: 'no' });
    const error = new Error('the registry is down');
    source.fail(error);
    await settle();
    expect(watching.ended).toBe(error);
    expect(watching.clock.armed.size).toBe(0);
  });

  it('does not look at the snapshot of a source that speaks in time', async () => {
    const store = filled('old');
    const { source, watching } = await opened(store);
    source.say('a');
    await settle();
    await watching.after(10_000);
    expect(watching.lists).toEqual(['a']);
    expect(store.loads).toBe(0);
  });

  it('does not let a slow snapshot come after the source', async () => {
    const store = filled('old');
    let open = (): void => {};
    store.gate = new Promise((resolve) => (open = resolve));
    const { source, watching } = await opened(store);
    await watching.after(500);
    source.say('a');
    await settle();
    open();
    await settle();
    expect(watching.lists).toEqual(['a']);
  });

  const good = snapshotText('S', instances('a', 'b'));
  it.each([
    ['cut short', good.slice(0, -9)], ['cut to its first line', good.slice(0, good.indexOf('\n'))], ['empty', ''], ['one byte different', good.replace('tcp@a', 'tcp@c')],
    ['no snapshot', '[{"Key":"tcp@a:1","Value":""}]'], ['of a later version', good.replace('-1 ', '-2 ')], ["another service's", snapshotText('T', instances('a'))],
    ['of hostile content with its hash', snapshotText('S', [{ address: 'tcp@', metadata: {} }])], ['garbage', '\u0000\uffff'.repeat(1000)],
  ])('G12: ignores a snapshot that is %s, with one warning', async (_name, text) => {
    const store = new Store();
    store.texts.set('S', text);
    const { source, watching } = await opened(store);
    await watching.after(500);
    expect(watching.lists).toEqual([]);
    expect(watching.warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/^the snapshot of the instances of "S" is not used/)]);
    source.say('a');
    await settle();
    expect(watching.lists).toEqual(['a']);
    expect(store.names()).toBe('a');
    expect(watching.warnings).toHaveLength(1);
  });

  it('gives a new watcher what was said last, also before it is saved', async () => {
    const store = new Store();
    store.gate = new Promise(() => {});
    const source = new SpokenDiscovery();
    const discovery = cached(source, store);
    const first = await new Watching().open(discovery);
    source.say('a');
    await settle();
    first.controller.abort();
    const second = await new Watching().open(discovery);
    source.fail();
    await settle();
    expect(second.lists).toEqual(['a']);
  });

  it('takes an empty snapshot for none', async () => {
    const { watching } = await opened(filled());
    await watching.after(500);
    expect(watching.lists).toEqual([]);
  });

  it('G12: a store that fails costs one warning for loading and one for saving, and no list', async () => {
    const store = new Store();
    store.failure = new Error('EROFS: read-only file system');
    const { source, watching } = await opened(store);
    await watching.after(500);
    for (const names of [['a'], ['b'], ['c']]) {
      source.say(...names);
      await settle();
    }
    expect(watching.lists).toEqual(['a', 'b', 'c']);
    expect(watching.warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/is not used/), expect.stringMatching(/could not be saved; calls go on.*EROFS/)]);
    store.failure = undefined;
    source.say('c');
    await settle();
    expect(store.names()).toBe('c');
  });

  it('saves one after the other, and of those that came meanwhile only the newest', async () => {
    const store = new Store();
    let open = (): void => {};
    store.gate = new Promise((resolve) => (open = resolve));
    const { source } = await opened(store);
    for (const names of [['a'], ['b'], ['c']]) {
      source.say(...names);
      await settle();
    }
    expect(store.saves).toBe(1);
    open();
    await settle();
    expect([store.saves, store.names()]).toEqual([2, 'c']);
  });

  it('saves once for several watchers, and each service for itself', async () => {
    const store = new Store();
    const source = new SpokenDiscovery();
    const discovery = cached(source, store);
    await new Watching().open(discovery, 'S');
    await new Watching().open(discovery, 'S');
    await new Watching().open(discovery, 'T');
    source.say('a');
    await settle();
    expect([...store.texts.keys()].sort()).toEqual(['S', 'T']);
    expect(store.saves).toBe(2);
  });

  it('gives the snapshot of a source that ends without a word, and ends', async () => {
    const { source, watching } = await opened(filled('a'));
    source.end();
    await settle();
    expect(watching).toMatchObject({ lists: ['a'], ended: 'yes' });
  });

  it('leaves its timer when the signal aborts before', async () => {
    const { source, watching } = await opened(filled('a'));
    watching.controller.abort();
    await settle();
    expect([source.stops, watching.clock.armed.size]).toEqual([1, 0]);
  });

  it('leaves source and timer when the signal aborts, also while a snapshot is being loaded', async () => {
    const store = filled('a');
    store.gate = new Promise(() => {});
    const { source, watching } = await opened(store);
    await watching.after(500);
    watching.controller.abort();
    await settle();
    expect(watching.ended).toBe('yes');
    expect([source.stops, watching.clock.armed.size]).toEqual([1, 0]);
  });

  it('refuses a time to wait that is none', () => {
    expect(() => cached(new SpokenDiscovery(), new Store(), { waitMs: -1 })).toThrow(/waitMs is -1/);
  });
});

describe('a snapshot', () => {
  it('carries what there is, keys called __proto__ and all', () => {
    const list: ServiceInstance[] = [
      { address: 'tcp@a:1', metadata: JSON.parse('{"__proto__":"x","group":["a","b"],"text":"ß\\u2028\\n\\ud800"}') as ServiceInstance['metadata'] }, { address: 'unix@/tmp/s', metadata: {} },
    ];
    const back = readSnapshot('S/1', snapshotText('S/1', list));
    expect(back).toEqual(list);
    expect(Object.keys(back[0]?.metadata ?? {})).toEqual(['__proto__', 'group', 'text']);
  });
});
