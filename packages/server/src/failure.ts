import { createMetadata, RpcError, type Metadata, type MutableMetadata, type Reason, type ServerCall } from '@rpcxjs/core';
import type { ResolvedServerOptions } from './server-options.ts';
import { isThenable } from './thenable.ts';

const hidden = 'the handler failed';
const unspecified = 'unspecified error';
const longestBytes = 8 * 1024;
const encoder = new TextEncoder();

/** What an error reply says. An `RpcError` is one, unless a handler made it: its getters may do anything. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly reason?: Reason | undefined;
  readonly details?: unknown;
  readonly retryAfterMs?: number | undefined;
  readonly metadata?: Metadata | undefined;
  /** The call was not run, so that another server may. This server's own refusals say so, and interceptors with `sent: false`; never what a handler passes on. */
  readonly unrun?: boolean | undefined;
}

/** What is known of the call itself. */
type FailedCall = ServerCall & { readonly abortReason?: RpcError | undefined; readonly handled?: boolean | undefined };

/** Turns whatever a handler threw into what its caller gets. Never throws, also for proxies and getters that do. */
export function failureOf(thrown: unknown, call: FailedCall, options: ResolvedServerOptions): Failure {
  try {
    const mapped = mappedBy(options, thrown, call);
    if (mapped !== undefined) return { ...copied(mapped), unrun: refusedBefore(mapped, call) };
    if (RpcError.is(thrown)) return { ...copied(thrown), unrun: refusedBefore(thrown, call) };
    // Code that waits on `call.signal` throws an AbortError of its own; the reason of the signal says more.
    if (call.abortReason !== undefined && isAbortError(thrown)) return copied(call.abortReason);
    logThrown(thrown, call, options);
    return { code: 'unknown', message: options.exposeMessages ? messageOf(thrown) : hidden, reason: 'HANDLER_THREW' };
  } catch {
    return { code: 'unknown', message: 'the handler threw something that cannot be read', reason: 'HANDLER_THREW' };
  }
}

/** The result of `mapError`. If that fails, the caller gets a fixed text, because `mapError` may be there to hide what was thrown. */
function mappedBy({ mapError, runtime }: ResolvedServerOptions, thrown: unknown, call: FailedCall): RpcError<string> | undefined {
  if (mapError === undefined) return undefined;
  try {
    const mapped: unknown = mapError(thrown, call);
    if (mapped === undefined || RpcError.is(mapped)) return mapped;
    if (isThenable(mapped)) {
      mapped.then(undefined, () => {});
      throw new TypeError('mapError returned a promise: it has to be synchronous');
    }
    throw new TypeError(`mapError returned a value of the type ${typeof mapped}: it takes an RpcError or undefined`);
  } catch (error) {
    runtime.logger.error({ err: error, service: call.service, method: call.method }, 'mapError failed; its caller gets a fixed text');
    throw error;
  }
}

/** Whether an interceptor refused the call before its handler began. An error that another server sent to the interceptor does not count. */
function refusedBefore(error: RpcError<string>, { handled }: FailedCall): true | undefined {
  return handled === false && !error.sent && !error.remote ? true : undefined;
}

/** Logs what a handler threw: the caller gets no stack, and a one-way caller gets nothing at all. */
function logThrown(thrown: unknown, { service, method }: ServerCall, { runtime }: ResolvedServerOptions): void {
  const fields = { err: thrown, service, method };
  if (isProgrammerError(thrown)) runtime.logger.error(fields, 'a handler threw an error of programming');
  // An AbortError is the normal end of a handler whose caller no longer waits.
  else if (!isAbortError(thrown)) runtime.logger.warn(fields, 'a handler threw what is no RpcError');
}

function isAbortError(thrown: unknown): boolean {
  return isError(thrown) && thrown.name === 'AbortError';
}

/** What the caller gets when the result of its call could not be written. Never throws. */
export function unwritable(thrown: unknown, call: ServerCall): Failure {
  let code = 'internal';
  let reason: Reason = 'BAD_PAYLOAD';
  let why = 'it cannot be read';
  try {
    if (RpcError.is(thrown)) {
      if (thrown.code === 'resource_exhausted') code = thrown.code;
      reason = thrown.reason ?? reason;
    }
    why = messageOf(thrown);
  } catch {
    // The fixed text stands.
  }
  return { code, message: `the reply of ${call.service}.${call.method} cannot be sent: ${why}`, reason };
}

function copied(error: RpcError<string>): Failure {
  const { code, message, reason, details, retryAfterMs, metadata } = error;
  return { code: typeof code === 'string' && code !== '' ? code : 'unknown', message: String(message), reason, details, retryAfterMs, metadata: textsOf(metadata) };
}

/** The entries that are text or can be turned into text. */
export function textsOf(metadata: Metadata | undefined): MutableMetadata | undefined {
  if (metadata === undefined) return undefined;
  const texts = createMetadata();
  try {
    for (const key of Object.keys(metadata)) {
      try {
        texts[key] = String(metadata[key]);
      } catch {
        // Left out: the others are worth sending.
      }
    }
  } catch {
    // A Proxy that does not say what it has.
  }
  return texts;
}

function messageOf(thrown: unknown): string {
  if (isError(thrown)) return String(thrown.message) || (thrown.name === 'Error' ? unspecified : String(thrown.name)) || unspecified;
  if (thrown === '') return unspecified;
  if (typeof thrown === 'string' && thrown !== '') return thrown;
  return `the handler threw ${thrown === null ? 'null' : nameless[typeof thrown] ?? String(thrown)}`;
}
// Names for thrown values without a useful text. That of a function, such as a class thrown without `new`, is its source, which callers need not see.
const nameless: Readonly<Record<string, string>> = { object: 'an object that is no Error', function: 'a function: was the new of an Error forgotten?' };

/** Of other realms too: test runners have their own, and Node's errors are of another one. */
function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || Object.prototype.toString.call(thrown) === '[object Error]';
}

function isProgrammerError(thrown: unknown): boolean {
  return thrown instanceof TypeError || thrown instanceof ReferenceError || thrown instanceof RangeError || thrown instanceof SyntaxError;
}

/** What `__rpcx_error__` carries: never empty, because Go takes an error without text for a success; at most 8 KiB. */
export function errorText({ message, code }: Failure): string {
  const text = message === '' ? code || unspecified : message;
  if (text.length * 3 <= longestBytes) return text;
  const bytes = encoder.encode(text);
  if (bytes.length <= longestBytes) return text;
  let end = longestBytes - 3;
  // Not in the middle of a character: a continuation byte begins with the bits 10.
  while (((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return `${new TextDecoder().decode(bytes.subarray(0, end))}…`;
}

/** Code, reason and details as JSON, for peers that agreed; a bigint is a number while that is exact, else text, and details that JSON cannot hold are left out. */
export function structuredError({ code, reason, details, retryAfterMs, unrun }: Failure): string {
  try {
    return JSON.stringify({ code, reason, details, retryAfterMs, unrun }, exactly);
  } catch {
    return JSON.stringify({ code, reason, retryAfterMs, unrun });
  }
}

/** Writes a bigint as a number while that is exact, else as text. */
function exactly(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}
