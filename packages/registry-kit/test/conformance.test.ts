import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { discoveryCases } from '@rpcxjs/conformance';
import type { DiscoveryRig, DiscoverySupports } from '@rpcxjs/conformance';
import { filterInstances } from '@rpcxjs/core';
import { cached, inGroup, instanceList, merge, prefer, stabilised } from '@rpcxjs/core/discoveries';
import type { Discovery, ServiceInstance } from '@rpcxjs/core';
import { describe, it } from 'vitest';
import { fileStore } from '../src/index.ts';

/** A list that a case sets, seen through what is made of it. */
function rig(make: (list: Discovery) => Discovery, mark: (instance: ServiceInstance) => ServiceInstance = (instance) => instance): DiscoveryRig {
  const lists = new Map<string, readonly ServiceInstance[]>();
  const list = instanceList({});
  return {
    discovery: make(list),
    set: (service, instances) => {
      lists.set(service, instances.map(mark));
      list.update(Object.fromEntries(lists));
    },
  };
}

const other = (): Discovery => instanceList({});
const inX = ({ address, metadata }: ServiceInstance): ServiceInstance => ({ address, metadata: { ...metadata, group: 'x' } });
const composed: readonly (readonly [string, () => DiscoveryRig | Promise<DiscoveryRig>, DiscoverySupports?])[] = [
  ['instanceList', () => rig((list) => list)],
  ['merge', () => rig((list) => merge(other(), list, other()))],
  ['merge of the same list twice', () => rig((list) => merge(list, list))],
  ['prefer', () => rig((list) => prefer(list, other()))],
  ['prefer, the second', () => rig((list) => prefer(other(), list))],
  ['filterInstances', () => rig((list) => filterInstances(list, inGroup('x')), inX), { metadata: false }],
  ['stabilised', () => rig((list) => stabilised(list)), { emptyLists: false }],
  ['cached', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rpcxjs-'));
    return { ...rig((list) => cached(list, fileStore({ directory }))), close: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }) };
  }],
  ['all of them', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rpcxjs-'));
    return { ...rig((list) => stabilised(cached(merge(prefer(list, other()), other()), fileStore({ directory })))), close: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }) };
  }, { emptyLists: false }],
];

for (const [name, create, supports] of composed) {
  describe(name, () => {
    for (const one of discoveryCases({ create, supports })) it(one.name, one.run);
  });
}
