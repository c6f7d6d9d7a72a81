import type {
  Acceptor, Clock, Codec, Compressor, Interceptor, Logger, Registry, RpcError, Runtime, ServerCall, ServerPlugin,
} from '@rpcxjs/core';
import { defaultFrameLimits, type FrameLimits } from '@rpcxjs/protocol';
import { defaultSessionLimits, type FrameObserver, type HeartbeatOptions, type SessionLimits, type SessionSettings, type SomeOf } from '@rpcxjs/session';
import type { AdvertiseOptions } from './advertising.ts';
import type { Authenticate } from './auth.ts';
import type { TurnTaking } from './turn-taking.ts';
import type { UnreadBytes } from './unread-bytes.ts';

/** What peers may cost; all of it is on by default. */
export interface ServerLimits extends Omit<SessionLimits, 'frames'>, FrameLimits {
  /** Bytes that a compressed payload may become. A few kilobytes of gzip are enough for all of it, and to read so much JSON holds up the loop: lower it where strangers call. @default 16 MiB */
  readonly maxInflatedBytes: number;
  /** Connections at once; more are accepted and dropped. @default 16384 */
  readonly maxConnections: number;
  /** Calls of one connection that may run at once; cancelled ones count until their handler ends. @default 8192 */
  readonly maxCallsPerConnection: number;
  /** Calls that may run at once in all. @default 32768 */
  readonly maxCalls: number;
  /** Calls that may wait for a place; beyond it they are refused before anything is decoded. @default 1024 */
  readonly maxQueuedCalls: number;
  /** Bytes of unfinished frames of all peers together; payloads that are being inflated may take as much again, and more of them wait for their turns. What waits for peers to read, beyond the `highWaterBytes` of each, may take as much, too: above it the peer for which most waits is given up. @default 256 MiB */
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
  /** How clients reach this server; `listen` takes addresses of their networks. @default none */
  readonly transports?: readonly Acceptor[] | undefined;
  /** What the server understands; JSON and raw bytes are always among them. Pushes to a peer that has not called yet use the first one. @default JSON, bytes */
  readonly codecs?: readonly Codec[] | undefined;
  /** What the server can inflate; a reply is compressed like its request. @default none */
  readonly compressors?: readonly Compressor[] | undefined;
  /** Interceptors that wrap every call, the first one outermost; plugins come before them, `auth` before all. */
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
  readonly limits?: SomeOf<ServerLimits> | undefined;
  /**
   * What happens to calls when the queue is full. `refuse` says so at once, and our clients try another server. `pause` stops reading the
   * connections that they come on, at 64 waiting calls of one, or 4 MiB of one whose peer needs its heartbeats answered, so that the network holds the callers back: for
   * callers that wait for answers before they go on. @default 'refuse'
   */
  readonly whenFull?: 'refuse' | 'pause' | undefined;
  /** Where its services are registered after `listen`, each under each address. Whoever made a registry closes it. @default none */
  readonly registries?: readonly Registry[] | undefined;
  /** What its entries there say: `{ host?, addresses?, metadata? }`. A server on a wildcard such as 0.0.0.0 needs `host` or `addresses`. */
  readonly advertise?: AdvertiseOptions | undefined;
  /** When a silent peer is given up, see [the session](../session/README.md#options). */
  readonly heartbeat?: SomeOf<HeartbeatOptions> | undefined;
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
  /** The payloads that are being inflated: a small one may become the largest that is allowed. */
  readonly inflating: TurnTaking;
  /** What waits for peers that do not read. */
  readonly unread: UnreadBytes;
  readonly session: SessionSettings;
  readonly runtime: Runtime;
  /** Plugins that watch frames, if any. */
  readonly frames: FrameObserver | undefined;
}
