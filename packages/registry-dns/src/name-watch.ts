import { sleep, thrownText, type Runtime, type ServiceInstance } from '@rpcxjs/core';
import { sameInstances, sortedInstances, type InstanceFeed } from '@rpcxjs/core/discoveries';
import { registryError } from '@rpcxjs/registry-kit';
import { DnsLookup, type DnsAnswer } from './dns-lookup.ts';
import type { ResolvedDnsOptions } from './dns-options.ts';

export interface NameWatchInit {
  readonly name: string;
  readonly options: ResolvedDnsOptions;
  readonly runtime: Runtime;
  /** Called when nobody reads any more. */
  readonly ended: () => void;
}

const firstDelayMs = 100;
const longestDelayMs = 5000;

/** One DNS name and its readers: it is looked up when its TTL is over, and the last list is kept while no server answers. */
export class NameWatch {
  readonly #init: NameWatchInit;
  readonly #feeds = new Set<InstanceFeed>();
  readonly #stop = new AbortController();
  #instances: readonly ServiceInstance[] | undefined;
  #warned = false;

  constructor(init: NameWatchInit) {
    this.#init = init;
    this.#watch(this.#stop.signal).catch((error: unknown) => this.#fail(error, 'this machine'));
  }

  /** Returns a function that takes it away. */
  add(feed: InstanceFeed): () => void {
    this.#feeds.add(feed);
    if (this.#instances !== undefined) feed.push(this.#instances);
    return () => {
      this.#feeds.delete(feed);
      if (this.#feeds.size > 0 || this.#stop.signal.aborted) return;
      this.#stop.abort();
      this.#init.ended();
    };
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { name, options, runtime } = this.#init;
    const { clock } = runtime;
    for (let failures = 0; !signal.aborted;) {
      const lookup = new DnsLookup(options);
      let delayMs: number;
      try {
        const answer = await lookup.run(name, clock, signal);
        if (answer.unknown && this.#instances === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
        this.#say(answer, lookup.servers);
        failures = 0;
        delayMs = Math.min(Math.max(answer.ttlMs ?? options.srvMs, options.minTtlMs), options.maxTtlMs);
      } catch (error) {
        if (signal.aborted) return;
        if (this.#instances === undefined) {
          this.#fail(error, lookup.servers);
          return;
        }
        this.#warn(error, lookup.servers);
        failures += 1;
        delayMs = clock.random() * Math.min(longestDelayMs, firstDelayMs * 1.6 ** Math.min(failures, 20));
      }
      await sleep(clock, delayMs, signal).catch(() => {}); // the loop sees that it has aborted
    }
  }

  #say(answer: DnsAnswer, servers: string): void {
    if (answer.failure === undefined) this.#warned = false;
    else this.#warn(answer.failure, servers);
    const kept = (this.#instances ?? []).filter(({ address }) => answer.missing === (address.includes('@[') ? 6 : 4));
    const instances = kept.length === 0 ? answer.instances : sortedInstances([...answer.instances, ...kept]);
    if (this.#instances !== undefined && sameInstances(instances, this.#instances)) return;
    this.#instances = Object.freeze(instances);
    for (const feed of this.#feeds) feed.push(this.#instances);
  }

  /** Warns once, until a lookup has worked again. */
  #warn(error: unknown, servers: string): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#init.runtime.logger.warn({ name: this.#init.name, err: error }, `DNS at ${servers} cannot look up "${this.#init.name}": ${thrownText(error)}; its last servers are used, and it is tried again`);
  }

  /** Fails all readers; each of them tries again when it likes. */
  #fail(cause: unknown, servers: string): void {
    const { name, options } = this.#init;
    const unknown = typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'ENOTFOUND';
    const kind = options.port === undefined ? 'SRV' : 'A or AAAA';
    const error = registryError({
      name: 'DNS', where: servers, what: `look up "${name}"`, cause,
      hint: unknown ? `is the name spelled right, has it ${kind} records there, and does it need a search domain?` : 'do these DNS servers run, and can this machine reach them? dns({ servers }) names others',
      ...(unknown ? { code: 'not_found', reason: 'REGISTRY_UNEXPECTED' } as const : {}),
    });
    this.#stop.abort();
    this.#init.ended();
    for (const feed of this.#feeds) feed.fail(error);
  }
}
