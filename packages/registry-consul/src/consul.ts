import { keyValueRegistry, type KeyValueRegistry } from '@rpcxjs/registry-kit';
import { resolveConsulOptions, type ConsulOptions } from './consul-options.ts';
import { ConsulStore } from './consul-store.ts';

/**
 * The services of rpcx in Consul's keys, in the layout of rpcx-consul: a registry for servers and a discovery for clients. It connects on first use; close it when nobody uses it any more.
 *
 * Throws TypeError for invalid options. What fails later is an RpcError: `REGISTRY_UNREACHABLE`, `REGISTRY_REFUSED` or `REGISTRY_UNEXPECTED`.
 */
export function consul(options: ConsulOptions = {}): KeyValueRegistry {
  const resolved = resolveConsulOptions(options);
  return keyValueRegistry({
    name: 'consul',
    where: resolved.where,
    options,
    open: ({ runtime, ttlMs, timeoutMs }) => new ConsulStore({ options: resolved, runtime, ttlMs, timeoutMs }),
  });
}
