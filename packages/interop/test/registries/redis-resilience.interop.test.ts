import { redis } from '@rpcxjs/registry-redis';
import { startRedis } from '@rpcxjs/registry-servers';
import { describeWithRedis } from '@rpcxjs/registry-servers/vitest';
import { outages } from './resilience.ts';
import type { RegistryRig } from './town.ts';

const rig: RegistryRig = { name: 'redis', ttlMs: 3000, start: () => startRedis(), options: (address) => ({ nodes: address }), registry: redis };

describeWithRedis('Redis, when it is in trouble', () => outages(rig));
