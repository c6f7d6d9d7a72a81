import { onAbort, RpcError, thrownText, type Runtime } from '@rpcxjs/core';
import { bounded } from './bounded.ts';
import type { KeyValueStore } from './key-value-store.ts';
import { backoffMs, jitteredMs, Pause } from './pause.ts';
import { registryError } from './registry-error.ts';
import { Turns } from './turns.ts';

/** What `open` is given to make a store. */
export interface OpenContext {
  readonly runtime: Runtime;
  /** Milliseconds that owned keys live after their last sign of life. */
  readonly ttlMs: number;
  /** Milliseconds for each operation, and for opening. */
  readonly timeoutMs: number;
  /** Aborts when nobody waits for the store any more. */
  readonly signal: AbortSignal;
}

/** A backend, and how to reach it. */
export interface BackendInit {
  readonly name: string;
  readonly where: string;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  readonly probeMs: number;
  /** The key that is read to see whether the backend answers. */
  readonly probeKey: string;
  readonly open: (context: OpenContext) => KeyValueStore | Promise<KeyValueStore>;
}

/** What `open` gave is no store. */
class NoStore extends Error {}
const operations = ['get', 'list', 'putPersistent', 'putOwned', 'deleteOwned', 'watch', 'sessionLost', 'close'] as const satisfies readonly (keyof KeyValueStore)[];

// How much is asked at the same time: of thousands of questions at once none would be answered in time, nor when all are asked again.
const listsAtOnce = 32;
const operationsAtOnce = 64;

/** A user of the backend: a published entry or a watch. */
export interface BackendUser {
  /** The content may have changed unnoticed: read it now. */
  lookAgain(): void;
}

interface Opened {
  readonly store: KeyValueStore;
  /** Aborts when the store was given up. */
  readonly over: AbortController;
}

/**
 * The one store of a registry: opened on first use, asked now and then whether it still answers, and replaced by a new one when it does not.
 * States: none → opening → open → none again when it was given up; closed for good.
 */
export class Backend {
  /** To be taken for a list that is read, until it is there. */
  readonly lists: Turns = new Turns(listsAtOnce);
  readonly #operations = new Turns(operationsAtOnce);
  readonly #init: BackendInit;
  readonly #users = new Set<BackendUser>();
  readonly #pause = new Pause();
  #runtime: Runtime | undefined;
  #opening: Promise<Opened> | undefined;
  #over: AbortController | undefined;
  #probing: AbortController | undefined;
  #failures = 0;
  #session = 0;
  /** The time at which a store that does not answer is given up. */
  #patienceEnds = 0;
  /** Aborts when it was closed for good. */
  readonly #ended = new AbortController();

  constructor(init: BackendInit) {
    this.#init = init;
  }

  get name(): string {
    return this.#init.name;
  }
  get closed(): boolean {
    return this.#ended.signal.aborted;
  }

  /** True when the last probe got no answer, and a warning was logged. */
  get isSilent(): boolean {
    return this.#failures > 0;
  }

  /** Changes when keys that this registry owns may belong to a session that has ended. */
  get session(): number {
    return this.#session;
  }

  /** Adds a user. While there are any, the backend is probed, on the clock of the first of them. */
  attach(user: BackendUser, runtime: Runtime): void {
    this.#users.add(user);
    if (this.#probing !== undefined) return;
    this.#runtime = runtime;
    this.#failures = 0;
    this.#probing = new AbortController();
    void this.#probe(runtime, this.#probing.signal);
  }
  detach(user: BackendUser): void {
    this.#users.delete(user);
    if (this.#users.size > 0) return;
    this.#probing?.abort();
    this.#probing = undefined;
  }

  /** One operation with its deadline, which begins with its turn. Rejects with RpcError, or the signal's reason. */
  async operate<T>(what: string, runtime: Runtime, signal: AbortSignal | undefined, work: (store: KeyValueStore, signal: AbortSignal) => Promise<T>): Promise<T> {
    this.mustBeOpen(what);
    let over = (): void => {};
    try {
      over = await this.#operations.take(signal, this.#ended.signal);
      return await this.#ask(what, runtime, signal, work);
    } catch (error) {
      throw signal?.aborted === true ? error : this.told(what, error);
    } finally {
      over();
    }
  }

  #ask<T>(what: string, runtime: Runtime, signal: AbortSignal | undefined, work: (store: KeyValueStore, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { timeoutMs } = this.#init;
    const late = (): RpcError => {
      // Those that wait behind it would wait for as long, one after the other.
      this.#operations.fail(new Error(`no answer within ${timeoutMs} ms`));
      return this.late(what);
    };
    return bounded({ clock: runtime.clock, timeoutMs, signals: [signal, this.#ended.signal], late }, async (inner) => {
      const { store } = await this.#opened(runtime);
      return work(store, inner);
    });
  }

  /** The store, with a signal that aborts when it is given up or `signal` aborts. Call `leave` in the end. */
  async hold(what: string, runtime: Runtime, signal: AbortSignal): Promise<{ readonly store: KeyValueStore; readonly signal: AbortSignal; leave(): void }> {
    this.mustBeOpen(what);
    const { store, over } = await bounded({ clock: runtime.clock, timeoutMs: this.#init.timeoutMs, signals: [signal, this.#ended.signal], late: () => this.late(what) }, () => this.#opened(runtime));
    const controller = new AbortController();
    const unlinks = [onAbort(signal, (reason) => controller.abort(reason)), onAbort(over.signal, (reason) => controller.abort(reason))];
    return {
      store,
      signal: controller.signal,
      leave: () => {
        for (const unlink of unlinks) unlink();
        controller.abort();
      },
    };
  }

  /** An operation failed: probes the backend at once. */
  suspect(): void {
    if (this.#failures === 0 && this.#probing !== undefined) this.#pause.wake();
  }

  late(what: string): RpcError {
    const { name, where, timeoutMs } = this.#init;
    return registryError({ name, where, what, cause: `no answer within ${timeoutMs} ms`, hint: `does ${name} run there and not something else, and can this machine reach it?` });
  }
  told(what: string, error: unknown): RpcError {
    const { name, where } = this.#init;
    if (error instanceof NoStore) return registryError({ name, where, what, cause: error, hint: 'make a KeyValueStore of it', code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED' });
    return RpcError.is(error) ? error : registryError({ name, where, what, cause: error });
  }
  mustBeOpen(what: string): void {
    if (this.closed) throw this.#closedError(what);
  }

  /** Never rejects. */
  async close(): Promise<void> {
    this.#ended.abort(this.#closedError('go on'));
    this.#probing?.abort();
    this.#probing = undefined;
    await this.#leave((store) => store.close());
  }

  #opened(runtime: Runtime): Promise<Opened> {
    if (this.#opening !== undefined) return this.#opening;
    const opening = this.#open(runtime);
    this.#opening = opening;
    const failed = (): void => {
      if (this.#opening === opening) this.#opening = undefined;
    };
    opening.catch(failed);
    return opening;
  }

  async #open(runtime: Runtime): Promise<Opened> {
    this.#runtime ??= runtime;
    const { ttlMs, timeoutMs, open, name } = this.#init;
    const store = await bounded({ clock: runtime.clock, timeoutMs, signals: [this.#ended.signal], late: () => this.late('be opened') }, async (signal) => {
      const made = await open({ runtime, ttlMs, timeoutMs, signal });
      const missing = operations.find((operation) => typeof (made as Partial<KeyValueStore> | undefined | null)?.[operation] !== 'function'); // in a program without types it may be anything
      if (missing !== undefined) throw new NoStore(`what open() gave has no ${missing}()`);
      // Nobody waits for the store any more, so it must not stay open.
      if (signal.aborted) void made.close().catch(() => {});
      return made;
    });
    const over = new AbortController();
    this.#over = over;
    void this.#followSession(store, over.signal);
    runtime.logger.debug({ registry: name }, `the registry ${name} was opened`);
    return { store, over };
  }

  async #followSession(store: KeyValueStore, signal: AbortSignal): Promise<void> {
    try {
      for await (const _ of store.sessionLost({ signal })) {
        this.#session += 1;
        this.#tellUsers();
      }
    } catch {
      if (!signal.aborted) this.suspect();
    }
  }

  async #probe(runtime: Runtime, signal: AbortSignal): Promise<void> {
    const { probeMs, probeKey } = this.#init;
    const { clock } = runtime;
    while (!signal.aborted) {
      await this.#pause.wait(clock, this.#failures === 0 ? jitteredMs(clock, probeMs) : backoffMs(clock, this.#failures), signal);
      if (signal.aborted) return;
      // It waits for no turn: its answer is what the others wait for.
      const failure = await this.#ask('answer', runtime, signal, (store, inner) => store.get(probeKey, { signal: inner })).then(() => undefined, (error: unknown) => (signal.aborted ? error : this.told('answer', error)));
      // A backend that refuses answers, too.
      if (failure === undefined || (RpcError.is(failure) && failure.reason === 'REGISTRY_REFUSED')) this.#answered(runtime);
      else if (!signal.aborted) this.#silent(runtime, failure);
    }
  }

  #answered({ logger }: Runtime): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    const { name, where } = this.#init;
    logger.info({ registry: name, where }, `${name} at ${where} answers again`);
    this.#tellUsers();
  }

  #silent({ logger, clock }: Runtime, failure: unknown): void {
    this.#failures += 1;
    const { name, where, timeoutMs } = this.#init;
    if (this.#failures === 1) this.#patienceEnds = clock.now() + timeoutMs;
    if (this.#failures === 1) logger.warn({ registry: name, where, err: failure }, `${name} at ${where} does not answer; calls go on with the servers that are known: ${thrownText(failure)}`);
    // A client usually finds a backend again that was only restarted. If the backend is away for longer, its client may never recover, and is replaced.
    if (this.#failures === 1 || clock.now() < this.#patienceEnds) return;
    this.#patienceEnds = clock.now() + timeoutMs;
    void this.#leave(async (store) => (store.abandon === undefined ? store.close() : store.abandon()));
  }

  /** Gives up the present store. Never rejects. */
  async #leave(how: (store: KeyValueStore) => Promise<void>): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    this.#session += 1;
    this.#over?.abort(new Error('the connection was given up'));
    this.#over = undefined;
    const { name, timeoutMs } = this.#init;
    const runtime = this.#runtime;
    if (opening === undefined || runtime === undefined) return;
    try {
      await bounded({ clock: runtime.clock, timeoutMs, late: () => this.late('be closed') }, async () => how((await opening).store));
    } catch (error) {
      runtime.logger.debug({ registry: name, err: error }, `the connection to ${name} could not be closed in order: ${thrownText(error)}`);
    }
  }

  #closedError(what: string): RpcError {
    const { name, where } = this.#init;
    return new RpcError('failed_precondition', `the registry ${name} at ${where} cannot ${what}: it was closed; make a new one, or close it later`, { reason: 'CLOSED', sent: false });
  }

  #tellUsers(): void {
    for (const user of this.#users) user.lookAgain();
  }
}
