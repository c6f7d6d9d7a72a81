/** What a running handler passes on to the calls that it makes, without naming it. */
export interface Ambient {
  /** Clock time at which everything under it is too late. */
  readonly deadline: number | undefined;
  /** True once it was answered: what goes on in its name, a timer, a listener, a connection that it happened to open, has no deadline of it. */
  readonly settled?: boolean | undefined;
  /** Runs `run` once when nobody waits for it any more, at once if that is so; returns what takes it off again. Absent: that never happens. */
  onAbort?(run: (reason: unknown) => void): () => void;
}

interface Storage {
  run<R, A extends unknown[]>(store: Ambient, run: (...args: A) => R, ...args: A): R;
  getStore(): Ambient | undefined;
}
interface Host {
  readonly process?: {
    getBuiltinModule?(name: string): { readonly AsyncLocalStorage: new () => Storage } | undefined;
  };
}

// A browser has no such module: there nothing is inherited.
const hooks = (globalThis as Host).process?.getBuiltinModule?.('node:async_hooks');
const storage: Storage | undefined = hooks && new hooks.AsyncLocalStorage();

/** Runs a function so that everything it starts, also later, sees `ambient`. */
export function runAmbient<R, A extends unknown[]>(ambient: Ambient, run: (...args: A) => R, ...args: A): R {
  return storage === undefined ? run(...args) : storage.run(ambient, run, ...args);
}

export function currentAmbient(): Ambient | undefined {
  const ambient = storage?.getStore();
  return ambient?.settled === true ? undefined : ambient;
}
