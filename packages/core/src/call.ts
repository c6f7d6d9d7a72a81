import type { Address } from './address.ts';
import type { MaybePromise } from './codec.ts';
import type { ContextValues, Metadata, MutableMetadata } from './context.ts';
import type { ErrorMap, MethodRef } from './method.ts';
import type { RpcError } from './errors.ts';
import type { SchemaIn, SchemaOut } from './schema.ts';
import type { PeerCertificate } from './transport.ts';

interface Call {
  readonly service: string;
  readonly method: string;
  readonly oneway: boolean;
  /** When the call's time is over, on the clock's axis; undefined for no deadline. */
  readonly deadline: number | undefined;
  remainingMs(): number | undefined;
  /** Made on first use: most calls never need one. */
  readonly signal: AbortSignal;
  readonly values: ContextValues;
}
export interface ClientCall extends Call {
  readonly metadata: MutableMetadata;
  readonly input: unknown;
  readonly idempotent: boolean;
  readonly hashKey: string | undefined;
  /** A changed copy to pass to `next`, for aliases and transformations. */
  with(changes: { readonly service?: string; readonly method?: string; readonly input?: unknown }): ClientCall;
}
interface ReceivedCall extends Call {
  readonly metadata: Metadata;
  readonly responseMetadata: MutableMetadata;
  readonly peer: Peer;
  readonly codec: string;
  /** Decoded on first use, so that a refused call costs no decoding. */
  readonly input: unknown;
  /** The undecoded payload; it may be kept. */
  readonly payload: Uint8Array;
  with(changes: { readonly service?: string; readonly method?: string; readonly input?: unknown }): ServerCall;
}
export interface ServerCall extends ReceivedCall {
  /** A declared error of the contract, to be thrown. */
  fail(code: string, details?: unknown): RpcError<string>;
}
type FailDetails<In> = undefined extends In ? [details?: In] : [In] extends [void] ? [details?: undefined] : [details: In];
/** A `ServerCall` as the handler of one method of a contract gets it: `fail` takes only what that method declares. */
export interface HandlerCall<E extends ErrorMap = ErrorMap> extends ReceivedCall {
  /** A declared error of the contract, to be thrown. */
  fail<C extends keyof E & string>(code: C, ...details: FailDetails<SchemaIn<E[C]>>): RpcError<C, SchemaOut<E[C]>>;
}

/** The other end of one connection, as a server sees it. */
export interface Peer {
  readonly id: string;
  readonly remote: Address | undefined;
  readonly certificate: PeerCertificate | undefined;
  /** Values that live as long as the connection, such as the session of a user who logged in. */
  readonly values: ContextValues;
  readonly capabilities: ReadonlySet<string>;
  readonly closed: AbortSignal;
  push<T>(event: MethodRef<'push', T>, value: T, metadata?: Metadata): Promise<void>;
  close(): Promise<void>;
}
/** A message that the server sends by itself. */
export interface Push {
  readonly service: string;
  readonly method: string;
  readonly metadata: MutableMetadata;
  readonly value: unknown;
}
/** A frame's content untouched by codecs: for gateways and proxies. */
export interface RawMessage {
  readonly service: string;
  readonly method: string;
  readonly metadata: Metadata;
  readonly payload: Uint8Array;
  readonly codecId: number;
  readonly compressorId: number;
  readonly oneway: boolean;
  readonly error: boolean;
}
export interface Reply {
  /** A value, or an AsyncIterable for streaming methods. */
  readonly output: unknown;
  readonly metadata: Metadata;
}

export type Handle<C, R = Reply> = (call: C) => MaybePromise<R>;
/** Wraps a call: log, measure, change, refuse, retry. Composed once, when the client or server starts. */
export type Interceptor<C, R = Reply> = (next: Handle<C, R>) => Handle<C, R>;

/** The first interceptor is the outermost. With none, nothing stands between a call and its promise. Throws TypeError for something that is not an interceptor. */
export function intercept<C, R>(interceptors: readonly Interceptor<C, R>[], terminal: Handle<C, R>): Handle<C, R> {
  return interceptors.reduceRight((next, interceptor) => {
    const handle: unknown = typeof interceptor === 'function' ? interceptor(next) : interceptor;
    if (typeof handle === 'function') return handle as Handle<C, R>; // as its type says
    // It was written for (call, next), and failed.
    if (handle instanceof Promise) handle.catch(() => {});
    throw new TypeError('an interceptor is (next) => (call) => next(call)');
  }, terminal);
}

/** Continues after a value, a throw, a promise or anything with a `then` (query builders have one) alike, without making a promise of a value. */
export function settle<T, R>(run: () => MaybePromise<T>, ok: (value: T) => R, failed: (error: unknown) => R): MaybePromise<R> {
  let result: MaybePromise<T>;
  let later: boolean;
  try {
    result = run();
    later = typeof result === 'object' && typeof (result as { readonly then?: unknown } | null)?.then === 'function'; // asked for one property
  } catch (error) {
    return failed(error);
  }
  return later ? Promise.resolve(result).then(ok, failed) : ok(result as T); // it has no `then`
}
