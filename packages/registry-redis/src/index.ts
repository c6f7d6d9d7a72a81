export { redis } from './redis.ts';
export type { RedisOptions, RedisSentinelOptions, RedisTlsOptions } from './redis-options.ts';
export type { KeyValueRegistry } from '@rpcxjs/registry-kit';
