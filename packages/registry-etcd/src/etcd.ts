import { keyValueRegistry, type KeyValueRegistry } from '@rpcxjs/registry-kit';
import { openEtcd } from './etcd-client.ts';
import { etcdError } from './etcd-error.ts';
import { resolveEtcdOptions, type EtcdOptions } from './etcd-options.ts';
import { EtcdStore } from './etcd-store.ts';
import { answeringEndpoints } from './answering-endpoints.ts';

/**
 * The services of rpcx in etcd v3, where Go's `EtcdV3RegisterPlugin` and `EtcdV3Discovery` have them, and those of the single variant too: a registry for servers and a
 * discovery for clients, over etcd3. It connects on first use; close it when nobody uses it any more.
 *
 * Throws TypeError for invalid options. What fails later is an RpcError: `REGISTRY_UNREACHABLE`, `REGISTRY_REFUSED` or `REGISTRY_UNEXPECTED`.
 */
export function etcd(options: EtcdOptions = {}): KeyValueRegistry {
  const resolved = resolveEtcdOptions(options);
  const where = resolved.endpoints.map((endpoint) => endpoint.replace(/^http:\/\//, '')).join(',');
  return keyValueRegistry({
    name: 'etcd',
    where,
    options,
    async open({ runtime, timeoutMs, signal }) {
      const endpoints = await answeringEndpoints({ options: resolved, clock: runtime.clock, signal }).catch((error: unknown) => {
        throw signal.aborted ? error : etcdError(where, 'be reached', error);
      });
      return new EtcdStore({ client: await openEtcd({ ...resolved, endpoints }, timeoutMs), where, runtime, timeoutMs });
    },
  });
}
