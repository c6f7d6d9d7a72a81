import type { HandlerCall } from './call.ts';
import type { MaybePromise } from './codec.ts';
import type { Metadata } from './context.ts';
import { RpcError } from './errors.ts';
import type { BoundMethods, Method, MethodRef, Methods } from './method.ts';
import { utf8Bytes } from './utf8.ts';
import type { SchemaOut } from './schema.ts';

/** Keys are wire names, byte for byte: a Go method `Mul` is `Mul` here, a Go field `A` is `A`. */
export interface Contract<M extends Methods = Methods> {
  readonly name: string;
  readonly methods: BoundMethods<M>;
}

/**
 * The methods of one service, bound to its name, for both sides. Throws TypeError for a name that cannot go on the wire: empty, above
 * 255 bytes of UTF-8, or reserved (`_rpcxjs…`; a method `then` would make the client look like a promise), and for methods and schemas that are
 * none.
 */
export function contract<const M extends Methods>(name: string, methods: M): Contract<M> {
  checkName('service', name);
  if (typeof methods !== 'object' || methods === null) throw new TypeError(`contract() takes methods, and no value of the type ${typeof methods}`);
  const bound = Object.entries(methods).map(([key, method]) => {
    checkName('method', key);
    const { kind, input, output, errors }: Partial<MethodRef> = method ?? {};
    // A circular import leaves undefined.
    const isMade = [input, output, ...Object.values(errors ?? {})].every((schema) => schema === undefined || schema?.['~standard']);
    if (!kind || !isMade) throw new TypeError(`the method "${key}" is not one of unary(), push()… with schemas`);
    return [key, { ...method, service: name, name: key }];
  });
  return { name, methods: Object.fromEntries(bound) as BoundMethods<M> }; // built from M's own entries
}
function checkName(what: string, name: unknown): void {
  if (typeof name !== 'string' || name === '' || name.startsWith('_rpcxjs') || utf8Bytes(name).length > 255 || (name === 'then' && what === 'method')) {
    throw new TypeError(`"${String(name)}" cannot be the name of a ${what}: it takes 1 to 255 bytes, not _rpcxjs… and not then`);
  }
}

export interface CallOptions {
  /** Ends the call when it aborts; a server of this library is told. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from now; the client's default (10 000) if left out, `Infinity` for none. */
  readonly timeoutMs?: number | undefined;
  /** Sent with the request. */
  readonly metadata?: Metadata | undefined;
  /** The key by which a hashing selector chooses, for example a user's id. */
  readonly hashKey?: string | undefined;
  /** Waits for a usable instance, within the deadline, instead of failing at once. */
  readonly waitForReady?: boolean | undefined;
  /** Called with the reply's metadata before the call's promise resolves; not called when the call fails. */
  readonly onReply?: ((reply: { readonly metadata: Metadata; readonly address: string }) => void) | undefined;
}
export type DeclaredError<M, C extends string> = M extends Method<any, any, any, any, any, infer E>
  ? C extends keyof E ? RpcError<C, SchemaOut<E[C]>> : never
  : never;
export type DeclaredCode<M> = M extends Method<any, any, any, any, any, infer E> ? keyof E & string : never;
/** Narrows a caught value to one declared error of one method; what is an `RpcError` by its type already, which knows the codes of every call only, to the details of that. */
export function isError<M extends MethodRef, C extends DeclaredCode<M>, E extends RpcError<string>>(
  method: M, code: C, error: [E['code'] & C] extends [never] ? E : never,
): error is ([E['code'] & C] extends [never] ? E : never) & Pick<DeclaredError<M, C>, 'details'>;
export function isError<M extends MethodRef, C extends DeclaredCode<M>>(method: M, code: C, error: unknown): error is DeclaredError<M, C>;
export function isError(method: MethodRef, code: string, error: unknown): boolean {
  return RpcError.is(error) && (error as RpcError<string>).code === code && Object.hasOwn(method.errors ?? {}, code);
}

// Without the first question `any` would count as void; what may be undefined may be left out, but not what may be anything.
type Inputs<In> = 0 extends 1 & In ? [input?: any, options?: CallOptions]
  : [In] extends [void] ? [input?: undefined, options?: CallOptions]
  : undefined extends In ? unknown extends In ? [input: In, options?: CallOptions] : [input?: In, options?: CallOptions]
  : [input: In, options?: CallOptions];
// Asked the other way round, so that a method of a kind that is not known is the usual one.
export type ClientMethod<M> = M extends Method<infer K, infer In, infer Out, any, any, any>
  ? 'unary' extends K ? (...args: Inputs<In>) => Promise<Out>
  : K extends 'serverStream' ? (...args: Inputs<In>) => AsyncIterable<Out>
  : K extends 'clientStream' ? (input: AsyncIterable<In>, options?: CallOptions) => Promise<Out>
  : K extends 'bidiStream' ? (input: AsyncIterable<In>, options?: CallOptions) => AsyncIterable<Out>
  : never
  : never;
export type Handler<M> = M extends Method<infer K, any, any, infer P, infer R, infer E>
  ? K extends 'unary' ? (input: P, call: HandlerCall<E>) => MaybePromise<R>
  : K extends 'serverStream' ? (input: P, call: HandlerCall<E>) => AsyncIterable<R>
  : K extends 'clientStream' ? (input: AsyncIterable<P>, call: HandlerCall<E>) => MaybePromise<R>
  : K extends 'bidiStream' ? (input: AsyncIterable<P>, call: HandlerCall<E>) => AsyncIterable<R>
  : never
  : never;
type Callable<M extends Methods> = { [N in keyof M]: M[N]['kind'] extends 'push' ? never : N }[keyof M];
export type ContractClient<M extends Methods> = { readonly [N in Callable<M>]: ClientMethod<M[N]> };
// A conditional type, so that the compiler does not infer M backwards from the handlers: a third of the instantiations.
export type ContractHandlers<M extends Methods> = M extends unknown ? string extends keyof M ? object : { readonly [N in Callable<M>]: Handler<M[N]> } : never;

type InterfaceInputs<A extends unknown[]> = A extends [infer In, ...unknown[]] ? Inputs<In>
  : A extends [] ? Inputs<void>
  : A extends [(infer In)?, ...unknown[]] ? [input?: In, options?: CallOptions]
  : Inputs<void>;
type MethodNames<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T];
/** A plain interface as contract, for a server whose code is not ours (Go). */
export type InterfaceClient<T> = {
  readonly [K in MethodNames<T>]: T[K] extends (...args: infer A) => infer R
    ? (...args: InterfaceInputs<A>) => R extends AsyncIterable<infer I> ? AsyncIterable<I> : Promise<Awaited<R>>
    : never;
};
