import { RpcError, thrownText, type Logger } from '@rpcxjs/core';

/** A value that is needed at once. Throws for a promise of it, TypeError or what tells of `cause`; what becomes of that promise is nobody's error any more. */
export function atOnce<T>(value: T, what: string, cause?: RpcError<string>): T {
  if (!isPromise(value)) return value;
  value.then(undefined, () => {});
  const message = `${what} returned a promise: it has to be synchronous`;
  throw cause === undefined ? new TypeError(message) : new RpcError('internal', message, { cause, sent: cause.sent });
}

/** What nobody waits for may be a promise all the same: its rejection is logged. */
export function logLate(value: unknown, logger: Logger, message: string): void {
  if (isPromise(value)) value.then(undefined, (error: unknown) => logger.error({ error }, `${message}: ${thrownText(error)}`));
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}
