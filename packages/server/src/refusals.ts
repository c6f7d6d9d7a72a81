import { RpcError, thrownText, type Code, type ServerCall } from '@rpcxjs/core';
import type { Failure } from './failure.ts';
import type { ResolvedServerOptions } from './server-options.ts';
import { refusal } from './without-stacks.ts';

/** What is known here of a call and of the connection that it came on. */
interface RefusedCall extends ServerCall {
  readonly abortReason: RpcError | undefined;
  readonly host: { sentJunk: boolean; readonly options: Pick<ResolvedServerOptions, 'exposeMessages' | 'runtime'> };
}

/** What interceptors and `mapError` see of it. */
export function refusalOf({ code, message, reason }: Failure): RpcError {
  return refusal(code as Code, message, { reason }); // those below have no other codes
}

/** What is said of calls that are refused before anything is decoded. */
export function expired(call: ServerCall): Failure {
  return { code: 'deadline_exceeded', message: `the deadline of this call of ${call.service}.${call.method} had passed before it could run`, reason: 'TIMEOUT' };
}
export function closing(call: ServerCall): Failure {
  const message = `the server is going and did not run ${call.service}.${call.method}; try another one`;
  return { code: 'unavailable', message, reason: 'DRAINING', retryAfterMs: 0, unrun: true };
}
export function overloaded(call: ServerCall, why: string, retryAfterMs = 100): Failure {
  const message = `the server is overloaded and did not run ${call.service}.${call.method}: ${why}; try again later`;
  return { code: 'unavailable', message, reason: 'OVERLOADED', retryAfterMs, unrun: true };
}
/** The texts are those of Go (rpcx server/server_dispatch.go, handleRequest), by which its clients tell errors apart. */
export function unknownService(service: string): Failure {
  return { code: 'unimplemented', message: `rpcx: can't find service ${service}`, reason: 'UNKNOWN_SERVICE' };
}
export function unknownMethod(method: string): Failure {
  return { code: 'unimplemented', message: `rpcx: can't find method ${method}`, reason: 'UNKNOWN_METHOD' };
}

/**
 * What is thrown for a payload that codec or compressor cannot read. Anything but their own `RpcError` is a mistake of theirs: logged once a connection, because
 * peers choose what they send.
 */
export function unreadable({ service, method, host }: RefusedCall, by: string, thrown: unknown): RpcError<string> {
  const again = host.sentJunk;
  host.sentJunk = true;
  if (RpcError.is(thrown)) return thrown;
  const { exposeMessages, runtime } = host.options;
  if (!again) runtime.logger.warn({ err: thrown, service, method }, `${by} threw what is no RpcError with reason BAD_PAYLOAD`);
  const why = exposeMessages ? thrownText(thrown) : 'it failed';
  return refusal('invalid_argument', `the input of ${service}.${method} cannot be read by ${by}: ${why}`, { reason: 'BAD_PAYLOAD', cause: thrown });
}

/** Throws when the caller's time has passed, or when nobody waits any more: for calls that waited for something before their handler. */
export function checkStillWanted(call: RefusedCall): void {
  if (call.abortReason !== undefined) throw call.abortReason;
  if ((call.remainingMs() ?? 1) <= 0) throw refusalOf(expired(call));
}
