import { onAbort, type Clock } from '@rpcxjs/core';
import { timeLimit } from '@rpcxjs/registry-kit';
import type { ConsulClient, Pair } from './consul-client.ts';

export interface SharedQueryInit {
  readonly client: ConsulClient;
  readonly clock: Clock;
  /** Milliseconds for an answer that is due. */
  readonly timeoutMs: number;
  readonly prefix: string;
  /** Called when the query failed, or nobody follows any more. */
  readonly ended: () => void;
}

/** Consul adds up to a sixteenth. With the time for an answer, a silent agent is noticed within 15 s. */
const waitMs = 9000;

/** Blocking queries of one prefix on one connection, shared by all followers. They begin with the first follower and end with the last, or when a query fails. */
export class SharedQuery {
  readonly #init: SharedQueryInit;
  readonly #over = new AbortController();
  readonly #waiting = new Set<() => void>();
  #followers = 0;
  #pairs: readonly Pair[] = [];
  #answers = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(init: SharedQueryInit) {
    this.#init = init;
  }

  join(): void {
    this.#followers += 1;
    if (this.#followers === 1) void this.#run();
  }
  leave(): void {
    this.#followers -= 1;
    if (this.#followers > 0) return;
    this.#init.ended();
    this.#over.abort(new Error('nobody follows'));
  }

  /** The next answer after the one of that number, 0 for none. Rejects with what ended the query, or the signal's reason. */
  async after(answer: number, signal: AbortSignal): Promise<{ readonly pairs: readonly Pair[]; readonly answer: number }> {
    while (this.#answers === answer && this.#failure === undefined && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          unlink();
          resolve();
        };
        this.#waiting.add(wake);
        const unlink = onAbort(signal, wake);
      });
    }
    signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure.error;
    return { pairs: this.#pairs, answer: this.#answers };
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    let index = '0';
    try {
      for (;;) {
        const next = await this.#query(index);
        // An index that goes back belongs to other data, so the query starts again. With index 0 a query would not wait.
        const isChanged = next.index !== index;
        index = BigInt(next.index) < BigInt(index) ? '0' : next.index;
        if (isChanged) {
          this.#pairs = next.pairs;
          this.#answers += 1;
          this.#wake();
        }
        // Content that changes all the time is read now and then only. A prefix without keys is such: any change in Consul ends its query.
        if (isChanged || index === '0') await this.#pause(Math.min(20 + next.pairs.length / 10, 500));
        signal.throwIfAborted();
      }
    } catch (error) {
      this.#failure = { error };
      this.#init.ended();
      this.#wake();
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  async #query(index: string): Promise<{ readonly pairs: readonly Pair[]; readonly index: string }> {
    const { client, clock, timeoutMs, prefix } = this.#init;
    const ms = (index === '0' ? 0 : waitMs + waitMs / 16) + timeoutMs;
    const limit = timeLimit({ clock, ms, outer: this.#over.signal, late: () => client.late(`watch ${prefix}`, ms) });
    try {
      return await client.query(prefix, limit.signal, { index, waitMs });
    } finally {
      limit.end();
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const unlinks: (() => void)[] = [];
      const end = (): void => {
        timer.cancel();
        for (const unlink of unlinks) unlink();
        resolve();
      };
      const timer = this.#init.clock.setTimer(end, ms);
      unlinks.push(onAbort(this.#over.signal, end), onAbort(this.#init.client.closed, end));
    });
  }
}
