import { checkedSource } from './checked-source.ts';
import { checkNames, refuse } from './options.ts';
import { instanceFeed, type InstanceFeed } from './discovery-feed.ts';
import { followDiscovery } from './discovery-follow.ts';
import type { Discovery, ServiceInstance, WatchOptions } from './discovery.ts';
import { isActive } from './instance-metadata.ts';
import { onAbort } from './lazy-signal.ts';
import type { Timer } from './runtime.ts';
import { sameInstances, sortedInstances } from './service-instance.ts';

/** Whether the server at an address still answers. Ends when the signal does; false, an error and silence all mean no. */
export type InstanceProbe = (address: string, options: WatchOptions & { readonly signal: AbortSignal }) => Promise<boolean>;

export interface StabilisedOptions {
  /** Milliseconds that instances which vanished with many others are kept; `Infinity` needs a `probe` and keeps them as long as they answer. @default 60 000 */
  readonly keepMs?: number | undefined;
  /** Asks the instances that are kept whether they answer; one that fails twice in a row is dropped. `dialProbe(transports)` is such a probe. @default none is asked */
  readonly probe?: InstanceProbe | undefined;
  /** Milliseconds between two rounds of probes; the first comes at once. @default 5000 */
  readonly probeEveryMs?: number | undefined;
  /** Milliseconds for an answer. @default 2000 */
  readonly probeTimeoutMs?: number | undefined;
}

const failuresToDrop = 2;
const probesAtOnce = 16;

interface ResolvedStabilisedOptions {
  readonly keepMs: number;
  readonly probe: InstanceProbe | undefined;
  readonly probeEveryMs: number;
  readonly probeTimeoutMs: number;
}

/**
 * A discovery for which a list that is empty, or has lost half of its active instances or more at once, is a suspicion and not a fact: registries lose
 * their content more often than half of the servers die together. Those that vanished are kept until a list comes that is no longer suspicious, until
 * they fail their probes, or until `keepMs` have passed and the registry, which must be up then, still says so.
 *
 * Put it around `cached`, not into it: what comes after a start from the snapshot is then compared with the snapshot. A source that fails after its first list is
 * asked again and disturbs nobody.
 */
export function stabilised(source: Discovery, options: StabilisedOptions = {}): Discovery {
  checkedSource('stabilised', source);
  const resolved = resolveStabilisedOptions(options);
  return {
    watch: (service, watching) => instanceFeed(watching.signal, (feed) => {
      const list = new StableList(resolved, watching, feed);
      const stop = followDiscovery(source, service, watching, list);
      return () => {
        stop();
        list.close();
      };
    }),
  };
}

function resolveStabilisedOptions(options: StabilisedOptions): ResolvedStabilisedOptions {
  const { keepMs = 60_000, probe, probeEveryMs = 5000, probeTimeoutMs = 2000 } = options;
  const resolved = { keepMs, probe, probeEveryMs, probeTimeoutMs };
  checkNames('stabilised', options, resolved);
  for (const [name, value] of Object.entries({ keepMs, probeEveryMs, probeTimeoutMs })) {
    if (typeof value !== 'number' || !(value > 0)) refuse(`stabilised: ${name}`, value, 'milliseconds above 0');
  }
  if (probe !== undefined && typeof probe !== 'function') refuse('stabilised: probe', probe, 'a function, for example dialProbe(transports)');
  if (keepMs === Infinity && probe === undefined) throw new TypeError('stabilised: keepMs is Infinity, and nobody asks whether an instance still answers: give a probe, for example dialProbe(transports)');
  return resolved;
}

/** The list that one watcher gets, with the instances that are kept because the source's list is suspicious. */
class StableList {
  readonly #options: ResolvedStabilisedOptions;
  readonly #watching: WatchOptions;
  readonly #feed: InstanceFeed;
  /** What the source said last. */
  #said: readonly ServiceInstance[] = [];
  #told: readonly ServiceInstance[] | undefined;
  /** Instances that vanished from a suspicious list, with how often each has failed its probe in a row. Not empty while there is a suspicion. */
  readonly #kept = new Map<string, { readonly instance: ServiceInstance; failures: number }>();
  /** How many active ones there were when the suspicion began. */
  #before = 0;
  #sourceFails = false;
  #ended = false;
  #expiry: Timer | undefined;
  #nextProbes: Timer | undefined;
  #probing: AbortController | undefined;

  constructor(options: ResolvedStabilisedOptions, watching: WatchOptions, feed: InstanceFeed) {
    this.#options = options;
    this.#watching = watching;
    this.#feed = feed;
  }

  list(instances: readonly ServiceInstance[]): void {
    this.#sourceFails = false;
    this.#said = sortedInstances(instances);
    const { length } = this.#said.filter(isActive);
    if (this.#kept.size === 0) this.#before = (this.#told ?? []).filter(isActive).length;
    if (this.#before > 0 && length * 2 <= this.#before) this.#suspect(instances);
    else this.#trust();
  }

  failed(error: unknown): void {
    this.#sourceFails = true;
    if (this.#told === undefined) this.#feed.fail(error);
  }

  /** The source has ended. Its last list may be suspicious, and is then confirmed as any other. */
  ended(): void {
    this.#ended = true;
    if (this.#kept.size === 0) this.#feed.end();
  }

  close(): void {
    this.#expiry?.cancel();
    this.#nextProbes?.cancel();
    this.#probing?.abort();
    this.#expiry = this.#nextProbes = this.#probing = undefined;
  }

  #suspect(instances: readonly ServiceInstance[]): void {
    const begins = this.#kept.size === 0;
    const listed = new Set(instances.map(({ address }) => address));
    for (const address of listed) this.#kept.delete(address);
    for (const instance of this.#told ?? []) {
      if (!listed.has(instance.address) && !this.#kept.has(instance.address)) this.#kept.set(instance.address, { instance, failures: 0 });
    }
    if (this.#kept.size === 0) {
      this.#trust();
      return;
    }
    this.#tell();
    if (!begins) return;
    this.#expire();
    if (this.#options.probe !== undefined) void this.#probeAll(this.#options.probe);
  }

  #trust(): void {
    this.#kept.clear();
    this.close();
    this.#tell();
    if (this.#ended) this.#feed.end();
  }

  #tell(): void {
    const kept = [...this.#kept.values()].map(({ instance }) => instance);
    const list = sortedInstances([...this.#said, ...kept]);
    if (this.#told === undefined || !sameInstances(this.#told, list)) this.#feed.push((this.#told = list));
  }

  #expire(): void {
    const { keepMs } = this.#options;
    if (keepMs === Infinity) return;
    this.#expiry = this.#watching.runtime.clock.setTimer(() => {
      // While the registry is away it confirms nothing.
      if (this.#sourceFails) this.#expire();
      else this.#trust();
    }, keepMs);
  }

  async #probeAll(probe: InstanceProbe): Promise<void> {
    const { signal } = (this.#probing = new AbortController());
    const waiting = [...this.#kept.keys()];
    const work = async (): Promise<void> => {
      for (let address = waiting.pop(); address !== undefined && !signal.aborted; address = waiting.pop()) this.#judge(address, await this.#answers(probe, address, signal), signal);
    };
    await Promise.all(Array.from({ length: probesAtOnce }, work));
    if (signal.aborted) return;
    this.#tell();
    if (this.#kept.size === 0) this.#trust();
    else this.#nextProbes = this.#watching.runtime.clock.setTimer(() => void this.#probeAll(probe), this.#options.probeEveryMs);
  }

  #judge(address: string, answers: boolean, signal: AbortSignal): void {
    const kept = this.#kept.get(address);
    if (kept === undefined || signal.aborted) return;
    kept.failures = answers ? 0 : kept.failures + 1;
    if (kept.failures < failuresToDrop) return;
    this.#kept.delete(address);
    if (isActive(kept.instance)) this.#before -= 1;
  }

  async #answers(probe: InstanceProbe, address: string, signal: AbortSignal): Promise<boolean> {
    const { runtime } = this.#watching;
    const controller = new AbortController();
    let unlink = (): void => {};
    const over = new Promise<false>((resolve) => {
      const end = (): void => {
        controller.abort();
        resolve(false);
      };
      const timer = runtime.clock.setTimer(end, this.#options.probeTimeoutMs);
      const off = onAbort(signal, end);
      unlink = () => {
        timer.cancel();
        off();
      };
    });
    try {
      return await Promise.race([probe(address, { runtime, signal: controller.signal }), over]);
    } catch {
      return false;
    } finally {
      unlink();
    }
  }
}
