import { onAbort, RpcError, type Runtime } from '@rpcxjs/core';
import { abortable, type Bounded, type Entry, type KeyValueStore, type PutOwnedOptions, SessionLosses } from '@rpcxjs/registry-kit';
import type { Etcd3 } from 'etcd3';
import { throughElection, type ElectionPatience } from './election.ts';
import { etcdError } from './etcd-error.ts';
import { EtcdLease } from './etcd-lease.ts';
import { readContent, watchContent } from './etcd-watch.ts';

const farewellMs = 1000;

/** What a store needs. */
export interface EtcdStoreInit {
  readonly client: Etcd3;
  readonly where: string;
  readonly runtime: Runtime;
  readonly timeoutMs: number;
}

/** Keys are those of etcd v3, unchanged. Owned keys hang on one lease, which is granted with the first of them, and again after it was lost. */
export class EtcdStore implements KeyValueStore {
  readonly #init: EtcdStoreInit;
  readonly #end = new AbortController();
  readonly #losses: SessionLosses = new SessionLosses(this.#end.signal);
  #lease: Promise<EtcdLease> | undefined;
  #leaseId: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(init: EtcdStoreInit) {
    this.#init = init;
  }

  get(key: string, { signal }: Bounded): Promise<Entry | undefined> {
    return this.#ask(`read ${key}`, signal, async ({ kv }) => {
      const { kvs } = await kv.range({ key: Buffer.from(key, 'utf8') });
      const [found] = kvs;
      if (found === undefined) return undefined;
      const { value, lease, mod_revision: version } = found;
      return { value: value.toString('utf8'), owned: lease !== '0' && lease === this.#leaseId, foreign: lease !== '0' && lease !== this.#leaseId, version };
    });
  }

  list(prefix: string, { signal }: Bounded): Promise<ReadonlyMap<string, string>> {
    return this.#ask(`list ${prefix}`, signal, async (client) => (await readContent(client, prefix)).values);
  }

  putPersistent(key: string, value: string, { signal }: Bounded): Promise<void> {
    return this.#ask(`write ${key}`, signal, async ({ kv }) => {
      const bytes = Buffer.from(key, 'utf8');
      await kv.txn({ compare: [{ result: 'Equal', target: 'Version', key: bytes, version: 0 }], success: [{ request_put: { key: bytes, value: Buffer.from(value, 'utf8') } }] });
    });
  }

  putOwned(key: string, value: string, { signal, ttlMs, ifVersion }: PutOwnedOptions): Promise<boolean> {
    return this.#ask(`write ${key}`, signal, async ({ kv }) => {
      const lease = await this.#granted(ttlMs);
      const bytes = Buffer.from(key, 'utf8');
      const put = { request_put: { key: bytes, value: Buffer.from(value, 'utf8'), lease: lease.id } };
      try {
        const { succeeded } = await kv.txn({ compare: ifVersion === undefined ? [] : [{ result: 'Equal', target: 'Mod', key: bytes, mod_revision: ifVersion }], success: [put] });
        return succeeded;
      } catch (error) {
        // etcd has ended it before we noticed: the next write gets a new one.
        if (/requested lease not found/i.test(String(error))) this.#lost(lease);
        throw error;
      }
    });
  }

  deleteOwned(key: string, { signal }: Bounded): Promise<boolean> {
    return this.#ask(`delete ${key}`, signal, async ({ kv }) => {
      if (this.#leaseId === undefined) return false;
      const bytes = Buffer.from(key, 'utf8');
      const { succeeded } = await kv.txn({
        compare: [{ result: 'Equal', target: 'Lease', key: bytes, lease: this.#leaseId }, { result: 'Greater', target: 'Version', key: bytes, version: 0 }],
        success: [{ request_delete_range: { key: bytes } }],
      });
      return succeeded;
    });
  }

  async *watch(prefix: string, { signal }: Bounded): AsyncIterable<ReadonlyMap<string, string>> {
    const what = `watch ${prefix}`;
    this.#mustBeOpen(what);
    signal.throwIfAborted();
    const over = new AbortController();
    const unlinks = [onAbort(signal, (reason) => over.abort(reason)), onAbort(this.#end.signal, () => over.abort(this.#closed(what)))];
    try {
      yield* watchContent(this.#init.client, prefix, this.#patience(over.signal));
    } catch (error) {
      throw signal.aborted || RpcError.is(error) ? error : etcdError(this.#init.where, what, error);
    } finally {
      for (const unlink of unlinks) unlink();
    }
    signal.throwIfAborted();
    this.#mustBeOpen(what);
  }

  sessionLost(options: Bounded): AsyncGenerator<void, void> {
    return this.#losses.watch(options);
  }

  abandon(): void {
    this.#end.abort();
    this.#init.client.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { client, runtime } = this.#init;
    const lease = this.#lease;
    this.#end.abort();
    if (lease !== undefined) {
      await new Promise<void>((resolve) => {
        const timer = runtime.clock.setTimer(resolve, farewellMs);
        void lease.then((granted) => granted.revoke()).catch(() => {}).finally(() => {
          timer.cancel();
          resolve();
        });
      });
    }
    client.close();
  }

  #granted(ttlMs: number): Promise<EtcdLease> {
    if (this.#lease !== undefined) return this.#lease;
    const { client, runtime, timeoutMs } = this.#init;
    const granting: Promise<EtcdLease> = EtcdLease.grant({ client, clock: runtime.clock, ttlMs, timeoutMs, signal: this.#end.signal, lost: () => void granting.then((lease) => this.#lost(lease)) });
    this.#lease = granting;
    granting.then((lease) => (this.#leaseId = lease.id), () => {
      if (this.#lease === granting) this.#lease = undefined;
    });
    return granting;
  }

  #lost(lease: EtcdLease): void {
    if (this.#leaseId !== lease.id) return;
    this.#lease = undefined;
    this.#leaseId = undefined;
    this.#losses.tell();
  }

  async #ask<T>(what: string, signal: AbortSignal, work: (client: Etcd3) => Promise<T>): Promise<T> {
    this.#mustBeOpen(what);
    signal.throwIfAborted();
    try {
      return await abortable(signal, abortable(this.#end.signal, throughElection(this.#patience(signal), () => work(this.#init.client))));
    } catch (error) {
      if (signal.aborted) throw error;
      this.#mustBeOpen(what);
      throw etcdError(this.#init.where, what, error);
    }
  }

  #patience(signal: AbortSignal): ElectionPatience {
    const { runtime, timeoutMs } = this.#init;
    return { clock: runtime.clock, timeoutMs, signal };
  }
  #mustBeOpen(what: string): void {
    if (this.#end.signal.aborted) throw this.#closed(what);
  }
  #closed(what: string): RpcError {
    return new RpcError('failed_precondition', `the connection to etcd at ${this.#init.where} cannot ${what}: it was closed; open a new one`, { reason: 'CLOSED', sent: false });
  }
}
