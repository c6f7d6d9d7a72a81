import { RpcError, type ServerCall } from '@rpcxjs/core';
import type { ResolvedServerOptions } from './server-options.ts';

const hidden = 'the handler failed';
const longestText = 8 * 1024;

/** Turns whatever a handler threw into the error that its caller gets. Never throws, also for proxies and getters that do. */
export function failureOf(thrown: unknown, call: ServerCall, options: ResolvedServerOptions): RpcError<string> {
  try {
    const mapped = options.mapError?.(thrown, call);
    if (mapped !== undefined) return mapped;
    if (RpcError.is(thrown)) return thrown;
    if (isProgrammerError(thrown)) {
      // The caller gets no stack, so this is the only place where anybody sees it.
      options.runtime.logger.error({ error: thrown, service: call.service, method: call.method }, 'a handler threw an error of programming');
    }
    const message = options.exposeMessages ? messageOf(thrown) : hidden;
    return new RpcError('unknown', message, { reason: 'HANDLER_THREW', cause: thrown });
  } catch {
    return new RpcError('unknown', 'the handler threw something that cannot be read', { reason: 'HANDLER_THREW' });
  }
}

function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return String(thrown.message) || String(thrown.name);
  if (typeof thrown === 'string' && thrown !== '') return thrown;
  return `the handler threw ${thrown === null ? 'null' : typeof thrown === 'object' ? 'an object that is no Error' : String(thrown)}`;
}

function isProgrammerError(thrown: unknown): boolean {
  return thrown instanceof TypeError || thrown instanceof ReferenceError || thrown instanceof RangeError || thrown instanceof SyntaxError;
}

/** What `__rpcx_error__` carries: never empty, because Go takes an error without text for a success. */
export function errorText(error: RpcError<string>): string {
  let text: string;
  try {
    text = String(error.message) || error.code;
  } catch {
    text = hidden;
  }
  return text.length <= longestText ? text : `${text.slice(0, longestText)}…`;
}

/** Code, reason and details as JSON, for peers that agreed; details that JSON cannot hold are left out. */
export function structuredError(error: RpcError<string>): string {
  const { code, reason, details, retryAfterMs } = error;
  try {
    return JSON.stringify({ code, reason, details, retryAfterMs });
  } catch {
    return JSON.stringify({ code: String(code), reason });
  }
}
