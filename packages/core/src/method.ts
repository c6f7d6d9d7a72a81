import type { SchemaIn, SchemaOut, StandardSchema } from './schema.ts';

/** `push` goes from server to client. */
export type Kind = 'unary' | 'serverStream' | 'clientStream' | 'bidiStream' | 'push';
export type ErrorMap = Readonly<Record<string, StandardSchema>>;

/** One method. In and Out are what the caller gives and gets; ParsedIn and RawOut what the handler gets and gives. */
export interface Method<K extends Kind = Kind, In = any, Out = any, ParsedIn = In, RawOut = Out, E extends ErrorMap = {}> {
  readonly kind: K;
  readonly input?: StandardSchema | undefined;
  readonly output?: StandardSchema | undefined;
  readonly errors?: E | undefined;
  readonly idempotent?: boolean | undefined;
  /** For the compiler alone. A name and not a symbol, so that contracts written against another copy of this package keep their types. */
  readonly '~types'?: { in: In; out: Out; parsedIn: ParsedIn; rawOut: RawOut };
}
export type Methods = Readonly<Record<string, Method<any, any, any, any, any, any>>>;
/** A method that knows its names: what every verb but the plain call takes. */
export type MethodRef<K extends Kind = Kind, In = any, Out = any, E extends ErrorMap = ErrorMap> =
  Method<K, In, Out, any, any, E> & { readonly service: string; readonly name: string };
export type BoundMethods<M extends Methods> = { readonly [N in keyof M & string]: M[N] & { readonly service: string; readonly name: N } };
export interface MethodOptions {
  /** True if running it twice does no harm, so that it may be retried and hedged. */
  readonly idempotent?: boolean | undefined;
}
export interface MethodSpec<I extends StandardSchema, O extends StandardSchema, E extends ErrorMap> extends MethodOptions {
  readonly input: I;
  readonly output: O;
  readonly errors?: E | undefined;
}
export interface MethodFactory<K extends Kind> {
  <In, Out>(options?: MethodOptions & { readonly input?: never; readonly output?: never }): Method<K, In, Out>;
  // Without errors E has nothing to be inferred from but the contract around it, which takes any.
  <I extends StandardSchema, O extends StandardSchema>(
    spec: MethodSpec<I, O, {}> & { readonly errors?: undefined },
  ): Method<K, SchemaIn<I>, SchemaOut<O>, SchemaOut<I>, SchemaIn<O>>;
  <I extends StandardSchema, O extends StandardSchema, E extends ErrorMap>(
    spec: MethodSpec<I, O, E>,
  ): Method<K, SchemaIn<I>, SchemaOut<O>, SchemaOut<I>, SchemaIn<O>, E>;
}
function factory<K extends Kind>(kind: K): MethodFactory<K> {
  return (spec?: object) => {
    for (const name in spec) if (!/^(input|output|errors|idempotent)$/.test(name)) throw new TypeError(`${kind}() takes no ${name}`);
    return { kind, ...spec };
  };
}
export const unary: MethodFactory<'unary'> = factory('unary');
export const serverStream: MethodFactory<'serverStream'> = factory('serverStream');
export const clientStream: MethodFactory<'clientStream'> = factory('clientStream');
export const bidiStream: MethodFactory<'bidiStream'> = factory('bidiStream');
export function push<T>(): Method<'push', T, void> {
  return { kind: 'push' };
}
