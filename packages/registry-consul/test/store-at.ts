import { systemClock, consoleLogger } from '@rpcxjs/core';
import { resolveConsulOptions, type ConsulOptions } from '../src/consul-options.ts';
import { ConsulStore } from '../src/consul-store.ts';

export const forever: AbortSignal = new AbortController().signal;

export interface TestStore extends AsyncDisposable {
  readonly store: ConsulStore;
}

/** A store of an agent that a test has started. */
export function storeAt(address: string, options: ConsulOptions = {}): TestStore {
  const { ttlMs = 20_000, timeoutMs = 2000 } = options;
  const store = new ConsulStore({ options: resolveConsulOptions({ address, ...options }), runtime: { clock: systemClock, logger: consoleLogger(systemClock) }, ttlMs, timeoutMs });
  return { store, [Symbol.asyncDispose]: () => store.close() };
}

export interface Watching {
  /** What the watch has said last. */
  readonly last: () => Readonly<Record<string, string>> | undefined;
  /** How often it spoke. */
  readonly count: () => number;
  /** What it ended with. */
  readonly ended: Promise<unknown>;
  stop(): Promise<unknown>;
}

export function watching(store: ConsulStore, prefix: string): Watching {
  const stop = new AbortController();
  let [last, count]: [Readonly<Record<string, string>> | undefined, number] = [undefined, 0];
  const read = async (): Promise<void> => {
    for await (const content of store.watch(prefix, { signal: stop.signal })) {
      last = Object.fromEntries(content);
      count += 1;
    }
  };
  const ended = read().then(() => 'nothing', (error: unknown) => error);
  return {
    last: () => last,
    count: () => count,
    ended,
    stop: () => {
      stop.abort(new Error('stopped'));
      return ended;
    },
  };
}
