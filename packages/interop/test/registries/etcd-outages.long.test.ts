import { etcd } from '@rpcxjs/registry-etcd';
import { startEtcd } from '@rpcxjs/registry-servers';
import { describeWithEtcd } from '@rpcxjs/registry-servers/vitest';
import { longOutages } from './resilience.ts';
import type { RegistryRig } from './town.ts';

const rig: RegistryRig = { name: 'etcd', ttlMs: 5000, start: () => startEtcd(), options: (address) => ({ endpoints: address }), registry: etcd };

describeWithEtcd('etcd, for longer', () => longOutages(rig));
