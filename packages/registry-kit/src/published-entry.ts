import { RpcError, thrownText, type InstanceMetadata, type Lease, type Runtime } from '@rpcxjs/core';
import { serviceInstance } from '@rpcxjs/core/discoveries';
import type { Backend, BackendUser } from './backend.ts';
import { baseValue, mustBeReadable, type InstanceKeys } from './instance-keys.ts';
import { formatMetadata, parseMetadata } from './instance-metadata.ts';
import { mergedMetadata } from './merged-metadata.ts';
import { backoffMs, Pause } from './pause.ts';

/** What an entry needs. */
export interface PublishedEntryInit {
  readonly backend: Backend;
  readonly keys: InstanceKeys;
  readonly service: string;
  readonly address: string;
  readonly ttlMs: number;
  readonly refreshMs: number;
  readonly publishRates: boolean;
  readonly runtime: Runtime;
  /** Calls `tell` when the entry is no longer in the backend. Returns a function that ends that. */
  readonly missed: (tell: () => void) => () => void;
  /** Nobody holds a lease of it any more; whether something of it may still stand in the backend. */
  readonly left: (stays: boolean) => void;
}

/** What one lease publishes. */
export interface Publication {
  readonly metadata: InstanceMetadata;
  readonly rates: () => { readonly calls: number; readonly connections: number } | undefined;
}

const mostTries = 5;
const failuresToWarn = 4;

/**
 * One service at one address, as it stands in the backend: written at once, looked at now and then, written again when it is missing, and deleted when its last lease is
 * released. Several leases of it are one entry: the newest counts. States: new → published → left.
 */
export class PublishedEntry implements BackendUser {
  readonly #init: PublishedEntryInit;
  readonly #key: string;
  readonly #leases: EntryLease[] = [];
  readonly #stop = new AbortController();
  readonly #pause = new Pause();
  /** The metadata that the server wanted at the last write, and what was written then, edits by others included. */
  #before: InstanceMetadata | undefined;
  #written: InstanceMetadata = {};
  /** The session in which this process wrote it last. */
  #session: number | undefined;
  /** Set while the entry belongs to another server, which came later. */
  #stopWaiting: (() => void) | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  /** Whether something of it may be in the backend. */
  #asked = false;
  #keeping = false;
  #leaving: Promise<void> | undefined;

  constructor(init: PublishedEntryInit) {
    this.#init = init;
    this.#key = init.keys.instance(init.service, init.address);
  }

  /** Settles when it is gone; undefined while it has leases. */
  get leaving(): Promise<void> | undefined {
    return this.#leaving;
  }

  /** Rejects, and leaves nothing behind, when the backend does not take it. */
  async register(publication: Publication, signal: AbortSignal | undefined): Promise<Lease> {
    const lease = new EntryLease(publication, this);
    this.#leases.push(lease);
    // Takes the entry over from whoever had it before.
    this.#session = undefined;
    try {
      await this.#write(signal);
    } catch (error) {
      this.#drop(lease).catch(() => {}); // why it could not be written says more
      throw error;
    }
    this.#keep();
    return lease;
  }

  async update(lease: EntryLease, metadata: InstanceMetadata): Promise<void> {
    const { backend, address } = this.#init;
    backend.mustBeOpen(`update ${this.#key}`);
    if (!this.#leases.includes(lease)) throw this.#released();
    const instance = serviceInstance(address, metadata);
    mustBeReadable(instance);
    lease.metadata = instance.metadata;
    if (lease === this.#leases.at(-1)) await this.#write(this.#stop.signal);
  }

  /** Rejects when the backend could not be told: it is told when it answers again, and where the whole session is gone by then, the entry is too. */
  async release(lease: EntryLease): Promise<void> {
    if (this.#leases.includes(lease)) await this.#drop(lease);
    else await this.#leaving;
  }

  lookAgain(): void {
    this.#pause.wake();
  }

  /** Ends without telling the backend, because the session ends too. */
  close(): void {
    this.#leases.length = 0;
    this.#end();
  }

  async #drop(lease: EntryLease): Promise<void> {
    this.#leases.splice(this.#leases.indexOf(lease), 1);
    if (this.#leases.length > 0) {
      await this.#write(this.#stop.signal).catch((error: unknown) => {
        if (!this.#stop.signal.aborted) throw error;
        // The other leases have been released in the meantime.
        return this.#leaving;
      });
      return;
    }
    this.#end();
    const { backend, runtime } = this.#init;
    if (backend.closed) return;
    if (!this.#asked) {
      this.#init.left(false);
      return;
    }
    this.#leaving = this.#inTurn(() => backend.operate(`delete ${this.#key}`, runtime, undefined, async (store, signal) => void (await store.deleteOwned(this.#key, { signal }))));
    // A new registration of the same entry waits for this, whatever its outcome.
    this.#leaving.catch(() => {});
    await this.#leaving.then(
      () => this.#init.left(false),
      (error: unknown) => {
        this.#init.left(true);
        throw error;
      },
    );
  }

  #end(): void {
    this.#stop.abort(this.#released());
    this.#stopWaiting?.();
    this.#init.backend.detach(this);
    if (this.#init.backend.closed) this.#init.left(false);
  }

  #keep(): void {
    if (this.#keeping || this.#stop.signal.aborted) return;
    this.#keeping = true;
    this.#init.backend.attach(this, this.#init.runtime);
    void this.#lookNowAndThen(this.#stop.signal);
  }

  async #lookNowAndThen(signal: AbortSignal): Promise<void> {
    const { backend, service, address, refreshMs, runtime } = this.#init;
    const { clock, logger } = runtime;
    for (let [failures, isTold] = [0, false]; !signal.aborted;) {
      // Never later than said: its time may be over soon after.
      await this.#pause.wait(clock, failures === 0 ? refreshMs * (0.8 + 0.2 * clock.random()) : backoffMs(clock, failures), signal);
      if (signal.aborted) return;
      try {
        await this.#write(signal);
        [failures, isTold] = [0, false];
      } catch (error) {
        failures += 1;
        backend.suspect();
        // That the backend is away is said by itself.
        if (failures < failuresToWarn || isTold || backend.isSilent || signal.aborted) continue;
        isTold = true;
        logger.warn({ service, err: error }, `"${service}" at ${address} cannot be kept in ${backend.name}, and is tried again: ${thrownText(error)}`);
      }
    }
  }

  /** Writes the entry as it should be. Writes run one after the other, each from the state that the one before has left. */
  #write(signal: AbortSignal | undefined): Promise<void> {
    return this.#inTurn(async () => {
      signal?.throwIfAborted();
      if (this.#before === undefined) {
        await this.#writeFirst(signal);
        return;
      }
      for (let tries = 0; tries < mostTries; tries++) if (await this.#writeAgain(this.#before, signal)) return;
      throw new RpcError('aborted', `${this.#key} cannot be written: others change it all the time; who does?`, { sent: false });
    });
  }

  /** The first write replaces whatever is there, as in rpcx: it is from an earlier run. */
  async #writeFirst(signal: AbortSignal | undefined): Promise<void> {
    const wanted = this.#wanted();
    await this.#writeParents(signal);
    await this.#put(wanted, wanted, undefined, signal);
  }

  /** Writes the entry again; false if somebody else changed it at the same time. */
  async #writeAgain(before: InstanceMetadata, signal: AbortSignal | undefined): Promise<boolean> {
    const { backend, runtime, ttlMs } = this.#init;
    const { session } = backend;
    const wanted = this.#wanted();
    const found = await backend.operate(`read ${this.#key}`, runtime, signal, (store, inner) => store.get(this.#key, { signal: inner }));
    if (found?.foreign === true && session === this.#session) {
      // Of processes that share a port, the newest has the entry. This one takes its turn when that one has left.
      if (!this.#stop.signal.aborted) this.#stopWaiting ??= this.#init.missed(() => this.#pause.wake());
      return true;
    }
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    if (found === undefined) await this.#writeParents(signal);
    // Metadata written by another session is no edit: it is from another server, or from an earlier run of this one.
    const edited = found === undefined || found.foreign === true ? undefined : parseMetadata(found.value);
    const merged = mergedMetadata(before, wanted, edited ?? this.#written);
    if (found?.owned === true && formatMetadata(this.#withRates(merged)) === found.value) {
      const alive = await backend.operate(`refresh ${this.#key}`, runtime, signal, async (store, inner) => (await store.touchOwned?.(this.#key, { signal: inner, ttlMs })) ?? true);
      if (alive) [this.#before, this.#written, this.#session] = [wanted, merged, session];
      return alive;
    }
    return this.#put(wanted, merged, found?.version, signal);
  }

  async #put(wanted: InstanceMetadata, merged: InstanceMetadata, ifVersion: string | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    const { backend, runtime, ttlMs } = this.#init;
    const { session } = backend;
    const text = formatMetadata(this.#withRates(merged));
    this.#asked = true;
    const written = await backend.operate(`write ${this.#key}`, runtime, signal, (store, inner) => store.putOwned(this.#key, text, { signal: inner, ttlMs, ifVersion }));
    if (written) [this.#before, this.#written, this.#session] = [wanted, merged, session];
    return written;
  }

  async #writeParents(signal: AbortSignal | undefined): Promise<void> {
    const { backend, keys, service, runtime } = this.#init;
    for (const [key, value] of [[keys.base, baseValue], [keys.service(service), service]] as const) {
      if (key !== '') await backend.operate(`write ${key}`, runtime, signal, (store, inner) => store.putPersistent(key, value, { signal: inner }));
    }
  }

  /** As rpcx writes them (rpcx-etcd serverplugin/etcdv3.go, Start): mean calls and connections a second. */
  #withRates(metadata: InstanceMetadata): InstanceMetadata {
    const rates = this.#init.publishRates ? this.#leases.at(-1)?.rates() : undefined;
    return rates === undefined ? metadata : { ...metadata, calls: rates.calls.toFixed(2), connections: rates.connections.toFixed(2) };
  }

  #wanted(): InstanceMetadata {
    return this.#leases.at(-1)?.metadata ?? {};
  }

  #released(): RpcError {
    return new RpcError('failed_precondition', `the registration of ${this.#init.address} was released and cannot be updated: register it again`, { reason: 'CLOSED', sent: false });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

/** Two states: held, released. */
export class EntryLease implements Lease {
  metadata: InstanceMetadata;
  readonly rates: Publication['rates'];
  readonly #entry: PublishedEntry;

  constructor({ metadata, rates }: Publication, entry: PublishedEntry) {
    this.metadata = metadata;
    this.rates = rates;
    this.#entry = entry;
  }
  update(metadata: InstanceMetadata): Promise<void> {
    return this.#entry.update(this, metadata);
  }
  release(): Promise<void> {
    return this.#entry.release(this);
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
