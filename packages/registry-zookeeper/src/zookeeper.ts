import { keyValueRegistry, type KeyValueRegistry } from '@rpcxjs/registry-kit';
import { resolveZooKeeperOptions, type ZooKeeperOptions } from './zookeeper-options.ts';
import { ZooKeeperStore } from './zookeeper-store.ts';

/**
 * The services of rpcx in ZooKeeper, in the layout of rpcx-zookeeper: a registry for servers and a discovery for clients, over node-zookeeper-client. It connects on first
 * use; close it when nobody uses it any more.
 *
 * Throws TypeError for invalid options. What fails later is an RpcError: `REGISTRY_UNREACHABLE`, `REGISTRY_REFUSED` or `REGISTRY_UNEXPECTED`.
 */
export function zookeeper(options: ZooKeeperOptions = {}): KeyValueRegistry {
  const resolved = resolveZooKeeperOptions(options);
  const where = resolved.servers.join(',');
  return keyValueRegistry({ name: 'zookeeper', where, options, open: ({ runtime, timeoutMs }) => new ZooKeeperStore({ options: resolved, where, runtime, timeoutMs }) });
}
