import { onAbort, sleep, type InstanceMetadata, type Lease, type Registration, type Registry, type Runtime } from '@rpcxjs/core';

const firstWaitMs = 100;
const longestWaitMs = 5000;

/** One service at one address in one registry. Publishing it is tried again, at growing intervals, until it succeeds or the entry is released. */
export class Advertisement {
  readonly service: string;
  readonly address: string;
  readonly #registry: Registry;
  readonly #runtime: Runtime;
  readonly #rates: NonNullable<Registration['rates']>;
  readonly #report: (registry: Registry, error: unknown) => void;
  readonly #stayed: (error: unknown) => void;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #wanted: InstanceMetadata;
  #published: InstanceMetadata | undefined;
  #lease: Lease | undefined;
  #tried: (() => void)[] = [];
  #changed: (() => void) | undefined;

  constructor(init: {
    readonly registry: Registry;
    readonly service: string;
    readonly address: string;
    readonly metadata: InstanceMetadata;
    readonly runtime: Runtime;
    readonly rates: NonNullable<Registration['rates']>;
    /** Called with the error when the registry failed, and with undefined when it took the entry. */
    readonly report: (registry: Registry, error: unknown) => void;
    /** Called when the entry could not be withdrawn. */
    readonly stayed: (error: unknown) => void;
  }) {
    this.service = init.service;
    this.address = init.address;
    this.#registry = init.registry;
    this.#wanted = init.metadata;
    this.#runtime = init.runtime;
    this.#rates = init.rates;
    this.#report = init.report;
    this.#stayed = init.stayed;
    this.#ended = this.#keep();
  }

  /** Whether the registry has the entry. */
  get live(): boolean {
    return this.#lease !== undefined;
  }

  /** Settles when the registry was asked once, whether it took it or not. Never rejects. */
  attempted(): Promise<void> {
    if (this.#stop.signal.aborted || this.#published === this.#wanted) return Promise.resolve();
    return new Promise((resolve) => this.#tried.push(resolve));
  }

  /** As `attempted`, for what is published from now on. */
  update(metadata: InstanceMetadata): Promise<void> {
    this.#wanted = metadata;
    this.#changed?.();
    return this.attempted();
  }

  /** Never rejects. */
  release(): Promise<void> {
    this.#stop.abort();
    // The registry may be one that never answers.
    for (const resolve of this.#tried.splice(0)) resolve();
    return this.#ended;
  }

  async #keep(): Promise<void> {
    const { clock } = this.#runtime;
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted;) {
      const wanted = this.#wanted;
      try {
        await this.#publish(wanted);
        failures = 0;
        this.#report(this.#registry, undefined);
      } catch (error) {
        failures += 1;
        if (!signal.aborted) this.#report(this.#registry, error);
      }
      for (const resolve of this.#tried.splice(0)) resolve();
      if (failures > 0) await sleep(clock, clock.random() * Math.min(longestWaitMs, firstWaitMs * 1.6 ** failures), signal).catch(() => {});
      else if (this.#wanted === wanted) await this.#change(signal);
    }
    await this.#leave();
  }

  async #publish(metadata: InstanceMetadata): Promise<void> {
    if (this.#lease === undefined) {
      const instance = { address: this.address, metadata };
      const registration = { service: this.service, instance, rates: this.#rates };
      this.#lease = await this.#registry.register(registration, { signal: this.#stop.signal, runtime: this.#runtime });
    } else await this.#lease.update(metadata);
    this.#published = metadata;
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const unlink = onAbort(signal, () => resolve());
      this.#changed = () => {
        unlink();
        this.#changed = undefined;
        resolve();
      };
    });
  }

  async #leave(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    try {
      await lease?.release();
    } catch (error) {
      this.#stayed(error);
    }
  }
}
