import { startZooKeeper } from '@rpcxjs/registry-servers';
import { describeWithZooKeeper } from '@rpcxjs/registry-servers/vitest';
import { zookeeper } from '@rpcxjs/registry-zookeeper';
import { longOutages } from './resilience.ts';
import type { RegistryRig } from './town.ts';

const rig: RegistryRig = { name: 'zookeeper', ttlMs: 5000, start: () => startZooKeeper(), options: (address) => ({ servers: address }), registry: zookeeper };

describeWithZooKeeper('ZooKeeper, for longer', () => longOutages(rig));
