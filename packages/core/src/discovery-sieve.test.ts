import { describe, expect, it } from 'vitest';
import { Watching } from '../test/spoken-discovery.ts';
import { instanceSieve } from './discovery-sieve.ts';
import type { ServiceInstance } from './discovery.ts';

function sieve(networks?: readonly string[]) {
  const { runtime, warnings } = new Watching();
  const sift = instanceSieve({ service: 'S', logger: runtime.logger, networks });
  return { warnings, sift: (...entries: unknown[]) => sift(entries as ServiceInstance[]) };
}

describe('instanceSieve', () => {
  it('leaves a sane list as it is, sorted, and says nothing', () => {
    const { sift, warnings } = sieve();
    const list: ServiceInstance[] = [{ address: 'unix@/tmp/s', metadata: {} }, { address: 'tcp@a:1', metadata: { group: ['x', 'y'], weight: '3' } }];
    const sifted = sift(...list);
    expect(sifted).toEqual([list[1], list[0]]);
    expect(sifted[0]).toBe(list[1]);
    expect(warnings).toEqual([]);
  });

  it('G10: entries that cannot be used are left out, with one warning however often and however many; the others are used', () => {
    const { sift, warnings } = sieve(['tcp', 'memory']);
    const hostile = ['', 'tcp@', '@a:1', 'tcp@nowhere', 'tcp@a:99999', 'tcp@::1:80', 'carrier-pigeon@roof', `memory@${'x'.repeat(1 << 20)}`].map((address) => ({ address, metadata: {} }));
    for (let count = 0; count < 3; count++) {
      const list = sift(...hostile, null, 7, {}, { address: 7 }, { address: 'memory@good', metadata: {} });
      expect(list.map(({ address }) => address)).toEqual(['memory@good']);
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.fields).toEqual({ service: 'S', faults: 12 });
    expect(warnings[0]?.message).toMatch(/the discovery of "S" says what cannot be used, the rest is: .*; and 9 more$/);
    expect(warnings[0]?.message.length).toBeLessThan(1000);
  });

  it('G10: an address that occurs twice is one instance, however it is written', () => {
    const { sift, warnings } = sieve();
    expect(sift({ address: 'a:1', metadata: { weight: '1' } }, { address: 'tcp@a:1', metadata: { weight: '2' } })).toEqual([{ address: 'tcp@a:1', metadata: { weight: '1' } }]);
    expect(warnings).toEqual([]);
  });

  it.each(['-1', 'NaN', '1e9', '1000000001', 'heavy'])('G10: a weight of %s is warned of once, and the instance used', (weight) => {
    const { sift, warnings } = sieve();
    for (let count = 0; count < 2; count++) expect(sift({ address: 'tcp@a:1', metadata: { weight } })).toHaveLength(1);
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining(`the weight of tcp@a:1 is "${weight}"`)]);
  });

  it('G10: metadata that is no text is left out, a key called __proto__ and a value of 1 MiB are not', () => {
    const { sift, warnings } = sieve();
    const large = 'x'.repeat(1 << 20);
    const metadata = JSON.parse('{"__proto__":"p","weight":3,"nested":{"a":1},"list":["a",1],"group":["x"]}') as Record<string, unknown>;
    metadata['large'] = large;
    const [instance] = sift({ address: 'tcp@a:1', metadata });
    expect(Object.entries(instance?.metadata ?? {})).toEqual([['__proto__', 'p'], ['group', ['x']], ['large', large]]);
    expect(({} as Record<string, unknown>)['p']).toBeUndefined();
    expect(sift({ address: 'tcp@a:1' }, { address: 'tcp@b:1', metadata: null })).toEqual([{ address: 'tcp@a:1', metadata: {} }, { address: 'tcp@b:1', metadata: {} }]);
    expect(warnings).toHaveLength(1);
  });

  it('takes what is no list, or throws when it is looked at, for nothing', () => {
    const { sift, warnings } = sieve();
    const trap = new Proxy({}, { get: () => { throw new Error('planted'); } });
    expect(sift(trap)).toEqual([]);
    const { runtime } = new Watching();
    expect(instanceSieve({ service: 'S', logger: runtime.logger })(undefined as never)).toEqual([]);
    expect(warnings).toHaveLength(1);
  });
});
