import { describe, expect, it } from 'vitest';
import { inGroup, instanceWeight, isActive, metadataValues } from './instance-metadata.ts';
import type { InstanceMetadata } from './discovery.ts';
import { sameInstances, serviceInstance, sortedInstances } from './service-instance.ts';

const at = (metadata: InstanceMetadata) => ({ address: 'tcp@a:1', metadata });

describe('metadata', () => {
  it('has none, one or several values for a key, and only its own keys', () => {
    expect(['group', 'weight', 'state', 'constructor', '__proto__'].map((key) => metadataValues({ group: ['a', 'b'], weight: '3' }, key))).toEqual([['a', 'b'], ['3'], [], [], []]);
    const hostile = JSON.parse('{"__proto__":"x"}') as InstanceMetadata;
    expect(metadataValues(hostile, '__proto__')).toEqual(['x']);
    expect(metadataValues(hostile, 'group')).toEqual([]);
    for (const value of [3, null, undefined, { a: 1 }, true]) expect(metadataValues({ group: value as never }, 'group')).toEqual([]);
  });

  it('says in which groups an instance is', () => {
    expect([{ group: 'x' }, { group: ['y', 'x'] }, { group: 'xy' }, {}].map((metadata) => inGroup('x')(at(metadata)))).toEqual([true, true, false, false]);
  });

  it('says by its first state whether it takes calls', () => {
    expect([{}, { state: 'active' }, { state: 'inactive' }, { state: ['inactive', 'active'] }, { state: ['active', 'inactive'] }, { state: '' }].map((metadata) => isActive(at(metadata)))).toEqual([
      true, true, false, false, true, true,
    ]);
  });

  it.each([
    [undefined, 1], ['', 1], ['0', 0], ['1', 1], ['+7', 7], ['007', 7], ['1000000', 1e6], ['1000000000', 1e6], ['999999999999999999', 1e6],
    ['9999999999999999999', 1], ['-1', 1], ['NaN', 1], ['Infinity', 1], ['1e9', 1], ['0.5', 1], ['0x10', 1], [' 3', 1], ['3\n', 1], ['९', 1],
  ])('G10: a weight of %j is %d', (weight, expected) => {
    expect(instanceWeight(at(weight === undefined ? {} : { weight }))).toBe(expected);
    if (weight !== undefined) expect(instanceWeight(at({ weight: [weight, '5'] }))).toBe(expected);
  });
});

describe('serviceInstance', () => {
  it('is in rpcx form, and a key is a key whatever it is called', () => {
    const metadata = JSON.parse('{"__proto__":"x","constructor":"y"}') as InstanceMetadata;
    const instance = serviceInstance('a:1', metadata);
    expect(instance.address).toBe('tcp@a:1');
    expect(Object.entries(instance.metadata)).toEqual([['__proto__', 'x'], ['constructor', 'y']]);
    expect(Object.getPrototypeOf(instance.metadata)).toBe(Object.prototype);
  });
});

describe('metadata', () => {
  it.each([null, 'weight=3', ['a'], 5])('that are %j are refused, with what to write', (metadata) => {
    expect(() => serviceInstance('a:1', metadata as never)).toThrow(new TypeError(`the metadata of a:1 is ${String(metadata)}: write text, or a list of texts, for each key`));
  });
});

describe('lists', () => {
  it('are the same when they say the same', () => {
    const list = [serviceInstance('a:1', { group: ['x', 'y'], weight: '1' }), serviceInstance('b:1')];
    expect(sameInstances(list, [serviceInstance('a:1', { weight: ['1'], group: ['x', 'y'] }), serviceInstance('b:1')])).toBe(true);
    const others = [
      [], [list[0]], [list[1], list[0]], [serviceInstance('a:1', { group: ['y', 'x'], weight: '1' }), list[1]], [serviceInstance('a:1', { group: ['x'], weight: '1' }), list[1]],
      [serviceInstance('a:1', { group: ['x', 'y'] }), list[1]], [serviceInstance('a:1', { group: ['x', 'y'], weights: '1' }), list[1]], [serviceInstance('c:1', { group: ['x', 'y'], weight: '1' }), list[1]],
    ];
    for (const other of others) expect(sameInstances(list, other as typeof list), JSON.stringify(other)).toBe(false);
  });

  it('are sorted by address, the first entry of each', () => {
    const sorted = sortedInstances([serviceInstance('b:1', { weight: '1' }), serviceInstance('a:1'), serviceInstance('b:1', { weight: '2' })]);
    expect(sorted.map(({ address, metadata }) => [address, metadata['weight']])).toEqual([['tcp@a:1', undefined], ['tcp@b:1', '1']]);
  });
});
