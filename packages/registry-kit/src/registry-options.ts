import { described } from '@rpcxjs/core/options';
/** What every registry over a key-value store takes. */
export interface RegistryOptions {
  /** The path below which services are registered, as Go's `BasePath`. A slash at its end is left out, where Go doubles it: write two where Go servers have one. @default '/rpcx' */
  readonly basePath?: string | undefined;
  /** Milliseconds after which the entry of a server that has died is gone. @default 30 000 */
  readonly ttlMs?: number | undefined;
  /** Milliseconds between two checks of each entry of this process, or up to a fifth less: one that is missing is written again, and what others edited is kept. @default a third of `ttlMs` */
  readonly refreshMs?: number | undefined;
  /** Milliseconds between two readings of the whole list beside the watch, up to a fifth more or less. @default 30 000 */
  readonly relistMs?: number | undefined;
  /** Milliseconds for each operation. @default 5000 */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds between two checks whether the registry still answers, up to a fifth more or less. @default 5000 */
  readonly probeMs?: number | undefined;
  /** Write calls and connections a second into the metadata at each refresh, as a Go server with `Metrics` does. @default false */
  readonly publishRates?: boolean | undefined;
}

/** The options with all defaults filled in. */
export interface ResolvedRegistryOptions {
  readonly basePath: string;
  readonly ttlMs: number;
  readonly refreshMs: number;
  readonly relistMs: number;
  readonly timeoutMs: number;
  readonly probeMs: number;
  readonly publishRates: boolean;
}

const longestTimer = 2_147_483_647;

/** Throws TypeError for invalid options. */
export function resolveRegistryOptions(name: string, options: RegistryOptions = {}): ResolvedRegistryOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${name}(): its options are ${String(options)}: give an object, or nothing`);
  const { basePath = '/rpcx', ttlMs = 30_000, refreshMs = ttlMs / 3, relistMs = 30_000, timeoutMs = 5000, probeMs = 5000, publishRates = false } = options;
  if (typeof basePath !== 'string' || !/[^/]/.test(basePath)) throw new TypeError(`${name}(): basePath is ${JSON.stringify(basePath)}: write a path, for example '/rpcx_test', the same as the Go servers`);
  for (const [option, value] of Object.entries({ ttlMs, refreshMs, relistMs, timeoutMs, probeMs })) {
    if (typeof value !== 'number' || !(value > 0 && value <= longestTimer)) throw new TypeError(`${name}(): ${option} is ${described(value)}: it takes milliseconds above 0`);
  }
  if (refreshMs >= ttlMs) throw new TypeError(`${name}(): refreshMs is ${refreshMs} and ttlMs ${ttlMs}: entries would end before they are looked at; a third of ttlMs is a good choice`);
  if (typeof publishRates !== 'boolean') throw new TypeError(`${name}(): publishRates is ${String(publishRates)}: true or false`);
  return { basePath, ttlMs, refreshMs, relistMs, timeoutMs, probeMs, publishRates };
}
