import { systemClock, type Logger } from '@rpcxjs/core';
import { resolveRedisOptions, type RedisOptions } from '../src/redis-options.ts';
import { RedisStore } from '../src/redis-store.ts';

export const forever: AbortSignal = new AbortController().signal;

export interface TestStore extends AsyncDisposable {
  readonly store: RedisStore;
  readonly warnings: readonly string[];
}

/** A store of a server that a test has started. */
export function storeAt(nodes: string | readonly string[], options: RedisOptions = {}): TestStore {
  const warnings: string[] = [];
  const logger: Logger = { debug() {}, info() {}, warn: (_, message) => void warnings.push(message), error() {}, child: () => logger };
  const store = new RedisStore({ options: resolveRedisOptions({ nodes, ...options }), runtime: { clock: systemClock, logger }, timeoutMs: options.timeoutMs ?? 5000, where: String(nodes), warned: new Set() });
  return { store, warnings, [Symbol.asyncDispose]: () => store.close() };
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

export function watching(store: RedisStore, prefix: string): Watching {
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
