import { RpcError } from '@rpcxjs/core';

/**
 * Who ended a call, in five words that exclude each other: its time (`timeout`), the network (`connection`), the server (`server`), a full queue or
 * overloaded server (`overflow`), its caller (`canceled`). `local` is everything else: input that cannot be encoded, a filter, a client that was closed.
 */
export type ErrorKind = 'timeout' | 'connection' | 'server' | 'overflow' | 'canceled' | 'local';

const connectionReasons = new Set<unknown>(['NO_INSTANCE', 'CONNECT_FAILED', 'CONNECTION_LOST', 'PEER_SILENT', 'BAD_FRAME', 'FRAME_TOO_LARGE']);

/** What happened, of any value that a call may have failed with. An overload or a deadline that a server reports counts as what it is. */
export function errorKind(error: unknown): ErrorKind {
  if (!RpcError.is(error)) return 'local';
  const { code, reason, remote } = error as RpcError<string>;
  if (code === 'deadline_exceeded') return 'timeout';
  if (code === 'canceled') return reason === 'CLOSED' && !remote ? 'local' : 'canceled';
  if (reason === 'OVERLOADED') return 'overflow';
  if (remote) return 'server';
  return connectionReasons.has(reason) || code === 'unavailable' ? 'connection' : 'local';
}

/**
 * What the caller may do. `transient`: try again soon, the same server may do better. `unavailable`: no server took it; try again later or elsewhere.
 * `canceled`: somebody here wanted no answer any more. `permanent`: the same call will fail again.
 */
export type ErrorCategory = 'transient' | 'unavailable' | 'canceled' | 'permanent';

const categories: Readonly<Record<string, ErrorCategory>> = {
  deadline_exceeded: 'transient', resource_exhausted: 'transient', aborted: 'transient',
  unavailable: 'unavailable',
  canceled: 'canceled',
};
const transientReasons = new Set<unknown>(['CONNECTION_LOST', 'PEER_SILENT', 'DRAINING']);

export function errorCategory(error: unknown): ErrorCategory {
  if (!RpcError.is(error)) return 'permanent';
  const { code, reason } = error as RpcError<string>;
  if (reason === 'CLOSED' && code === 'failed_precondition') return 'canceled';
  if (reason === 'TOO_LARGE') return 'permanent';
  return transientReasons.has(reason) ? 'transient' : (categories[code] ?? 'permanent');
}

/** It may work in a moment; whether to try again is another question, which `wasSent` answers. */
export function isTransient(error: unknown): boolean {
  return errorCategory(error) === 'transient';
}
/** No server was there for it. */
export function isUnavailable(error: unknown): boolean {
  return errorCategory(error) === 'unavailable';
}
/** This side gave it up: its signal, its handle or its client was ended. */
export function isCanceled(error: unknown): boolean {
  return errorCategory(error) === 'canceled';
}
/** The server said so itself: it got the call. Everything else happened on the way or on this side. */
export function isRemote(error: unknown): boolean {
  return RpcError.is(error) && error.remote;
}
/** Whether the server may have run it; false means that trying again is always safe. True also for values that are no RpcError, as nothing is known then. */
export function wasSent(error: unknown): boolean {
  return !RpcError.is(error) || error.sent;
}
