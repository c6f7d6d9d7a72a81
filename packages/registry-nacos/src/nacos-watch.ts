import { sleep, thrownText, type Runtime, type ServiceInstance } from '@rpcxjs/core';
import { sameInstances, sortedInstances, type InstanceFeed } from '@rpcxjs/core/discoveries';
import type { NacosClient, NacosList } from './nacos-client.ts';
import { readHosts } from './nacos-instance.ts';

/** What the watch of one service needs. */
export interface NacosWatchInit {
  readonly client: NacosClient;
  readonly service: string;
  readonly pollMs: number | undefined;
  readonly runtime: Runtime;
  /** Called when nobody reads any more. */
  readonly ended: () => void;
}

const usualPauseMs = 3000;
const shortestPauseMs = 100;
const longestRetryMs = 5000;
const shownFaults = 3;

/** One service in Nacos, read again and again for everyone who watches it. What was known last stays when Nacos does not answer. */
export class NacosWatch {
  readonly #init: NacosWatchInit;
  readonly #feeds = new Set<InstanceFeed>();
  readonly #stop = new AbortController();
  #instances: readonly ServiceInstance[] | undefined;
  #failures = 0;
  #warned = false;

  constructor(init: NacosWatchInit) {
    this.#init = init;
    void this.#read(this.#stop.signal);
  }

  /** Returns a function that takes it off again. */
  add(feed: InstanceFeed): () => void {
    this.#feeds.add(feed);
    if (this.#instances !== undefined) feed.push(this.#instances);
    return () => {
      this.#feeds.delete(feed);
      if (this.#feeds.size === 0) this.#end();
    };
  }
  /** The readers keep the list that they have. */
  close(): void {
    for (const feed of this.#feeds) feed.end();
    this.#end();
  }

  #end(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort(new Error('nobody reads any more'));
    this.#init.ended();
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { client, service, runtime } = this.#init;
    const { clock } = runtime;
    while (!signal.aborted) {
      const list = await client.list(service, { runtime, signal }).catch((error: unknown) => {
        if (!signal.aborted) this.#failed(error);
      });
      if (signal.aborted) return;
      if (list !== undefined) this.#take(list);
      const pauseMs = list === undefined
        ? clock.random() * Math.min(longestRetryMs, 200 * 1.6 ** Math.min(this.#failures, 20))
        : this.#pauseMs(list) * (0.8 + 0.4 * clock.random());
      await sleep(clock, pauseMs, signal).catch(() => {});
    }
  }

  #pauseMs({ cacheMs = usualPauseMs }: NacosList): number {
    return this.#init.pollMs ?? Math.max(shortestPauseMs, Math.min(cacheMs, usualPauseMs));
  }

  #take({ hosts }: NacosList): void {
    const { service, client, runtime } = this.#init;
    if (this.#failures > 0 && this.#instances !== undefined) runtime.logger.info({ registry: 'nacos', service }, `nacos at ${client.where} lists "${service}" again`);
    this.#failures = 0;
    const faults: string[] = [];
    const instances = sortedInstances(readHosts(hosts, { add: (fault) => void faults.push(fault) }));
    this.#warn(faults);
    if (this.#instances !== undefined && sameInstances(this.#instances, instances)) return;
    this.#instances = instances;
    for (const feed of this.#feeds) feed.push(instances);
  }

  /** Tells the error to readers that have no list yet; the others keep theirs. */
  #failed(error: unknown): void {
    this.#failures += 1;
    const { service, client, runtime } = this.#init;
    if (this.#instances === undefined) for (const feed of this.#feeds) feed.fail(error);
    else if (this.#failures === 1) runtime.logger.warn({ registry: 'nacos', service, err: error }, `nacos at ${client.where} does not list "${service}"; calls go on with the servers that are known: ${thrownText(error)}`);
  }

  #warn(faults: readonly string[]): void {
    if (faults.length === 0 || this.#warned) return;
    this.#warned = true;
    const { service, runtime } = this.#init;
    const more = faults.length > shownFaults ? `; and ${faults.length - shownFaults} more` : '';
    runtime.logger.warn({ registry: 'nacos', service, faults: faults.length }, `nacos says what cannot be used of "${service}", the rest is: ${faults.slice(0, shownFaults).join('; ')}${more}`);
  }
}
