import { describe, expect, it } from 'vitest';
import { cached } from './discovery-cached.ts';
import { merge, prefer } from './discovery-merge.ts';
import { stabilised } from './discovery-stabilised.ts';
import { fixed, type Discovery } from './discovery.ts';
import type { SnapshotStore } from './discovery-snapshot.ts';

const some = fixed(['a:1']);
const store: SnapshotStore = { load: () => Promise.resolve(undefined), save: () => Promise.resolve() };

describe('a source that is no discovery', () => {
  it.each([undefined, null, 'tcp@a:1', {}, fixed, [some]] as unknown as Discovery[])('is refused at once, with what to pass instead: %o', (wrong) => {
    const made = { merge: () => merge(some, wrong), prefer: () => prefer(wrong, some), cached: () => cached(wrong, store), stabilised: () => stabilised(wrong) };
    for (const [name, make] of Object.entries(made)) {
      expect(make, name).toThrow(TypeError);
      expect(make, name).toThrow(`${name}() takes discoveries, for example fixed(['tcp@host:port']), and no value of the type `);
    }
  });

  it('and a store that is none', () => {
    for (const wrong of ['dir', undefined, null, {}]) expect(() => cached(some, wrong as never)).toThrow(new TypeError("cached: the store takes an object with load and save, for example fileStore({ directory: './cache' })"));
  });
});

describe('an option that is misspelt', () => {
  it('is refused, with the names that there are', () => {
    expect(() => cached(some, store, { waitMS: 5 } as never)).toThrow(new TypeError('cached has no option "waitMS": it takes waitMs'));
    expect(() => stabilised(some, { keepMs: 5, probeMs: 1 } as never)).toThrow(new TypeError('stabilised has no option "probeMs": it takes keepMs, probe, probeEveryMs, probeTimeoutMs'));
    for (const options of [{}, { waitMs: undefined }]) expect(() => cached(some, store, options)).not.toThrow();
    expect(() => stabilised(some, { probe: undefined, keepMs: undefined })).not.toThrow();
  });
});
