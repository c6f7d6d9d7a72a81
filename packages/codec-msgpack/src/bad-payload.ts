import { RpcError } from '@rpcxjs/core';

/** The error of a payload that cannot be read: `invalid_argument`, BAD_PAYLOAD. */
export function unreadable(message: string, cause?: unknown): RpcError {
  return new RpcError('invalid_argument', `the msgpack payload cannot be read: ${message}`, { reason: 'BAD_PAYLOAD', cause });
}

const unwritablePrefix = 'the value cannot be written as msgpack: ';

/** The error of a value that cannot be written: `invalid_argument`, BAD_PAYLOAD, nothing sent. */
export function unwritable(message: string, cause?: unknown): RpcError {
  return new RpcError('invalid_argument', `${unwritablePrefix}${message}`, { reason: 'BAD_PAYLOAD', sent: false, cause });
}

/** The same for anything that was thrown, with the path to the fault in front. */
export function unwritableAt(path: string, cause: unknown): RpcError {
  const isOurs = RpcError.is(cause) && cause.reason === 'BAD_PAYLOAD' && cause.message.startsWith(unwritablePrefix);
  if (isOurs && path === '') return cause;
  const text = isOurs ? cause.message.slice(unwritablePrefix.length) : textOf(cause);
  return unwritable(path === '' ? text : `${path}: ${text}`, isOurs ? cause.cause : cause);
}

/** The text of anything that was thrown. */
export function textOf(cause: unknown): string {
  try {
    return cause instanceof Error ? cause.message : String(cause);
  } catch {
    return 'an error without a text';
  }
}
