import { onAbort, type Clock, type Timer } from '@rpcxjs/core';
import { timeLimit } from '@rpcxjs/registry-kit';
import type { ConsulClient } from './consul-client.ts';

export interface ConsulSessionInit {
  readonly client: ConsulClient;
  readonly clock: Clock;
  /** Milliseconds that keys live behind the last sign of life. */
  readonly ttlMs: number;
  /** Milliseconds for each request. */
  readonly timeoutMs: number;
  /** The session has ended without `end`. */
  readonly lost: () => void;
}

/** The longest time for which the end of a session stays unnoticed. */
const longestRenewMs = 3000;

/** The one session of a store: made when it is needed, renewed while it is there, and made anew by the next who needs it when Consul has ended it. */
export class ConsulSession {
  readonly #init: ConsulSessionInit;
  readonly #sessionMs: number;
  #id: string | undefined;
  #opening: Promise<string> | undefined;
  #timer: Timer | undefined;
  #ended = false;

  constructor(init: ConsulSessionInit) {
    this.#init = init;
    // Consul ends a session up to twice its time after the last renewal.
    this.#sessionMs = Math.max(10_000, Math.floor(init.ttlMs / 2));
  }

  /** Undefined before the first use and after the end. */
  get id(): string | undefined {
    return this.#id;
  }

  /** Opens one when there is none; those who need it at the same time share it. */
  async open(signal: AbortSignal): Promise<string> {
    if (this.#id !== undefined) return this.#id;
    if (this.#ended) throw this.#init.client.closedError();
    this.#opening ??= this.#create().finally(() => (this.#opening = undefined));
    const opening = this.#opening;
    return new Promise((resolve, reject) => {
      const unlink = onAbort(signal, reject);
      opening.then(resolve, reject).finally(unlink);
    });
  }

  /** Consul said that it is not there. */
  lost(id: string): void {
    if (this.#id !== id) return;
    this.#id = undefined;
    this.#timer?.cancel();
    this.#init.lost();
  }

  /** Stops renewing, and returns the session whose keys are left. A session that is just being created counts. */
  async end(): Promise<string | undefined> {
    this.#ended = true;
    await this.#opening?.catch(() => {});
    this.abandon();
    const id = this.#id;
    this.#id = undefined;
    return id;
  }
  abandon(): void {
    this.#timer?.cancel();
  }

  async #create(): Promise<string> {
    const id = await this.#bounded('open a session', (signal) => this.#init.client.createSession(signal, this.#sessionMs));
    this.#id = id;
    this.#renewLater(id, Math.min(this.#sessionMs / 3, longestRenewMs));
    return id;
  }

  #renewLater(id: string, ms: number): void {
    if (this.#init.client.closed.aborted) return;
    this.#timer = this.#init.clock.setTimer(() => void this.#renew(id), ms);
  }

  /** Never rejects: a renewal that got no answer is repeated soon, and the kit handles the rest. */
  async #renew(id: string): Promise<void> {
    const renewed = await this.#bounded('renew its session', (signal) => this.#init.client.renewSession(signal, id)).catch(() => undefined);
    if (this.#id !== id) return;
    if (renewed === false) this.lost(id);
    else this.#renewLater(id, renewed === undefined ? 1000 : Math.min(this.#sessionMs / 3, longestRenewMs));
  }

  async #bounded<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { client, clock, timeoutMs } = this.#init;
    const limit = timeLimit({ clock, ms: timeoutMs, late: () => client.late(what, timeoutMs) });
    try {
      return await work(limit.signal);
    } finally {
      limit.end();
    }
  }
}
