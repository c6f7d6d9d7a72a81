/**
 * All that a backend must offer; `keyValueRegistry` turns it into a registry and a discovery in rpcx's layout of keys. Keys are whole paths, `/rpcx/Arith/tcp@127.0.0.1:8972`,
 * the same in every method; a backend that writes them differently translates both ways. Every operation ends when its `signal` does, rejecting with the signal's reason.
 * A failed operation rejects with an `RpcError`, best made by `registryError`, and is not tried again inside: the kit does that.
 */
export interface KeyValueStore {
  get(key: string, options: Bounded): Promise<Entry | undefined>;
  /** Every key that begins with `prefix`, which ends with `/`, and its value. */
  list(prefix: string, options: Bounded): Promise<ReadonlyMap<string, string>>;
  /** Writes a key that outlives this store: the base path or a service path. Leaves an existing one alone. */
  putPersistent(key: string, value: string, options: Bounded): Promise<void>;
  /**
   * Writes a key that ends with this store's session, or `ttlMs` after its last `putOwned` or `touchOwned`. Takes over a key that somebody else owns.
   * With `ifVersion` it writes only if the key still has that version, and returns false otherwise.
   */
  putOwned(key: string, value: string, options: PutOwnedOptions): Promise<boolean>;
  /** For a backend whose keys do not live as long as a session: `ttlMs` from now, without a change that watchers would see. False when the key is not there, or not owned by this store. */
  touchOwned?(key: string, options: TouchOwnedOptions): Promise<boolean>;
  /** False when the key is not there or belongs to somebody else by now, and is left alone then. */
  deleteOwned(key: string, options: Bounded): Promise<boolean>;
  /** The content as `list` gives it, at once and after each change, including changed values. Ends with an error when the backend is lost; a slow reader sees the newest only. */
  watch(prefix: string, options: Bounded): AsyncIterable<ReadonlyMap<string, string>>;
  /** Yields each time that owned keys must be written again, because the session they belonged to has ended. */
  sessionLost(options: Bounded): AsyncIterable<void>;
  /** Drops the connection without telling the backend, which does not answer: owned keys stay until their time is over. @default close() */
  abandon?(): void;
  /** Gives up the session, and the keys with it; leaves no handle behind. Settles also when the backend is gone. Safe to call twice. */
  close(): Promise<void>;
}

export interface Bounded {
  readonly signal: AbortSignal;
}
export interface TouchOwnedOptions extends Bounded {
  /** Milliseconds. */
  readonly ttlMs: number;
}
export interface PutOwnedOptions extends TouchOwnedOptions {
  /** The `version` that `get` returned. */
  readonly ifVersion?: string | undefined;
}
export interface Entry {
  readonly value: string;
  /** Whether it belongs to the present session of this store. */
  readonly owned: boolean;
  /** Whether it belongs to a session other than the present one of this store, so that a server that came later keeps it. Undefined where that cannot be told from a key that belongs to nobody; it is taken back then. */
  readonly foreign?: boolean | undefined;
  /** Changes with each write of the value, by anybody. */
  readonly version: string;
}
