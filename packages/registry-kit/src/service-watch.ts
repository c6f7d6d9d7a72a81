import { onAbort, RpcError, thrownText, type Runtime, type ServiceInstance } from '@rpcxjs/core';
import { sortedInstances, type InstanceFeed } from '@rpcxjs/core/discoveries';
import type { Backend, BackendUser } from './backend.ts';
import { readInstance } from './instance-keys.ts';
import { backoffMs, jitteredMs, Pause } from './pause.ts';

type Content = ReadonlyMap<string, string>;

/** What the watch of one service needs. */
export interface ServiceWatchInit {
  readonly backend: Backend;
  readonly service: string;
  /** The prefix of the keys of its instances. */
  readonly prefix: string;
  readonly relistMs: number;
  readonly timeoutMs: number;
  readonly runtime: Runtime;
  /** Called when nobody reads any more. */
  readonly ended: () => void;
}

const shownFaults = 3;
/** The reason with which a watch ends that is only to be started again. */
const renewed = new Error('it has missed something');
const failuresToWarn = 4;

/** One service in the backend, for everyone who watches it: by the backend's own watch, and by reading the whole list now and then. What was known last stays when the backend does not answer. */
export class ServiceWatch implements BackendUser {
  readonly #init: ServiceWatchInit;
  readonly #feeds = new Set<InstanceFeed>();
  readonly #stop = new AbortController();
  readonly #relist = new Pause();
  readonly #retry = new Pause();
  #content: Content | undefined;
  #known: ReadonlyMap<string, { readonly value: string; readonly instance: ServiceInstance | undefined }> = new Map();
  #instances: readonly ServiceInstance[] | undefined;
  /** How many lists the watch has given. */
  #spoken = 0;
  /** Ends the present watch, which has missed something. */
  #renew: (() => void) | undefined;
  #warned = false;

  constructor(init: ServiceWatchInit) {
    this.#init = init;
    init.backend.attach(this, init.runtime);
    void this.#watch(this.#stop.signal);
    void this.#readNowAndThen(this.#stop.signal);
  }

  /** Returns a function that takes it off again. */
  add(feed: InstanceFeed): () => void {
    this.#feeds.add(feed);
    if (this.#instances !== undefined) feed.push(this.#instances);
    return () => {
      this.#feeds.delete(feed);
      if (this.#feeds.size === 0) this.#end();
    };
  }

  lookAgain(): void {
    this.#retry.wake();
    this.#relist.wake();
  }

  /** The readers keep the list that they have. */
  close(): void {
    for (const feed of this.#feeds) feed.end();
    this.#end();
  }

  #end(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#init.backend.detach(this);
    this.#init.ended();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { backend, service, runtime } = this.#init;
    const { clock, logger } = runtime;
    let [failures, isTold] = [0, false];
    while (!signal.aborted) {
      const spoken = this.#spoken;
      const failure = await this.#readWatch(signal).then(() => undefined, (error: unknown) => error);
      if (signal.aborted) return;
      if (failure === renewed) continue;
      const wasHeard = this.#spoken !== spoken;
      failures = wasHeard ? 1 : failures + 1;
      isTold &&= !wasHeard;
      backend.suspect();
      if (this.#instances === undefined) this.#fail(backend.told(`watch "${service}"`, failure));
      else if (failures >= failuresToWarn && !isTold && !backend.isSilent) {
        isTold = true;
        logger.warn({ service, err: failure }, `the instances of "${service}" cannot be watched; the list is read every ${this.#init.relistMs} ms: ${thrownText(failure)}`);
      }
      await this.#retry.wait(clock, backoffMs(clock, failures), signal);
    }
  }

  /** Settles when the watch of the backend has ended; rejects with `renewed` when it is to be begun again. */
  async #readWatch(signal: AbortSignal): Promise<void> {
    const { lists } = this.#init.backend;
    const spoken = this.#spoken;
    const listed = await lists.take(signal);
    try {
      await this.#readHeld(signal, listed);
    } catch (error) {
      // Those that wait behind it would wait for as long, one after the other.
      if (this.#spoken === spoken && RpcError.is(error) && error.reason === 'REGISTRY_UNREACHABLE') lists.fail(error);
      throw error;
    } finally {
      listed();
    }
  }

  async #readHeld(signal: AbortSignal, listed: () => void): Promise<void> {
    const { backend, prefix, runtime, timeoutMs } = this.#init;
    const what = `watch ${prefix}`;
    const held = await backend.hold(what, runtime, signal);
    try {
      await new Promise<void>((resolve, reject) => {
        const late = (): void => {
          backend.lists.fail(new Error(`no answer within ${timeoutMs} ms`));
          reject(backend.late(what));
        };
        const timer = runtime.clock.setTimer(late, timeoutMs);
        onAbort(held.signal, (reason) => {
          timer.cancel();
          reject(reason);
        });
        this.#renew = () => reject(renewed);
        const readAll = async (): Promise<void> => {
          for await (const content of held.store.watch(prefix, { signal: held.signal })) {
            timer.cancel();
            listed();
            if (held.signal.aborted) return;
            this.#spoken += 1;
            this.#take(content);
          }
        };
        readAll().then(resolve, reject);
      });
    } finally {
      this.#renew = undefined;
      held.leave();
    }
  }

  async #readNowAndThen(signal: AbortSignal): Promise<void> {
    const { backend, prefix, runtime, relistMs } = this.#init;
    while (!signal.aborted) {
      await this.#relist.wait(runtime.clock, jitteredMs(runtime.clock, relistMs), signal);
      if (signal.aborted) return;
      const spoken = this.#spoken;
      const listed = await backend.lists.take(signal).catch(() => undefined);
      if (listed === undefined) continue;
      const content = await backend.operate(`list ${prefix}`, runtime, signal, (store, inner) => store.list(prefix, { signal: inner })).catch(() => undefined);
      listed();
      // A list that the watch gave in the meantime is newer.
      if (signal.aborted || content === undefined || this.#spoken !== spoken) continue;
      if (this.#take(content)) this.#renew?.();
    }
  }

  /** Takes over a list; returns whether it differs from the last one. */
  #take(content: Content): boolean {
    if (this.#content !== undefined && sameContent(this.#content, content)) return false;
    const { prefix } = this.#init;
    const faults: string[] = [];
    const known = new Map<string, { readonly value: string; readonly instance: ServiceInstance | undefined }>();
    for (const [key, value] of content) {
      if (!key.startsWith(prefix)) continue;
      const before = this.#known.get(key);
      known.set(key, before?.value === value ? before : { value, instance: readInstance(key.slice(prefix.length), value, { add: (fault) => void faults.push(fault) }) });
    }
    this.#known = known;
    this.#content = content;
    this.#warn(faults);
    this.#instances = sortedInstances([...known.values()].flatMap(({ instance }) => instance ?? []));
    for (const feed of this.#feeds) feed.push(this.#instances);
    return true;
  }

  #warn(faults: readonly string[]): void {
    if (faults.length === 0 || this.#warned) return;
    this.#warned = true;
    const { service, prefix, runtime } = this.#init;
    const more = faults.length > shownFaults ? `; and ${faults.length - shownFaults} more` : '';
    runtime.logger.warn({ service, faults: faults.length }, `the registry says what cannot be used below ${prefix}, the rest is: ${faults.slice(0, shownFaults).join('; ')}${more}`);
  }

  #fail(error: unknown): void {
    for (const feed of this.#feeds) feed.fail(error);
  }
}

function sameContent(one: Content, other: Content): boolean {
  if (one.size !== other.size) return false;
  for (const [key, value] of other) if (one.get(key) !== value) return false;
  return true;
}
