import { sleep, thrownText, type Clock } from '@rpcxjs/core';
import { abortable, timeLimit } from '@rpcxjs/registry-kit';
import { isRefusal } from './redis-error.ts';
import type { RedisLink } from './redis-link.ts';
import { globOf } from './redis-key.ts';
import type { RedisNodes } from './redis-nodes.ts';

/** Functions that are told what happens below a prefix. */
export interface Follower {
  happened(name: string, event: string): void;
  /** There will be no events any more. */
  lost(error: Error): void;
}
/** What keyspace events need. */
export interface KeyspaceEventsInit {
  readonly nodes: RedisNodes;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly database: number;
  /** May be called with the same message again. */
  readonly warn: (message: string) => void;
}

const pingMs = 5000;
// Keyspace channel; DEL, EXPIRE and RENAME; SET; expired; evicted.
const neededFlags = ['K', 'g', '$', 'x', 'e'];
/** The flags among those that `A` includes. */
const inAll = ['g', '$', 'x', 'e'];

/**
 * The connection on which Redis tells what happens to keys, one for all prefixes: made when the first one is followed, left with the last one. The server tells only what its
 * setting `notify-keyspace-events` names: what is missing there is added, nothing is taken away.
 */
export class KeyspaceEvents {
  readonly #init: KeyspaceEventsInit;
  readonly #channel: string;
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #closed = new AbortController();
  #opening: Promise<RedisLink> | undefined;

  constructor(init: KeyspaceEventsInit) {
    this.#init = init;
    this.#channel = `__keyspace@${init.database}__:`;
  }

  /** Events of every name that begins with `prefix`, from when this settles; returns a function that takes it off. */
  async follow(prefix: string, follower: Follower, signal: AbortSignal): Promise<() => void> {
    const pattern = globOf(`${this.#channel}${prefix}`);
    const followers = this.#followers.get(pattern) ?? new Set();
    this.#followers.set(pattern, followers);
    followers.add(follower);
    const leave = (): void => this.#leave(pattern, followers, follower);
    try {
      const link = await abortable(signal, this.#linked());
      await link.ask(`tell what happens to ${prefix}*`, signal, (client) => client.psubscribe(pattern).catch((error: unknown) => this.#without(error)));
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Makes the server send events, over a link that is not used for events. */
  async turnOn(link: RedisLink, signal: AbortSignal): Promise<void> {
    await link.ask('tell its setting notify-keyspace-events', signal, async (client) => {
      try {
        const [, flags] = await client.config('GET', 'notify-keyspace-events') as unknown[]; // name and value
        // A server that hides the setting may have it switched on already.
        if (typeof flags !== 'string') return;
        const missing = neededFlags.filter((flag) => !flags.includes(flag) && !(flags.includes('A') && inAll.includes(flag)));
        if (missing.length > 0) await client.config('SET', 'notify-keyspace-events', flags + missing.join(''));
      } catch (error) {
        this.#without(error);
      }
    });
  }

  /** At once. */
  close(error: Error): void {
    this.#closed.abort(error);
    this.#drop();
    this.#tellLost(error);
  }

  #linked(): Promise<RedisLink> {
    if (this.#opening !== undefined) return this.#opening;
    const opening = this.#init.nodes.dial(this.#closed.signal).then(({ link }) => {
      // All followers have left in the meantime, and the link is being closed.
      if (this.#opening === opening) this.#listen(link, opening);
      return link;
    });
    this.#opening = opening;
    opening.catch(() => {
      if (this.#opening === opening) this.#opening = undefined;
    });
    return opening;
  }

  #listen(link: RedisLink, opening: Promise<RedisLink>): void {
    link.onEvent((pattern, channel, event) => {
      const name = channel.slice(this.#channel.length);
      for (const follower of this.#followers.get(pattern) ?? []) follower.happened(name, event);
    });
    link.onLost(() => {
      if (this.#opening !== opening) return;
      this.#opening = undefined;
      this.#tellLost(link.lostError('be watched'));
    });
    void this.#keepAsking(link);
  }

  /** Keeps asking, because a connection without events is as silent as one that is lost. */
  async #keepAsking(link: RedisLink): Promise<void> {
    const { clock, timeoutMs } = this.#init;
    const over = new AbortController();
    link.onLost(() => over.abort());
    while (!link.lost) {
      await sleep(clock, pingMs, over.signal).catch(() => {});
      if (link.lost) return;
      const limit = timeLimit({ clock, ms: timeoutMs, outer: over.signal, late: () => new Error(`no answer within ${timeoutMs} ms`) });
      await link.ask('answer', limit.signal, (client) => client.ping()).catch(() => link.destroy()).finally(limit.end);
    }
  }

  #leave(pattern: string, followers: Set<Follower>, follower: Follower): void {
    followers.delete(follower);
    if (followers.size > 0 || this.#followers.get(pattern) !== followers) return;
    this.#followers.delete(pattern);
    if (this.#followers.size === 0) {
      this.#drop();
      return;
    }
    this.#forget(pattern).catch(() => {}); // lost: then it has forgotten
  }

  async #forget(pattern: string): Promise<void> {
    const link = await this.#opening;
    // A new follower may have come in the meantime.
    if (!this.#followers.has(pattern)) await link?.ask('forget a pattern', this.#closed.signal, (client) => client.punsubscribe(pattern));
  }

  #drop(): void {
    const opening = this.#opening;
    this.#opening = undefined;
    opening?.then((link) => link.destroy(), () => {});
  }

  #tellLost(error: Error): void {
    const all = [...this.#followers.values()].flatMap((followers) => [...followers]);
    this.#followers.clear();
    for (const follower of all) follower.lost(error);
  }

  /** Goes on without events when the server does not allow them. */
  #without(error: unknown): void {
    if (!isRefusal(error)) throw error;
    this.#init.warn(`redis does not let us see to its keyspace events (${thrownText(error)}): without notify-keyspace-events KEA there, changes are seen only when the whole list is read (relistMs)`);
  }
}
