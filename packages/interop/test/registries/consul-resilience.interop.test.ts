import { consul } from '@rpcxjs/registry-consul';
import { startConsul } from '@rpcxjs/registry-servers';
import { describeWithConsul } from '@rpcxjs/registry-servers/vitest';
import { outages } from './resilience.ts';
import type { RegistryRig } from './town.ts';

const rig: RegistryRig = { name: 'consul', ttlMs: 20_000, start: () => startConsul(), options: (address) => ({ address }), registry: consul };

describeWithConsul('Consul, when it is in trouble', () => outages(rig));
