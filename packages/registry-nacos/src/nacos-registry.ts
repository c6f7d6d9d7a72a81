import { RpcError, type Discovery, type Lease, type Registration, type Registry, type Runtime, type ServiceInstance, type WatchOptions } from '@rpcxjs/core';
import { instanceFeed, serviceInstance } from '@rpcxjs/core/discoveries';
import { NacosClient } from './nacos-client.ts';
import { nacosInstance } from './nacos-instance.ts';
import { resolveNacosOptions, type NacosOptions, type ResolvedNacosOptions } from './nacos-options.ts';
import { PublishedInstance } from './nacos-published.ts';
import { NacosWatch } from './nacos-watch.ts';

/** What servers register with it, clients that are given it find; and what Go servers with rpcx-nacos register there too. */
export interface NacosRegistry extends Registry, Discovery {}

const longestGoodbyeMs = 1000;

/**
 * A registry and a discovery in Nacos, over its open HTTP API, with the names and metadata of rpcx-nacos. Connects on first use. Instances are kept alive by heartbeats, and registered
 * again when Nacos has lost them; lists are read every few seconds, and the last one stays while Nacos is away.
 *
 * A registration or first list that fails rejects with an RpcError: `REGISTRY_UNREACHABLE`, `REGISTRY_REFUSED` or `REGISTRY_UNEXPECTED`. Throws TypeError for invalid options.
 */
export function nacos(options?: NacosOptions): NacosRegistry {
  return new OpenNacosRegistry(resolveNacosOptions(options));
}

class OpenNacosRegistry implements NacosRegistry {
  readonly #options: ResolvedNacosOptions;
  readonly #client: NacosClient;
  readonly #published = new Map<string, PublishedInstance>();
  readonly #watches = new Map<string, NacosWatch>();
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedNacosOptions) {
    this.#options = options;
    this.#client = new NacosClient(options);
  }

  async register({ service, instance }: Registration, { signal, runtime }: WatchOptions): Promise<Lease> {
    if (typeof service !== 'string' || service === '') throw new TypeError('a registration needs the name of its service');
    const { address, metadata } = serviceInstance(instance.address, instance.metadata);
    const { ip, port } = nacosInstance({ address, metadata }, this.#options.heartbeatMs);
    const what = `register "${service}" at ${address}`;
    this.#mustBeOpen(what);
    signal?.throwIfAborted();
    // Nacos has one instance for each ip and port, whatever the network.
    const key = `${port} ${ip} ${service}`;
    // The one before is on its way out: what it removes must not be this one.
    for (let leaving = this.#published.get(key)?.leaving; leaving !== undefined; leaving = this.#published.get(key)?.leaving) await leaving;
    this.#mustBeOpen(what);
    const published = this.#published.get(key) ?? this.#publish(key, service, address, runtime);
    return published.register(metadata, signal);
  }

  watch(service: string, { signal, runtime }: WatchOptions): AsyncIterable<readonly ServiceInstance[]> {
    return instanceFeed(signal, (feed) => {
      this.#mustBeOpen(`watch "${service}"`);
      return (this.#watches.get(service) ?? this.#newWatch(service, runtime)).add(feed);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const watch of this.#watches.values()) watch.close();
    const goodbyeMs = Math.min(longestGoodbyeMs, this.#options.timeoutMs);
    await Promise.all([...this.#published.values()].map((published) => published.close(goodbyeMs)));
    this.#client.close();
  }

  #publish(key: string, service: string, address: string, runtime: Runtime): PublishedInstance {
    const left = (): void => {
      if (this.#published.get(key) === published) this.#published.delete(key);
    };
    const closed = (): RpcError => this.#closedError(`publish "${service}" at ${address}`);
    const published: PublishedInstance = new PublishedInstance({ client: this.#client, service, address, heartbeatMs: this.#options.heartbeatMs, runtime, closed, left });
    this.#published.set(key, published);
    return published;
  }
  #newWatch(service: string, runtime: Runtime): NacosWatch {
    const ended = (): void => {
      if (this.#watches.get(service) === watch) this.#watches.delete(service);
    };
    const watch: NacosWatch = new NacosWatch({ client: this.#client, service, pollMs: this.#options.pollMs, runtime, ended });
    this.#watches.set(service, watch);
    return watch;
  }

  #mustBeOpen(what: string): void {
    if (this.#closing !== undefined) throw this.#closedError(what);
  }
  #closedError(what: string): RpcError {
    return new RpcError('failed_precondition', `the registry nacos at ${this.#client.where} cannot ${what}: it was closed or released; make a new one, or close it later`, { reason: 'CLOSED', sent: false });
  }
}
