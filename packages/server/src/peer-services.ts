import type { RpcError } from '@rpcxjs/core';
import type { FrameView } from '@rpcxjs/protocol';
import type { RpcxSession } from '@rpcxjs/session';
import type { Admission } from './admission.ts';
import type { InboundCall } from './inbound-call.ts';
import type { LoopGuard } from './loop-guard.ts';
import type { MethodEntry } from './method-entry.ts';
import type { ResolvedServerOptions } from './server-options.ts';
import type { ServiceTable } from './service-table.ts';

/** What all connections of one server share. */
export interface PeerServices {
  readonly options: ResolvedServerOptions;
  readonly table: ServiceTable;
  readonly admission: Admission;
  readonly counters: ServerCounters;
  /** Present with `maxLoopDelayMs`. */
  readonly guard: LoopGuard | undefined;
  /** An entry for a method that is not registered: the server's interceptors run, then the call is refused. */
  unknown(frame: FrameView): MethodEntry;
  /** Whether the server is shutting down, while it may still serve. */
  leaving(): boolean;
  /** Whether the server runs no new calls. */
  draining(): boolean;
  /** Whether this call's token was not accepted, so that its connection ends. */
  tokenRefused(call: InboundCall): boolean;
  /** The number of the next push; it is taken once the push is written. */
  nextPushSequence(): number;
  pushed(): void;
  /** A call has ended, or a peer has said that nothing more comes. */
  left(): void;
  disconnected(session: RpcxSession, reason: RpcError | undefined): void;
}

export interface ServerCounters {
  calls: number;
  failed: number;
  oneways: number;
  pushes: number;
  /** Calls that were not run because the server was shutting down. */
  refusedLeaving: number;
  connectionsAccepted: number;
  connectionsRefused: number;
  /** Connections that were ended because their bytes were no rpcx, or claimed too much. */
  protocolErrors: number;
}
