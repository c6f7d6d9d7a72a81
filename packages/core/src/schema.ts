/** Standard Schema v1, restated structurally so that core needs no dependency; a type test pins it to the real one. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };
export type SchemaIn<S> = S extends StandardSchema<infer I, infer _O> ? I : never;
export type SchemaOut<S> = S extends StandardSchema<infer _I, infer O> ? O : never;

/** A schema that also tells a codec how to write it, keyed by the codec's name. Made by `struct` (codec-msgpack), `message` (codec-protobuf)… */
export const wire: unique symbol = Symbol.for('@rpcxjs/core/wire');
export interface WireType<T> extends StandardSchema<T> {
  readonly [wire]: Readonly<Record<string, unknown>>;
}

/** A type without any check at run time. */
export function type<T>(): StandardSchema<T> {
  return { '~standard': { version: 1, vendor: 'rpcxjs', validate: (value) => ({ value: value as T }) } };
}
