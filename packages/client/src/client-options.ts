import type {
  ClientCall, ClientPlugin, Clock, Codec, Compressor, Dialer, Discovery, FailMode, Interceptor, Logger, RpcError, Runtime, Selector,
} from '@rpcxjs/core';
import { defaultFrameLimits, type FrameLimits } from '@rpcxjs/protocol';
import { defaultSessionLimits, type FlushOptions, type FrameObserver, type HeartbeatOptions, type Sequenced, type SessionLimits, type SessionSettings, type SomeOf } from '@rpcxjs/session';
import type { HeaderContributor, MessageFilters } from './filters.ts';
import type { Inflating } from './inflating.ts';
import type { DialGate } from './link-dial-gate.ts';
import type { LinkRules, OutstandingOptions, PoolOptions, QueueOptions, ReconnectOptions } from './link-options.ts';
import type { HealthOptions, ResolvedHealthOptions } from './nodes/health-options.ts';
import type { RetryBudgetOptions, RetryBudgetRule } from './retry-budget.ts';

/** What servers may cost this process; all of it is on by default. */
export interface ClientLimits extends Omit<SessionLimits, 'frames'>, FrameLimits {
  /** Bytes that a compressed payload may become. @default 16 MiB */
  readonly maxInflatedBytes: number;
  /** Calls that may wait for a connection to one server, unencoded; the same as `queue.max`. @default 65536 */
  readonly maxQueuedCalls: number;
  /** Messages from servers that wait for a slow reader before the oldest is dropped. @default 1024 */
  readonly maxQueuedPushes: number;
}

const { frames: _frames, ...sessionLimits } = defaultSessionLimits;
export const defaultClientLimits: ClientLimits = {
  ...sessionLimits,
  ...defaultFrameLimits,
  maxInflatedBytes: 16 * 1024 * 1024,
  maxQueuedCalls: 65_536,
  maxQueuedPushes: 1024,
};

/** Defaults of options that have no constant elsewhere. */
export const clientDefaults: { readonly timeoutMs: number } = { timeoutMs: 10_000 };

export interface ClientOptions {
  /** Where the services are, `tcp@host:port`; one address or several. */
  readonly servers?: string | readonly string[] | undefined;
  /** Where the services are, found at run time; instead of `servers`. */
  readonly discovery?: Discovery | undefined;
  /** How to reach them. */
  readonly transports: readonly Dialer[];
  /** Calls use the first one; JSON and raw bytes are always among them. @default JSON, bytes */
  readonly codecs?: readonly Codec[] | undefined;
  /** The first one compresses requests longer than 1024 bytes; replies may be compressed with any of them. @default none */
  readonly compressors?: readonly Compressor[] | undefined;
  /** Milliseconds that a call may take over all its attempts, `Infinity` for no limit. @default 10 000 */
  readonly timeoutMs?: number | undefined;
  /** Sent with every call as `__AUTH`; a function is asked each time, and cannot be asynchronous: see [interceptors](../../docs/write-your-own.md#an-interceptor-or-a-plugin). */
  readonly token?: string | (() => string) | undefined;
  /** What happens when an attempt fails. @default two more attempts, elsewhere if possible, where that is safe */
  readonly failMode?: FailMode | undefined;
  /** How much may be tried again in all, for each service. @default a fifth of its calls in the last 10 s, and 3 a second in addition */
  readonly retryBudget?: RetryBudgetOptions | undefined;
  /** When a server whose calls fail is avoided, and for how long; false switches it off. @default on, see [health of nodes](../../docs/governance.md#health-of-nodes) */
  readonly health?: HealthOptions | false | undefined;
  /** Chooses among several servers. @default in turn */
  readonly selector?: Selector | undefined;
  /** Interceptors that wrap every call, the first one outermost; those of plugins come before them. */
  readonly intercept?: readonly Interceptor<ClientCall>[] | undefined;
  /** Hooks and interceptors together; plugins are asked in their order. @default none */
  readonly plugins?: readonly ClientPlugin[] | undefined;
  /** A call without a deadline of its own, by `timeoutMs` or inherited, fails with NO_DEADLINE; one-way calls need none. @default false */
  readonly requireDeadline?: boolean | undefined;
  /** Functions that write metadata of each request, `(metadata, call) => { metadata['trace'] = '7'; }`, in their order, once an attempt. @default none */
  readonly headers?: readonly HeaderContributor[] | undefined;
  /** Functions that may stop requests and replies, after all interceptors. @default none */
  readonly filters?: MessageFilters | undefined;
  /** Turns the error of a server into what the caller gets; undefined leaves it as it is. */
  readonly mapError?: ((error: RpcError<string>) => unknown) | undefined;
  /** What servers may cost: those below, and those of [the session](../session/README.md#options) and [the frames](../protocol/README.md#options). */
  readonly limits?: SomeOf<ClientLimits> | undefined;
  /** When a silent server is asked and given up, see [the session](../session/README.md#options). */
  readonly heartbeat?: SomeOf<HeartbeatOptions> | undefined;
  /** How many connections each server gets, and when. @default one, opened by the first call */
  readonly pool?: PoolOptions | undefined;
  /** What happens to calls that cannot be written now. @default 65536 of them wait for each server, the next one is refused */
  readonly queue?: QueueOptions | undefined;
  /** When written bytes are sent. @default at the end of the turn, or earlier in pieces whose size follows the traffic */
  readonly flush?: FlushOptions | undefined;
  /** When a server is dialled again. @default when calls need it, at growing intervals */
  readonly reconnect?: ReconnectOptions | undefined;
  /** When a server that reads and never answers is given up. @default at ten times `queue.max` calls */
  readonly outstanding?: OutstandingOptions | undefined;
  /** @default the console, warnings and errors only */
  readonly logger?: Logger | undefined;
  /** @default the system's */
  readonly clock?: Clock | undefined;
}

/** Options with every default filled in. */
export interface ResolvedClientOptions {
  readonly discovery: Discovery | undefined;
  /** Where the services are when there is no discovery. */
  readonly addresses: readonly string[];
  readonly transports: readonly Dialer[];
  readonly codecs: readonly Codec[];
  readonly compressors: readonly Compressor[];
  readonly timeoutMs: number;
  readonly token: (() => string) | undefined;
  readonly failMode: FailMode;
  readonly retryBudget: RetryBudgetRule;
  readonly health: ResolvedHealthOptions | undefined;
  readonly selector: Selector | undefined;
  readonly interceptors: readonly Interceptor<ClientCall>[];
  readonly attemptInterceptors: readonly Interceptor<ClientCall>[];
  readonly plugins: readonly ClientPlugin[];
  readonly requireDeadline: boolean;
  readonly headers: readonly HeaderContributor[];
  readonly filters: MessageFilters | undefined;
  readonly mapError: ClientOptions['mapError'];
  readonly limits: ClientLimits;
  readonly inflating: Inflating;
  readonly session: SessionSettings;
  /** The rules of each link, and the gate at which all links wait for their turn to dial. */
  readonly link: LinkRules;
  readonly dials: DialGate;
  readonly runtime: Runtime;
  /** Plugins that watch frames, if any. */
  readonly frames: FrameObserver | undefined;
  /** Number of the first frame of each connection, for tests. @default 0 */
  readonly firstSequence?: Sequenced | undefined;
}
