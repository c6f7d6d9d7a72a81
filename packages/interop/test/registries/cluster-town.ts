import { systemClock } from '@rpcxjs/core';
import { dialProbe, stabilised } from '@rpcxjs/core/discoveries';
import { etcd } from '@rpcxjs/registry-etcd';
import { startEtcdCluster, type EtcdCluster } from '@rpcxjs/registry-servers';
import { createClient, createServer } from '@rpcxjs/rpcx';
import { tcp } from '@rpcxjs/transport-tcp';
import { Load } from '../../src/index.ts';
import { recordingLogger } from '../recording-logger.ts';

export type Endpoints = string | readonly string[];

/** A client under load, and what its registry says. */
export interface Consumer {
  /** Each list once. */
  readonly lists: string[][];
  readonly load: Load;
  /** Its warnings. */
  readonly lines: readonly string[];
}

/** A cluster of three etcd, with servers and clients that know all of its members or some. */
export class ClusterTown implements AsyncDisposable {
  readonly cluster: EtcdCluster;
  readonly ttlMs = 5000;
  readonly #open: AsyncDisposable[] = [];

  private constructor(cluster: EtcdCluster) {
    this.cluster = this.#keep(cluster);
  }

  static async found(): Promise<ClusterTown> {
    return new ClusterTown(await startEtcdCluster());
  }

  /** A server of `Town.Who`; resolves with its address. */
  async provider(name: string, endpoints: Endpoints): Promise<string> {
    const server = createServer({ registries: [this.#registry(endpoints)], logger: recordingLogger() });
    this.#keep({ [Symbol.asyncDispose]: () => server.close({ graceMs: 0, lameDuckMs: 0 }) });
    server.registerFunction('Town', 'Who', () => name);
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    return address;
  }

  /** Makes fifty idempotent calls a second. */
  consumer(endpoints: Endpoints): Consumer {
    const logger = recordingLogger();
    const registry = this.#registry(endpoints);
    const lists: string[][] = [];
    const ended = new AbortController();
    const reading = (async () => {
      for await (const list of registry.watch('Town', { runtime: { clock: systemClock, logger }, signal: ended.signal })) lists.push(list.map(({ address }) => address));
    })();
    this.#keep({ [Symbol.asyncDispose]: () => {
      ended.abort();
      return reading;
    } });
    const client = this.#keep(createClient({ discovery: stabilised(registry, { probe: dialProbe([tcp()]) }), logger }));
    const town = client.service<{ Who(input: null): string }>('Town', { idempotent: ['Who'] });
    return { lists, lines: logger.lines, load: this.#keep(new Load({ ratePerSecond: 50, call: () => town.Who(null) })) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cluster.heal();
    for (const each of this.#open.splice(0).reverse()) await each[Symbol.asyncDispose]();
  }

  #registry(endpoints: Endpoints) {
    return this.#keep(etcd({ endpoints, basePath: '/town', ttlMs: this.ttlMs }));
  }
  #keep<T extends AsyncDisposable>(what: T): T {
    this.#open.push(what);
    return what;
  }
}
