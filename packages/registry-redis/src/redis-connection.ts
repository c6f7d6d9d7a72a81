import { RpcError, sleep, type Clock } from '@rpcxjs/core';
import { abortable } from '@rpcxjs/registry-kit';
import type { Redis } from 'ioredis';
import type { RedisLink } from './redis-link.ts';
import type { RedisNodes } from './redis-nodes.ts';

/** What a connection needs. */
export interface RedisConnectionInit {
  readonly nodes: RedisNodes;
  readonly clock: Clock;
  /** The address as the user wrote it. */
  readonly where: string;
}

const firstDelayMs = 50;
const longestDelayMs = 2000;

/**
 * The link that all operations share: made by the first of them, and made anew after it was lost, so that a server that was started again is noticed without an operation.
 * States: none → dialling → linked → none when it was lost; closed for good.
 */
export class RedisConnection {
  readonly #init: RedisConnectionInit;
  readonly #closed = new AbortController();
  readonly #restarted = new Set<() => void>();
  #link: RedisLink | undefined;
  #dialling: Promise<RedisLink> | undefined;
  /** The server that was last connected to. */
  #session: string | undefined;
  #links = 0;

  constructor(init: RedisConnectionInit) {
    this.#init = init;
  }

  /** The present link, if there is one. */
  get current(): RedisLink | undefined {
    return this.#link;
  }

  /** Aborts when it was closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Runs each time that another server answers than before, or the same one after a new start; returns a function that takes it off. */
  onRestart(run: () => void): () => void {
    this.#restarted.add(run);
    return () => void this.#restarted.delete(run);
  }

  /** One exchange with the server; rejects with RpcError, or the signal's reason. */
  async ask<T>(what: string, signal: AbortSignal, work: (client: Redis) => Promise<T>): Promise<T> {
    const link = await this.link(signal);
    try {
      return await link.ask(what, signal, work);
    } catch (error) {
      signal.throwIfAborted();
      // The error of the link is not the cause when the connection was closed.
      this.#closed.signal.throwIfAborted();
      throw error;
    }
  }

  /** The present link, or a new one. */
  async link(signal: AbortSignal): Promise<RedisLink> {
    signal.throwIfAborted();
    this.#closed.signal.throwIfAborted();
    if (this.#link !== undefined) return this.#link;
    // A caller that gives up does not end the dial for the others.
    this.#dialling ??= this.#dial().finally(() => {
      this.#dialling = undefined;
    });
    return abortable(signal, this.#dialling);
  }

  /** At once, without a word to the server. */
  close(): void {
    const { where } = this.#init;
    this.#closed.abort(new RpcError('failed_precondition', `the connection to redis at ${where} was closed; make a new one`, { reason: 'CLOSED', sent: false }));
    this.#link?.destroy();
  }

  async #dial(): Promise<RedisLink> {
    const { link, runId } = await this.#init.nodes.dial(this.#closed.signal);
    if (this.#closed.signal.aborted) {
      link.destroy();
      throw this.#closed.signal.reason as Error; // made in close()
    }
    this.#link = link;
    this.#links += 1;
    // A server that does not tell its run id counts as restarted, and may have lost everything.
    const session = runId ?? `link ${this.#links}`;
    const isOther = this.#session !== undefined && this.#session !== session;
    this.#session = session;
    link.onLost(() => {
      this.#link = undefined;
      void this.#linkAgain();
    });
    if (isOther) for (const run of this.#restarted) run();
    return link;
  }

  async #linkAgain(): Promise<void> {
    const { clock } = this.#init;
    const { signal } = this.#closed;
    for (let failures = 0; !signal.aborted && this.#link === undefined; failures++) {
      await sleep(clock, clock.random() * Math.min(longestDelayMs, firstDelayMs * 1.6 ** failures), signal).catch(() => {});
      if (!signal.aborted) await this.link(signal).catch(() => {});
    }
  }
}
