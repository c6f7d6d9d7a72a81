import type { RpcError } from '@rpcxjs/core';
import type { FrameView } from '@rpcxjs/protocol';
import type { RpcxSession } from '@rpcxjs/session';
import type { Admission } from './admission.ts';
import type { InboundCall } from './inbound-call.ts';
import type { MethodEntry } from './method-entry.ts';
import type { ResolvedServerOptions } from './server-options.ts';
import type { ServiceTable } from './service-table.ts';

/** What all connections of one server share. */
export interface PeerServices {
  readonly options: ResolvedServerOptions;
  readonly table: ServiceTable;
  readonly admission: Admission;
  readonly counters: ServerCounters;
  /** A stand-in for what is not registered, with the server's interceptors in front of its refusal. */
  unknown(frame: FrameView): MethodEntry;
  draining(): boolean;
  /** Whether this call's token was not accepted, so that its connection ends. */
  tokenRefused(call: InboundCall): boolean;
  nextPushSequence(): number;
  /** A call has ended. */
  left(): void;
  disconnected(session: RpcxSession, reason: RpcError | undefined): void;
}

export interface ServerCounters {
  calls: number;
  failed: number;
  oneways: number;
  pushes: number;
  connectionsAccepted: number;
  connectionsRefused: number;
  /** Connections that were ended because their bytes were no rpcx, or claimed too much. */
  protocolErrors: number;
}
