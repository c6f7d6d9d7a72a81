import type { RedisConnection } from './redis-connection.ts';
import { globOf } from './redis-key.ts';

/** The value of a key, as it is in Redis. */
export interface FoundEntry {
  readonly stored: string;
  /** Milliseconds that it has left; undefined when it stays. */
  readonly leftMs: number | undefined;
}

const scanned = 1000;
const readAtOnce = 100;

/** Names of all keys that begin with `prefix`. */
export async function namesBelow(connection: RedisConnection, prefix: string, signal: AbortSignal): Promise<Set<string>> {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const from = cursor;
    const [next, names] = await connection.ask(`list ${prefix}`, signal, (client) => client.scan(from, 'MATCH', globOf(prefix), 'COUNT', scanned));
    for (const name of names) if (name.startsWith(prefix)) found.add(name);
    cursor = next;
  } while (cursor !== '0');
  return found;
}

/** The values of these keys, without those that do not exist or are not strings. */
export async function readEntries(connection: RedisConnection, names: Iterable<string>, signal: AbortSignal): Promise<Map<string, FoundEntry>> {
  const found = new Map<string, FoundEntry>();
  const all = [...names];
  for (let i = 0; i < all.length; i += readAtOnce) {
    const some = all.slice(i, i + readAtOnce);
    const [values, lefts] = await connection.ask(`read ${some.length} keys`, signal, async (client) => {
      const asked = client.pipeline().mget(...some);
      for (const name of some) asked.pttl(name);
      const [first, ...rest] = (await asked.exec()) ?? [];
      if (first?.[0] != null) throw first[0];
      // A time to live that may not be read counts as none.
      return [first?.[1] as (string | null)[], rest.map(([, left]) => left)] as const; // what MGET says
    });
    for (const [index, name] of some.entries()) {
      const stored = values[index];
      if (stored == null) continue;
      const left = lefts[index];
      // Below zero: no time, or gone since.
      found.set(name, { stored, leftMs: typeof left === 'number' && left !== -1 ? Math.max(left, 0) : undefined });
    }
  }
  return found;
}
