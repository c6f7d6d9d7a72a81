import { RpcError, settle, type Interceptor, type Logger, type MaybePromise, type ServerCall } from '@rpcxjs/core';
import { reserved } from '@rpcxjs/protocol';
import { refusal } from './without-stacks.ts';

/**
 * Decides by the caller's token, `''` when it sent none. False or a throw refuses the call, and the connection ends after the refusal.
 * The tuple of `call.service` and `call.method` says what is asked for; nothing was inflated or decoded yet.
 */
export type Authenticate = (token: string, call: ServerCall) => MaybePromise<boolean>;

/** The outermost interceptor of a server with `auth`. */
export function authInterceptor(check: Authenticate, refused: (call: ServerCall) => void, logger: Logger): Interceptor<ServerCall> {
  const refuse = (call: ServerCall, cause?: unknown): never => {
    refused(call);
    if (RpcError.is(cause)) throw cause;
    const message = `the token of this call of ${call.service}.${call.method} was not accepted; set the client's token`;
    throw refusal('unauthenticated', message, { reason: 'UNAUTHENTICATED', cause });
  };
  return (next) => (call) =>
    settle(
      () => check(call.metadata[reserved.auth] ?? '', call),
      (accepted) => (accepted ? next(call) : refuse(call)),
      (error) => {
        // The caller is only told that its token was refused, so the real error is logged.
        if (!RpcError.is(error)) logger.error({ err: error, service: call.service, method: call.method }, 'auth threw, and the call is refused');
        return refuse(call, error);
      },
    ) as ReturnType<typeof next>; // settle's nested promise flattens
}
