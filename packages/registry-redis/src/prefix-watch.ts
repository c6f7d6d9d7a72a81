import { onAbort, sleep, type Clock } from '@rpcxjs/core';
import type { KeyspaceEvents } from './keyspace-events.ts';
import type { RedisConnection } from './redis-connection.ts';
import { namesBelow, readEntries } from './redis-entries.ts';
import { plainKey } from './redis-key.ts';

/** What a watch needs. */
export interface PrefixWatchInit {
  readonly connection: RedisConnection;
  readonly events: KeyspaceEvents;
  readonly clock: Clock;
  /** The prefix as Redis has it. */
  readonly prefix: string;
  readonly decode: (name: string, stored: string) => string | undefined;
}

const gatheredMs = 20;
/** A key is read so long after its expiry; by then Redis says that it is gone. */
const afterMs = 20;

/**
 * The content below a prefix, from event to event. A key with an event is read again, together with all others that have one in the same 20 ms. Redis tells late, or
 * never, that a key has come to its end: each is looked at when its time is over.
 */
export class PrefixWatch {
  readonly #init: PrefixWatchInit;
  readonly #content = new Map<string, string>();
  readonly #changed = new Set<string>();
  /** When the time of a key is over. */
  readonly #ends = new Map<string, number>();
  #failure: Error | undefined;
  #wake = (): void => {};
  #leave = (): void => {};

  constructor(init: PrefixWatchInit) {
    this.#init = init;
  }

  /** Reads everything; changes from now on are noticed. */
  async begin(signal: AbortSignal): Promise<void> {
    const { connection, events, prefix } = this.#init;
    await events.turnOn(await connection.link(signal), signal);
    this.#leave = await events.follow(prefix, {
      happened: (name, event) => {
        // Each refresh of each server is an event too. It needs no reading: the key is looked at when its old time is over.
        if (event === 'expire' && this.#ends.has(name)) return;
        this.#changed.add(name);
        this.#wake();
      },
      lost: (error) => {
        this.#failure = error;
        this.#wake();
      },
    }, signal);
    await this.#read(await namesBelow(connection, prefix, signal), signal);
  }

  /** Settles when something has changed. */
  async change(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#somethingHappened(signal);
      await sleep(this.#init.clock, gatheredMs, signal);
      if (this.#failure !== undefined) throw this.#failure;
      const names = new Set(this.#changed);
      this.#changed.clear();
      const now = this.#init.clock.now();
      for (const [name, end] of this.#ends) if (end <= now) names.add(name);
      if (await this.#read(names, signal)) return;
    }
  }

  /** The present content, by rpcx's keys. */
  snapshot(): ReadonlyMap<string, string> {
    return new Map(this.#content);
  }
  end(): void {
    this.#leave();
  }

  /** Reads these keys; returns whether anything has changed. */
  async #read(names: ReadonlySet<string>, signal: AbortSignal): Promise<boolean> {
    const { clock, connection, decode } = this.#init;
    const found = await readEntries(connection, names, signal);
    const now = clock.now();
    let isOther = false;
    for (const name of names) {
      const entry = found.get(name);
      if (entry?.leftMs === undefined) this.#ends.delete(name);
      else this.#ends.set(name, now + entry.leftMs + afterMs);
      const key = plainKey(name);
      const value = entry && decode(name, entry.stored);
      if (value === this.#content.get(key)) continue;
      isOther = true;
      if (value === undefined) this.#content.delete(key);
      else this.#content.set(key, value);
    }
    return isOther;
  }

  async #somethingHappened(signal: AbortSignal): Promise<void> {
    const { clock } = this.#init;
    if (this.#changed.size > 0 || this.#failure !== undefined) return;
    await new Promise<void>((resolve) => {
      let next = Infinity;
      for (const end of this.#ends.values()) next = Math.min(next, end);
      const timer = next === Infinity ? undefined : clock.setTimer(() => this.#wake(), Math.max(next - clock.now(), 0));
      const unlink = onAbort(signal, () => this.#wake());
      this.#wake = () => {
        timer?.cancel();
        unlink();
        resolve();
      };
      if (signal.aborted) this.#wake();
    });
    this.#wake = () => {};
    signal.throwIfAborted();
  }
}
