import { onAbort, sleep, thrownText, type InstanceMetadata, type Lease, type RpcError, type Runtime, type ServiceInstance } from '@rpcxjs/core';
import { serviceInstance } from '@rpcxjs/core/discoveries';
import type { NacosClient } from './nacos-client.ts';
import { nacosInstance, type NacosInstance } from './nacos-instance.ts';

/** What a published instance needs. */
export interface PublishedInit {
  readonly client: NacosClient;
  readonly service: string;
  readonly address: string;
  readonly heartbeatMs: number;
  readonly runtime: Runtime;
  readonly closed: () => RpcError;
  /** Called when nobody holds a lease of it any more. */
  readonly left: () => void;
}

const longestPauseMs = 5000;

/** One published instance, kept alive by heartbeats while somebody holds a lease of it. Its metadata is that of the newest lease. */
export class PublishedInstance {
  readonly #init: PublishedInit;
  readonly #leases: HeldLease[] = [];
  readonly #over = new AbortController();
  /** One operation after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #beating = false;
  #failures = 0;
  /** Whether Nacos may have the instance, so that it has to be removed in the end. */
  #asked = false;
  /** Whether Nacos has confirmed that it has the instance. */
  #written = false;
  /** Settles when it was removed. */
  leaving: Promise<void> | undefined;

  constructor(init: PublishedInit) {
    this.#init = init;
  }

  async register(metadata: InstanceMetadata, signal: AbortSignal | undefined): Promise<Lease> {
    const lease = new HeldLease(this, metadata);
    this.#leases.push(lease);
    try {
      await this.#inTurn(() => this.#write(signal));
    } catch (error) {
      await this.#drop(lease, { wait: false });
      throw error;
    }
    this.#beat();
    return lease;
  }
  async update(lease: HeldLease, metadata: InstanceMetadata): Promise<void> {
    if (!this.#leases.includes(lease)) throw this.#init.closed();
    lease.metadata = serviceInstance(this.#init.address, metadata).metadata;
    if (this.#leases.at(-1) === lease) await this.#inTurn(() => this.#write(undefined));
  }
  release(lease: HeldLease): Promise<void> {
    return this.#drop(lease, { wait: true });
  }
  /** Settles when Nacos knows, or after `timeoutMs`. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    this.#leases.length = 0;
    await this.#leave(timeoutMs);
  }

  async #drop(lease: HeldLease, { wait }: { readonly wait: boolean }): Promise<void> {
    const at = this.#leases.indexOf(lease);
    if (at >= 0) {
      const newest = at === this.#leases.length - 1;
      this.#leases.splice(at, 1);
      if (this.#leases.length > 0 && newest) await this.#inTurn(() => this.#write(undefined)).catch((error: unknown) => this.#failed(error));
    }
    if (this.#leases.length > 0) return;
    const left = this.#leave(undefined);
    if (wait) await left;
  }

  /** Removes the instance. If Nacos does not answer, the instance ends because its heartbeats are missing. */
  #leave(timeoutMs: number | undefined): Promise<void> {
    this.leaving ??= this.#remove(timeoutMs);
    return this.leaving;
  }
  async #remove(timeoutMs: number | undefined): Promise<void> {
    const { client, service, runtime, heartbeatMs, left } = this.#init;
    this.#over.abort(this.#init.closed());
    try {
      await this.#turn;
      if (this.#asked) await client.remove(service, this.#instance(), { runtime, timeoutMs });
    } catch (error) {
      if (this.#written) runtime.logger.warn({ registry: 'nacos', service, err: error }, `"${service}" at ${this.#init.address} could not be removed from nacos, and goes by itself in ${6 * heartbeatMs} ms: ${thrownText(error)}`);
    } finally {
      left();
    }
  }

  async #write(signal: AbortSignal | undefined): Promise<void> {
    if (this.#leases.length === 0) throw this.#init.closed();
    signal?.throwIfAborted();
    const { client, service, runtime } = this.#init;
    this.#asked = true;
    const controller = new AbortController();
    const unlinks = [signal, this.#over.signal].map((one) => (one === undefined ? () => {} : onAbort(one, (reason) => controller.abort(reason))));
    try {
      await client.register(service, this.#instance(), { runtime, signal: controller.signal });
      this.#written = true;
    } finally {
      for (const unlink of unlinks) unlink();
    }
  }

  #instance(): NacosInstance {
    const { address, heartbeatMs } = this.#init;
    const instance: ServiceInstance = serviceInstance(address, this.#leases.at(-1)?.metadata ?? {});
    return nacosInstance(instance, heartbeatMs);
  }

  #beat(): void {
    if (this.#beating || this.#over.signal.aborted) return;
    this.#beating = true;
    void this.#beatUntilReleased(this.#over.signal);
  }
  async #beatUntilReleased(signal: AbortSignal): Promise<void> {
    const { client, service, heartbeatMs, runtime } = this.#init;
    const { clock, logger } = runtime;
    for (;;) {
      // After a failure sooner, with jitter: all servers of an estate come back at once.
      const pauseMs = this.#failures === 0 ? heartbeatMs * (0.9 + 0.2 * clock.random()) : clock.random() * Math.min(heartbeatMs, longestPauseMs, 200 * 1.6 ** Math.min(this.#failures, 20));
      await sleep(clock, pauseMs, signal).catch(() => {});
      if (signal.aborted) return;
      await this.#inTurn(async () => {
        if (signal.aborted) return;
        const known = await client.beat(service, this.#instance(), { runtime, signal });
        if (!known) await this.#write(signal);
        if (this.#failures > 0) logger.info({ registry: 'nacos', service }, `nacos at ${client.where} knows "${service}" at ${this.#init.address} again`);
        this.#failures = 0;
      }).catch((error: unknown) => {
        if (!signal.aborted) this.#failed(error);
      });
    }
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    const { service, address, runtime } = this.#init;
    if (this.#failures === 1) runtime.logger.warn({ registry: 'nacos', service, err: error }, `"${service}" at ${address} cannot be kept in nacos, and is tried again: ${thrownText(error)}`);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

/** Two states: held, released. */
class HeldLease implements Lease {
  metadata: InstanceMetadata;
  readonly #published: PublishedInstance;

  constructor(published: PublishedInstance, metadata: InstanceMetadata) {
    this.#published = published;
    this.metadata = metadata;
  }
  update(metadata: InstanceMetadata): Promise<void> {
    return this.#published.update(this, metadata);
  }
  release(): Promise<void> {
    return this.#published.release(this);
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
