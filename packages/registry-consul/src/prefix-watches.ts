import type { Pair } from './consul-client.ts';
import { SharedQuery, type SharedQueryInit } from './shared-query.ts';

/** An agent takes 200 connections of one host by default, of all its processes together. */
const mostQueries = 16;

/** What stands below prefixes: a query for each of the first few, and one above them for all others. */
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

// What Go calls printable; the path of a request may have nothing else (Consul: agent/http.go, cleanhttp.PrintablePathCheckHandler).
const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** Consul's HTTP server leads `..` and `//` in a path elsewhere, and takes no control characters: then what stands above is watched. */
function queryable(prefix: string): string {
  const segments = prefix.split('/');
  const odd = segments.slice(0, -1).findIndex((segment) => segment === '' || segment === '.' || segment === '..' || unprintable.test(segment));
  return odd === -1 ? prefix : segments.slice(0, odd).map((segment) => `${segment}/`).join('');
}
