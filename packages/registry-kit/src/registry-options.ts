/** What every registry over a key-value store takes. */
export interface RegistryOptions {
  /** Where the services stand, as the `BasePath` of Go. @default '/rpcx' */
  readonly basePath?: string | undefined;
  /** Milliseconds after which the entry of a server that is gone is gone too. @default 30 000 */
  readonly ttlMs?: number | undefined;
  /** Milliseconds between two looks at each entry of ours: one that is missing is written again, what others edited is kept. @default a third of `ttlMs` */
  readonly refreshMs?: number | undefined;
  /** Milliseconds between two readings of the whole list beside the watch, up to a fifth more or less. @default 30 000 */
  readonly relistMs?: number | undefined;
  /** Milliseconds for each operation. @default 5000 */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds between two questions whether the registry still answers, up to a fifth more or less. @default 5000 */
  readonly probeMs?: number | undefined;
  /** Write calls and connections a second into the metadata at each refresh, as a Go server with `Metrics` does. @default false */
  readonly publishRates?: boolean | undefined;
}
