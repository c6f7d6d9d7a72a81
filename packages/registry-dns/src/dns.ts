import type { Discovery, ServiceInstance, WatchOptions } from '@rpcxjs/core';
import { instanceFeed } from '@rpcxjs/core/discoveries';
import { resolveDnsOptions, type DnsOptions, type ResolvedDnsOptions } from './dns-options.ts';
import { NameWatch } from './name-watch.ts';

/**
 * Finds servers by DNS: the A and AAAA records of a name, or its SRV records, looked up again when their TTL is over (rpcx: client/dns_discovery.go, by an interval, and
 * with IPv6 addresses that cannot be dialled). What was found is kept while nobody answers; it is empty only when a server has said so.
 *
 * A first lookup that fails is an RpcError: `REGISTRY_UNREACHABLE`, or `REGISTRY_UNEXPECTED` for a name that does not exist. Throws TypeError for invalid options.
 * Nothing is open while nobody watches, so there is nothing to close.
 */
export function dns(options: DnsOptions): Discovery {
  return new NamedServers(resolveDnsOptions(options));
}

class NamedServers implements Discovery {
  readonly #options: ResolvedDnsOptions;
  readonly #watches = new Map<string, NameWatch>();

  constructor(options: ResolvedDnsOptions) {
    this.#options = options;
  }

  watch(service: string, { signal, runtime }: WatchOptions): AsyncIterable<readonly ServiceInstance[]> {
    return instanceFeed(signal, (feed) => {
      const name = this.#options.nameOf(service);
      const known = this.#watches.get(name);
      if (known !== undefined) return known.add(feed);
      const watch: NameWatch = new NameWatch({ name, options: this.#options, runtime, ended: () => {
        if (this.#watches.get(name) === watch) this.#watches.delete(name);
      } });
      this.#watches.set(name, watch);
      return watch.add(feed);
    });
  }
}
