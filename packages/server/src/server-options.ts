import {
  bytesCodec, consoleLogger, jsonCodec, systemClock,
  type Acceptor, type Clock, type Codec, type Compressor, type Interceptor, type Logger, type Registry, type Runtime, type ServerCall, type ServerPlugin,
} from '@rpcxjs/core';
import type { RpcError } from '@rpcxjs/core';
import { defaultFrameLimits, type FrameLimits } from '@rpcxjs/protocol';
import { ByteBudget, checkAmounts, checkRuntime, defaultHeartbeat, defaultSessionLimits, FrameObserver, type HeartbeatOptions, type SessionLimits, type SessionSettings } from '@rpcxjs/session';
import type { AdvertiseOptions } from './advertising.ts';
import { checkComposed } from './composed-options.ts';
import type { Authenticate } from './auth.ts';

/** What peers may cost; all of it is on by default. */
export interface ServerLimits extends Omit<SessionLimits, 'frames'>, FrameLimits {
  /** Bytes that a compressed payload may become. @default 16 MiB */
  readonly maxInflatedBytes: number;
  /** Connections at once; more are accepted and dropped. @default 16384 */
  readonly maxConnections: number;
  /** Calls of one connection that may run at once; cancelled ones count until their handler ends. @default 8192 */
  readonly maxCallsPerConnection: number;
  /** Calls that may run at once in all. @default 32768 */
  readonly maxCalls: number;
  /** Calls that may wait for a place; beyond it they are refused before anything is decoded. @default 1024 */
  readonly maxQueuedCalls: number;
  /** Bytes of unfinished frames of all peers together. @default 256 MiB */
  readonly maxBufferedBytes: number;
  /** Longest deadline that a caller may ask for; longer ones are cut to it. @default 5 min */
  readonly maxTimeoutMs: number;
  /** Lateness of the event loop, in milliseconds, above which new calls are refused; measured only while calls come. @default Infinity */
  readonly maxLoopDelayMs: number;
}

const { frames: _frames, ...sessionLimits } = defaultSessionLimits;
export const defaultServerLimits: ServerLimits = {
  ...sessionLimits,
  ...defaultFrameLimits,
  maxInflatedBytes: 16 * 1024 * 1024,
  maxConnections: 16_384,
  maxCallsPerConnection: 8192,
  maxCalls: 32_768,
  maxQueuedCalls: 1024,
  maxBufferedBytes: 256 * 1024 * 1024,
  maxTimeoutMs: 300_000,
  maxLoopDelayMs: Infinity,
};

export interface ServerOptions {
  /** What `listen` can listen with. @default none */
  readonly transports?: readonly Acceptor[] | undefined;
  /** What it understands; JSON and raw bytes are always among them. The first one is that of pushes to silent peers. @default JSON, bytes */
  readonly codecs?: readonly Codec[] | undefined;
  /** What it can inflate; a reply is compressed like its request. @default none */
  readonly compressors?: readonly Compressor[] | undefined;
  /** Wrap every call, the first one outermost; plugins come before them, `auth` before all. */
  readonly intercept?: readonly Interceptor<ServerCall>[] | undefined;
  /** Hooks and interceptors together; plugins are asked in their order. @default none */
  readonly plugins?: readonly ServerPlugin[] | undefined;
  /** Checks the caller's token before anything is inflated or decoded; a refusal ends the connection, as in Go. */
  readonly auth?: Authenticate | undefined;
  /** Turns what a handler threw into what the caller gets; undefined leaves it to the server. */
  readonly mapError?: ((error: unknown, call: ServerCall) => RpcError<string> | undefined) | undefined;
  /** Whether the message of a thrown error that is no RpcError reaches the caller. @default true */
  readonly exposeMessages?: boolean | undefined;
  /** What peers may cost: those below, and those of [the session](../session/README.md#options) and [the frames](../protocol/README.md#options). */
  readonly limits?: Partial<ServerLimits> | undefined;
  /**
   * What happens to calls when the queue is full. `refuse` says so at once, and our clients try another server. `pause` stops reading the
   * connections that they come on, 64 waiting calls of one at the latest, so that the network holds the callers back. @default 'refuse'
   */
  readonly whenFull?: 'refuse' | 'pause' | undefined;
  /** Where its services are registered after `listen`, each under each address. Whoever made a registry closes it. @default none */
  readonly registries?: readonly Registry[] | undefined;
  /** How it stands there: `{ host?, addresses?, metadata? }`. A server on a wildcard such as 0.0.0.0 needs `host` or `addresses`. */
  readonly advertise?: AdvertiseOptions | undefined;
  /** When a silent peer is given up, see [the session](../session/README.md#options). */
  readonly heartbeat?: Partial<HeartbeatOptions> | undefined;
  /** @default the console, warnings and errors only */
  readonly logger?: Logger | undefined;
  /** @default the system's */
  readonly clock?: Clock | undefined;
}

/** Options with every default filled in. */
export interface ResolvedServerOptions {
  readonly transports: readonly Acceptor[];
  readonly codecs: readonly (Codec | undefined)[];
  readonly defaultCodec: Codec;
  readonly compressors: readonly (Compressor | undefined)[];
  readonly interceptors: readonly Interceptor<ServerCall>[];
  readonly plugins: readonly ServerPlugin[];
  readonly auth: Authenticate | undefined;
  readonly mapError: ServerOptions['mapError'];
  readonly exposeMessages: boolean;
  readonly whenFull: 'refuse' | 'pause';
  readonly registries: readonly Registry[];
  readonly advertise: AdvertiseOptions;
  readonly limits: ServerLimits;
  readonly session: SessionSettings;
  readonly runtime: Runtime;
  /** Plugins that watch frames, if any. */
  readonly frames: FrameObserver | undefined;
}

/** Throws TypeError for settings that cannot work. */
export function resolveServerOptions(options: ServerOptions): ResolvedServerOptions {
  checkComposed(options as unknown as Readonly<Record<string, unknown>>); // whatever they are in a program without types
  checkRuntime(options);
  checkAmounts('limits', options.limits, defaultServerLimits);
  checkAmounts('heartbeat', options.heartbeat, defaultHeartbeat);
  const limits = { ...defaultServerLimits, ...options.limits };
  const whenFull = options.whenFull ?? 'refuse';
  if (whenFull !== 'refuse' && whenFull !== 'pause') throw new TypeError(`whenFull is ${String(whenFull)}: it takes 'refuse' or 'pause'`);
  const registries = options.registries ?? [];
  for (const registry of registries) {
    if (typeof (registry as Partial<Registry> | undefined)?.register !== 'function') throw new TypeError('registries takes what has a register method, for example inprocess()');
  }
  const codecs = [...(options.codecs ?? [])];
  for (const codec of [jsonCodec, bytesCodec]) if (!codecs.some(({ id }) => id === codec.id)) codecs.push(codec);
  const clock = options.clock ?? systemClock;
  const plugins = options.plugins ?? [];
  const runtime = { clock, logger: options.logger ?? consoleLogger(clock) };
  return {
    transports: options.transports ?? [],
    codecs: byId('codec', codecs, 15),
    defaultCodec: codecs[0] as Codec,
    compressors: byId('compressor', options.compressors ?? [], 7),
    interceptors: [...plugins.flatMap(({ intercept }) => intercept ?? []), ...(options.intercept ?? [])],
    plugins,
    auth: options.auth,
    mapError: options.mapError,
    exposeMessages: options.exposeMessages ?? true,
    whenFull,
    registries,
    advertise: options.advertise ?? {},
    limits,
    session: {
      limits: { ...limits, frames: limits },
      heartbeat: { ...defaultHeartbeat, ...options.heartbeat },
      budget: new ByteBudget(limits.maxBufferedBytes),
    },
    runtime,
    frames: FrameObserver.of(plugins, runtime),
  };
}

function byId<T extends { readonly id: number; readonly name: string }>(kind: string, items: readonly T[], last: number): (T | undefined)[] {
  const table = new Array<T | undefined>(last + 1).fill(undefined);
  for (const item of items) {
    if (!Number.isInteger(item.id) || item.id < 0 || item.id > last) {
      throw new TypeError(`the ${kind} "${item.name}" has the number ${item.id}: rpcx has room for 0 to ${last}`);
    }
    if (table[item.id] !== undefined) throw new TypeError(`two ${kind}s have the number ${item.id}: "${table[item.id]?.name}" and "${item.name}"`);
    table[item.id] = item;
  }
  return table;
}
