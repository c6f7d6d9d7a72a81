import { currentAmbient, RpcError, thrownText, type CallOptions, type ClientCall, type Metadata, type MutableMetadata } from '@rpcxjs/core';
import { checkNames, refuse } from '@rpcxjs/core/options';
import { atOnce } from './synchronous.ts';

declare module '@rpcxjs/core' {
  interface Reasons { FILTERED: true; NO_DEADLINE: true }
}

/** Writes metadata of a request, each attempt, just before it is encoded. What it throws is the call's error. */
export type HeaderContributor = (metadata: MutableMetadata, call: ClientCall) => void;

/** A reply before it is decoded. */
export interface IncomingReply {
  readonly service: string;
  readonly method: string;
  readonly address: string;
  readonly metadata: Metadata;
  /** The server says that the call failed. */
  readonly error: boolean;
  readonly payloadBytes: number;
}

/** Functions that decide which requests go out and which replies come in, after all interceptors. An error that a filter throws fails that call. */
export interface MessageFilters {
  /** Asked just before a request is written, once an attempt. False: nothing is written, and the call fails with FILTERED. */
  readonly outgoing?: ((call: ClientCall, address: string) => boolean) | undefined;
  /** Asked before a reply is decoded. False: the call fails with FILTERED. `'drop'`: as if it had never come, so that the call waits until its deadline. */
  readonly incoming?: ((reply: IncomingReply) => boolean | 'drop') | undefined;
}

/** Throws TypeError for something that is not a function. */
export function checkFilters(filters: MessageFilters | undefined): void {
  checkNames('filters', filters, { outgoing: true, incoming: true });
  for (const [name, value] of Object.entries(filters ?? {}) as [string, unknown][]) if (value !== undefined && typeof value !== 'function') refuse(`filters.${name}`, value, 'a function');
}

/** Why this request must not be written, if so. */
export function refusedRequest(filters: MessageFilters | undefined, call: ClientCall, address: string): RpcError | undefined {
  if (filters?.outgoing === undefined) return undefined;
  const what = `the request ${call.service}.${call.method} to ${address}`;
  try {
    if (atOnce(filters.outgoing(call, address), 'it')) return undefined;
  } catch (cause) {
    return new RpcError('internal', `the filter of outgoing messages threw at ${what}: ${thrownText(cause)}`, { sent: false, address, cause });
  }
  return new RpcError('failed_precondition', `${what} was stopped by the client's filter of outgoing messages`, { reason: 'FILTERED', sent: false, address });
}

/** Why this reply must not be read, if so; `'drop'` to forget that it came. */
export function refusedReply(filters: MessageFilters, reply: IncomingReply): RpcError | 'drop' | undefined {
  const { service, method, address } = reply;
  const what = `the reply of ${service}.${method} from ${address}`;
  let verdict: boolean | 'drop' | undefined;
  try {
    verdict = atOnce(filters.incoming?.(reply), 'it');
  } catch (cause) {
    return new RpcError('internal', `the filter of incoming messages threw at ${what}: ${thrownText(cause)}`, { address, cause });
  }
  if (verdict === 'drop') return 'drop';
  if (verdict === true || filters.incoming === undefined) return undefined;
  return new RpcError('failed_precondition', `${what} was stopped by the client's filter of incoming messages`, { reason: 'FILTERED', address });
}

/** The error of a call that nobody has set a time, on a client that requires one; its default does not count. */
export function withoutDeadline(names: { readonly service: string; readonly method: string }, options: CallOptions | undefined): RpcError | undefined {
  const timeoutMs = options?.timeoutMs;
  if (timeoutMs !== undefined && timeoutMs !== Infinity) return undefined;
  if (currentAmbient()?.deadline !== undefined) return undefined;
  const message = `${names.service}.${names.method} was called without a deadline, and this client requires one; pass timeoutMs`;
  return new RpcError('invalid_argument', message, { reason: 'NO_DEADLINE', sent: false });
}
