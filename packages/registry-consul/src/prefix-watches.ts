import { onAbort, type Clock } from '@rpcxjs/core';
import type { ConsulClient, Pair } from './consul-client.ts';
import { timeLimit } from './time-limit.ts';

export interface PrefixWatchesInit {
  readonly client: ConsulClient;
  readonly clock: Clock;
  /** Milliseconds for an answer that is due. */
  readonly timeoutMs: number;
}

/** Consul adds up to a sixteenth. With the time for an answer, a silent agent is noticed within 15 s. */
const waitMs = 9000;
/** Between two answers that say nothing new: a prefix without keys is told of every change in Consul. */
const pauseMs = 50;

/** What stands below prefixes, by blocking queries: one connection for each prefix that is watched. */
export class PrefixWatches {
  readonly #init: PrefixWatchesInit;

  constructor(init: PrefixWatchesInit) {
    this.#init = init;
  }

  /** At once, and after each change. */
  async *follow(prefix: string, signal: AbortSignal): AsyncGenerator<readonly Pair[], void> {
    const { client } = this.#init;
    const asked = queryable(prefix);
    let [index, said] = ['0', ''];
    for (;;) {
      const found = await this.#query(asked, signal, index);
      const next = { ...found, pairs: asked === prefix ? found.pairs : found.pairs.filter(({ Key }) => Key.startsWith(prefix)) };
      const now = JSON.stringify(next.pairs.map(({ Key, Value }) => [Key, Value]));
      const isFirst = said === '';
      // An index that goes back is that of other data: ask anew. It is never 0, which would not wait.
      const isOlder = BigInt(next.index) < BigInt(index);
      const isSame = next.index === index;
      index = isOlder || next.index === '0' ? '0' : next.index;
      if (isFirst || now !== said) {
        said = now;
        yield next.pairs;
      } else if (!isSame) await this.#pause(signal);
      client.closed.throwIfAborted();
    }
  }

  async #query(prefix: string, signal: AbortSignal, index: string): Promise<{ readonly pairs: readonly Pair[]; readonly index: string }> {
    const { client, clock, timeoutMs } = this.#init;
    const ms = (index === '0' ? 0 : waitMs + waitMs / 16) + timeoutMs;
    const limit = timeLimit({ clock, ms, outer: signal, late: () => client.late(`watch ${prefix}`, ms) });
    try {
      return await client.query(prefix, limit.signal, { index, waitMs });
    } finally {
      limit.end();
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const unlinks = [onAbort(signal, (reason) => end(() => reject(reason))), onAbort(this.#init.client.closed, () => end(resolve))];
      const timer = this.#init.clock.setTimer(() => end(resolve), pauseMs);
      function end(settle: () => void): void {
        timer.cancel();
        for (const unlink of unlinks) unlink();
        settle();
      }
    });
  }
}

/** Consul's HTTP server leads `..` and `//` in a path elsewhere: then what stands above is watched. */
function queryable(prefix: string): string {
  const segments = prefix.split('/');
  const odd = segments.slice(0, -1).findIndex((segment) => segment === '' || segment === '.' || segment === '..');
  return odd === -1 ? prefix : segments.slice(0, odd).map((segment) => `${segment}/`).join('');
}
