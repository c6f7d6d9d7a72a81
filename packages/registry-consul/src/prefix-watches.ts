import type { Pair } from './consul-client.ts';
import { SharedQuery, type SharedQueryInit } from './shared-query.ts';

/** An agent takes 200 connections of one host by default, of all its processes together. */
const mostQueries = 16;

/** Watches prefixes: with a query of its own for each of the first few, and with a shared one above them for all others. */
export class PrefixWatches {
  readonly #init: Omit<SharedQueryInit, 'prefix' | 'ended'>;
  readonly #queries = new Map<string, SharedQuery>();

  constructor(init: Omit<SharedQueryInit, 'prefix' | 'ended'>) {
    this.#init = init;
  }

  /** At once, and after each change. */
  async *follow(prefix: string, signal: AbortSignal): AsyncGenerator<readonly Pair[], void> {
    this.#init.client.closed.throwIfAborted();
    signal.throwIfAborted();
    const query = this.#queryFor(queryable(prefix));
    query.join();
    try {
      let said: string | undefined;
      for (let answer = 0; ; ) {
        const found = await query.after(answer, signal);
        answer = found.answer;
        const pairs = found.pairs.filter(({ Key }) => Key.startsWith(prefix));
        const now = JSON.stringify(pairs.map(({ Key, Value }) => [Key, Value]));
        if (now === said) continue;
        said = now;
        yield pairs;
      }
    } finally {
      query.leave();
    }
  }

  #queryFor(wanted: string): SharedQuery {
    const prefix = this.#queries.has(wanted) || this.#queries.size < mostQueries ? wanted : wanted.slice(0, wanted.lastIndexOf('/', wanted.length - 2) + 1);
    const known = this.#queries.get(prefix);
    if (known !== undefined) return known;
    const ended = (): void => {
      if (this.#queries.get(prefix) === made) this.#queries.delete(prefix);
    };
    const made: SharedQuery = new SharedQuery({ ...this.#init, prefix, ended });
    this.#queries.set(prefix, made);
    return made;
  }
}

// Characters that Go does not call printable; a request's path must have none (Consul: agent/http.go, cleanhttp.PrintablePathCheckHandler).
const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** The part of a prefix that can be queried. Consul's HTTP server redirects paths with `..` or `//` and refuses control characters: then the part before them is watched. */
function queryable(prefix: string): string {
  const segments = prefix.split('/');
  const odd = segments.slice(0, -1).findIndex((segment) => segment === '' || segment === '.' || segment === '..' || unprintable.test(segment));
  return odd === -1 ? prefix : segments.slice(0, odd).map((segment) => `${segment}/`).join('');
}
