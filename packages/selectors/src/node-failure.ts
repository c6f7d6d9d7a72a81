import { RpcError } from '@rpcxjs/core';

const codes: ReadonlySet<string> = new Set(['unavailable', 'deadline_exceeded', 'resource_exhausted', 'internal', 'data_loss']);

/** Whether an attempt ended in a way that speaks against the server, and not against the request or the caller's patience. */
export function isNodeFailure(error: unknown): boolean {
  return error !== undefined && (!RpcError.is(error) || codes.has(error.code));
}

/** Whether the caller ended an attempt, or another attempt of the same call was faster: the server had not answered by then. */
export function isLeft(error: unknown): boolean {
  return RpcError.is(error) && error.code === 'canceled' && !error.remote;
}
