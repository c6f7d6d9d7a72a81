import { keyValueRegistry, type KeyValueRegistry } from '@rpcxjs/registry-kit';
import { formatNode, resolveRedisOptions, type RedisOptions } from './redis-options.ts';
import { RedisStore } from './redis-store.ts';

/**
 * The services of rpcx in Redis, in the layout of rpcx-redis: a registry for servers and a discovery for clients, over ioredis. It connects on first use; close it when nobody uses it
 * any more.
 *
 * Throws TypeError for invalid options. What fails later is an RpcError: `REGISTRY_UNREACHABLE`, `REGISTRY_REFUSED` or `REGISTRY_UNEXPECTED`.
 */
export function redis(options: RedisOptions = {}): KeyValueRegistry {
  const resolved = resolveRedisOptions(options);
  const where = resolved.nodes.map(formatNode).join(',');
  const warned = new Set<string>();
  return keyValueRegistry({
    name: 'redis',
    where,
    options,
    open: ({ runtime, timeoutMs }) => new RedisStore({ options: resolved, runtime, timeoutMs, where, warned }),
  });
}
