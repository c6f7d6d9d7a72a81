import type { Discovery, ServiceInstance, WatchOptions } from '../src/discovery.ts';
import { instanceFeed, type InstanceFeed } from '../src/discovery-feed.ts';
import type { Logger, Runtime } from '../src/runtime.ts';
import { ManualClock } from './manual-clock.ts';

/** A source that says what a test has it say. */
export class SpokenDiscovery implements Discovery {
  readonly feeds = new Set<InstanceFeed>();
  watches = 0;
  stops = 0;

  watch(_service: string, { signal }: WatchOptions): AsyncIterable<readonly ServiceInstance[]> {
    return instanceFeed(signal, (feed) => {
      this.watches += 1;
      this.feeds.add(feed);
      return () => {
        this.stops += 1;
        this.feeds.delete(feed);
      };
    });
  }
  say(...names: (string | ServiceInstance)[]): void {
    for (const feed of this.feeds) feed.push(instances(...names));
  }
  fail(error: unknown = new Error('the registry is down')): void {
    for (const feed of this.feeds) feed.fail(error);
  }
  end(): void {
    for (const feed of this.feeds) feed.end();
  }
}

export function instances(...names: (string | ServiceInstance)[]): readonly ServiceInstance[] {
  return names.map((name) => (typeof name === 'string' ? { address: `tcp@${name}:1`, metadata: {} } : name));
}

export interface Warned {
  readonly fields: object;
  readonly message: string;
}

/** A watcher that notes each list, as names, as it comes. */
export class Watching {
  readonly clock: ManualClock = new ManualClock();
  readonly warnings: Warned[] = [];
  readonly lists: string[] = [];
  readonly controller: AbortController = new AbortController();
  readonly runtime: Runtime;
  ended: 'no' | 'yes' | Error = 'no';

  constructor() {
    const logger: Logger = { debug() {}, info() {}, error() {}, warn: (fields, message) => void this.warnings.push({ fields, message }), child: () => logger };
    this.runtime = { clock: this.clock, logger };
  }
  async open(discovery: Discovery, service = 'S'): Promise<this> {
    this.ended = 'no';
    void (async () => {
      try {
        for await (const list of discovery.watch(service, { signal: this.controller.signal, runtime: this.runtime })) {
          this.lists.push(list.map(({ address }) => address.replace(/^tcp@(.*):1$/, '$1')).join(' '));
        }
        this.ended = 'yes';
      } catch (error) {
        this.ended = error as Error;
      }
    })();
    await settle();
    return this;
  }
  async after(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settle();
  }
}

/** Lets everything that waits for nothing but a promise run. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 60; turns++) await Promise.resolve();
}
