/** What a running handler passes on to the calls that it makes, implicitly. */
export interface Ambient {
  /** When its time is over, on the clock's axis; the calls that it makes end then too. */
  readonly deadline: number | undefined;
  /** True once the call was answered: what the handler left running, a timer, a listener or a connection, no longer has its deadline. */
  readonly settled?: boolean | undefined;
  /** Runs `run` once when nobody waits for the call any more, at once if that is so already; returns a function that takes it off. Absent where that never happens. */
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
type Copies = Record<symbol, Storage | undefined>;

// A browser has no such module: there nothing is inherited.
const hooks = (globalThis as Host).process?.getBuiltinModule?.('node:async_hooks');
// One in a process: client and server may come with copies of this package of their own.
const storage: Storage | undefined = hooks && ((globalThis as Copies)[Symbol.for('@rpcxjs/core/call')] ??= new hooks.AsyncLocalStorage());

/** Runs a function so that everything it starts, also later, sees `ambient`. */
export function runAmbient<R, A extends unknown[]>(ambient: Ambient, run: (...args: A) => R, ...args: A): R {
  return storage ? storage.run(ambient, run, ...args) : run(...args);
}

export function currentAmbient(): Ambient | undefined {
  const ambient = storage?.getStore();
  return ambient?.settled ? undefined : ambient;
}
