import { RpcError, type Code, type RpcErrorInit } from '@rpcxjs/core';

/**
 * What `run` gives; errors that are made meanwhile have no stack. For those whose number a peer chooses: a stack costs as much as ten good calls, and would
 * show nothing but the server's own way from a frame to its refusal. Where nobody may change the limit, they are made as ever.
 */
export function withoutStacks<T>(run: () => T): T {
  const errors = Error as { stackTraceLimit?: number }; // V8's, which not every engine has
  const { stackTraceLimit } = errors;
  if (stackTraceLimit === undefined || !Reflect.set(errors, 'stackTraceLimit', 0)) return run();
  try {
    return run();
  } finally {
    errors.stackTraceLimit = stackTraceLimit;
  }
}

/** An error that a peer may cause as often as it likes, and so without a stack. */
export function refusal(code: Code, message: string, init: RpcErrorInit): RpcError {
  return withoutStacks(() => new RpcError(code, message, init));
}
