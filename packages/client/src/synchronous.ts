import { RpcError, thrownText, type Logger } from '@rpcxjs/core';

/** A value that is needed at once. Throws for a promise of it; what becomes of that promise is nobody's error any more. */
export function atOnce<T>(value: T, what: string, cause?: RpcError<string>): T {
  if (!isPromise(value)) return value;
  value.then(undefined, () => {});
  throw new RpcError('internal', `${what} returned a promise: it has to be synchronous`, { cause, sent: cause?.sent === true });
}

/** What nobody waits for may be a promise all the same: its rejection is logged. */
export function logLate(value: unknown, logger: Logger, message: string): void {
  if (isPromise(value)) value.then(undefined, (error: unknown) => logger.error({ error }, `${message}: ${thrownText(error)}`));
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}
