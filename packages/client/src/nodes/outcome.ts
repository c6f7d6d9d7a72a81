import { RpcError } from '@rpcxjs/core';

/**
 * What the end of an attempt says about the server.
 *
 * - `answered`: it did its work; an error of the application is an answer too.
 * - `neutral`: nothing: the caller gave up, or this process refused.
 * - `refused`: it lives, and has too much to do. No fault, and no proof of health.
 * - `relative`: it failed in a way that may be everybody's: counts only against servers that do not fail alike.
 * - `failure`: it failed.
 * - `unreachable`: there is no connection to it.
 * - `silent`: there is a connection, and nobody at the other end: frozen, or cut off.
 * - `broken`: what it sends is not the protocol.
 * - `draining`: it is about to end and takes nothing new.
 */
export type Outcome = 'answered' | 'neutral' | 'refused' | 'relative' | 'failure' | 'unreachable' | 'silent' | 'broken' | 'draining';

/** Judges the error that an attempt ended with. */
export function outcomeOf(error: unknown): Outcome {
  if (!RpcError.is(error)) return error === undefined ? 'answered' : 'neutral';
  if (error.reason === 'DRAINING') return 'draining';
  return error.remote ? remoteOutcome(error) : localOutcome(error);
}

function remoteOutcome({ code, reason }: RpcError): Outcome {
  if (reason === 'OVERLOADED' || code === 'resource_exhausted') return 'refused';
  if (code === 'unavailable') return reason === 'CLOSED' ? 'draining' : 'failure';
  return relativeCodes.has(code) ? 'relative' : 'answered';
}

// A handler that throws, and a server that is too slow for what it was given, look like this.
const relativeCodes: ReadonlySet<string> = new Set(['unknown', 'internal', 'data_loss', 'deadline_exceeded']);

function localOutcome({ code, reason }: RpcError): Outcome {
  if (reason === 'BAD_FRAME') return 'broken';
  if (code === 'deadline_exceeded') return 'failure';
  // Of its reply: either side may have the wrong codec or contract.
  if (code === 'data_loss') return reason === 'BAD_PAYLOAD' ? 'relative' : 'failure';
  if (code !== 'unavailable') return 'neutral';
  return unavailable[reason ?? ''] ?? 'failure';
}

const unavailable: Readonly<Record<string, Outcome>> = {
  CONNECT_FAILED: 'unreachable',
  CONNECTION_LOST: 'unreachable',
  FRAME_TOO_LARGE: 'unreachable',
  PEER_SILENT: 'silent',
  STUCK: 'silent',
  CLOSED: 'draining',
  // There was no server, or this process was short of memory.
  NO_INSTANCE: 'neutral',
  OVERLOADED: 'neutral',
};
