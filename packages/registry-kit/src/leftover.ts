import type { Runtime } from '@rpcxjs/core';
import type { Backend, BackendUser } from './backend.ts';
import { backoffMs, Pause } from './pause.ts';

/** What a leftover needs. */
export interface LeftoverInit {
  readonly backend: Backend;
  readonly key: string;
  readonly runtime: Runtime;
  /** Called when the entry is deleted, or given up. */
  readonly ended: () => void;
}

/** An entry that was released while the backend could not be told. It hangs on a session that others keep alive, so it is deleted as soon as the backend answers. */
export class Leftover implements BackendUser {
  readonly #init: LeftoverInit;
  readonly #stop = new AbortController();
  readonly #pause = new Pause();
  readonly #over: Promise<void>;

  constructor(init: LeftoverInit) {
    this.#init = init;
    init.backend.attach(this, init.runtime);
    this.#over = this.#deleteAtLast();
  }

  lookAgain(): void {
    this.#pause.wake();
  }

  /** Stops deleting, because the key is wanted again. Settles when no operation under way can delete it any more. */
  stop(): Promise<void> {
    this.#stop.abort();
    return this.#over;
  }

  async #deleteAtLast(): Promise<void> {
    const { backend, key, runtime, ended } = this.#init;
    const { clock } = runtime;
    const { signal } = this.#stop;
    for (let failures = 1; !signal.aborted && !backend.closed; failures++) {
      await this.#pause.wait(clock, backoffMs(clock, failures), signal);
      if (signal.aborted || backend.closed) break;
      const gone = await backend.operate(`delete ${key}`, runtime, undefined, (store, inner) => store.deleteOwned(key, { signal: inner })).then(() => true, () => false);
      if (gone) break;
      backend.suspect();
    }
    backend.detach(this);
    ended();
  }
}
