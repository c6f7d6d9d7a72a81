import { RpcError, thrownText, type Logger } from '@rpcxjs/core';

/** The value, which is needed at once. Throws if it is a promise, and ignores what becomes of that promise. */
export function atOnce<T>(value: T, what: string, cause?: RpcError<string>): T {
  if (!isPromise(value)) return value;
  value.then(undefined, () => {});
  throw new RpcError('internal', `${what} returned a promise: it has to be synchronous`, { cause, sent: cause?.sent === true });
}

/** Logs the rejection of a promise that a hook returned although nobody waits for it. */
export function logLate(value: unknown, logger: Logger, message: string): void {
  if (isPromise(value)) value.then(undefined, (error: unknown) => logger.error({ err: error }, `${message}: ${thrownText(error)}`));
}

/** Anything with a `then`. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}
