import type { Clock } from '@rpcxjs/core';
import { abortable } from '@rpcxjs/registry-kit';
import type { Etcd3 } from 'etcd3';

// The longest pause between two renewals: that somebody revoked the lease is noticed only by asking.
const longestPauseMs = 3000;
const afterFailureMs = 1000;

/** What a lease needs. */
export interface EtcdLeaseInit {
  readonly client: Etcd3;
  readonly clock: Clock;
  /** Milliseconds; etcd counts whole seconds. */
  readonly ttlMs: number;
  readonly timeoutMs: number;
  /** Aborts when the lease is no longer needed. */
  readonly signal: AbortSignal;
  /** Called when etcd has ended the lease, and its keys with it. */
  readonly lost: () => void;
}

/** One lease. Each renewal has a stream of its own, because etcd3's own lease retries every 100 ms when etcd is away, and hangs when etcd is frozen. */
export class EtcdLease {
  readonly id: string;
  readonly #init: EtcdLeaseInit;
  #ended = false;

  private constructor(id: string, init: EtcdLeaseInit) {
    this.id = id;
    this.#init = init;
    this.#keep();
  }

  static async grant(init: EtcdLeaseInit): Promise<EtcdLease> {
    const { ID: id } = await init.client.leaseClient.leaseGrant({ TTL: Math.max(1, Math.ceil(init.ttlMs / 1000)) });
    return new EtcdLease(id, init);
  }

  /** Its keys end with it. */
  async revoke(): Promise<void> {
    if (this.#ended) return;
    await this.#init.client.leaseClient.leaseRevoke({ ID: this.id });
  }

  #keep(delayMs: number = this.#pauseMs()): void {
    const { clock, signal } = this.#init;
    if (signal.aborted) return;
    const timer = clock.setTimer(() => {
      signal.removeEventListener('abort', cancel);
      void this.#beat().then((delay) => delay !== undefined && this.#keep(delay));
    }, delayMs);
    const cancel = (): void => timer.cancel();
    signal.addEventListener('abort', cancel, { once: true });
  }

  #pauseMs(): number {
    return Math.min(longestPauseMs, this.#init.ttlMs / 3);
  }

  /** Renews the lease. Returns the milliseconds to the next renewal; undefined when there is none. */
  async #beat(): Promise<number | undefined> {
    const { signal, lost } = this.#init;
    try {
      if ((await this.#ask()) > 0) return this.#pauseMs();
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!/requested lease not found/i.test(String(error))) return Math.min(afterFailureMs, this.#pauseMs());
    }
    this.#ended = true;
    if (!signal.aborted) lost();
    return undefined;
  }

  /** Seconds that it has left: none when etcd does not know it. */
  async #ask(): Promise<number> {
    const { client, clock, timeoutMs, ttlMs, signal } = this.#init;
    const over = new AbortController();
    const abort = (): void => over.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const timer = clock.setTimer(() => over.abort(new Error('no answer')), Math.min(timeoutMs, ttlMs / 3)); // there must be time for another member
    const opening = client.leaseClient.leaseKeepAlive();
    // Also one that is opened when nobody waits any more.
    const close = (): void => void opening.then((stream) => stream.on('error', () => {}).cancel(), () => {});
    try {
      const stream = await abortable(over.signal, opening);
      const answer = new Promise<number>((resolve, reject) => {
        stream.on('data', ({ TTL: seconds }) => resolve(Number(seconds)));
        stream.on('error', reject);
        stream.on('end', () => reject(new Error('the stream ended')));
        stream.write({ ID: this.id });
      });
      return await abortable(over.signal, answer);
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', abort);
      close();
    }
  }
}
