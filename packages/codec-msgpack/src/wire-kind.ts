import { wire, type StandardSchema, type WireType } from '@rpcxjs/core';
import { check } from './check-value.ts';
import { type Fits, fitsOf } from './fits.ts';
import type { Kind } from './kind.ts';

/** A type of Go's, for a field of a `struct` or a whole message: a Standard Schema that also says how MessagePack writes it. */
export interface MsgpackType<T> extends WireType<T> {
  /** The same type under another name on the wire, as Go's tag `msgpack:"name"` has it. */
  as(name: string): MsgpackType<T>;
}
/** A field that may be left out: `undefined` is not written, and what is missing is read as `undefined`; so is nil, unless the type itself may be null. Go's `omitempty`. */
export interface OptionalField<T> extends MsgpackType<T | undefined> {
  readonly optional: true;
  as(name: string): OptionalField<T>;
}

/** What `struct` needs to know of a field, beyond what everybody may. */
export interface FieldFacts {
  readonly kind: Kind;
  readonly wireName: string | undefined;
  readonly isOptional: boolean;
}
const facts: unique symbol = Symbol.for('@rpcxjs/codec-msgpack/field');
interface WithFacts {
  readonly [facts]?: FieldFacts;
}

/** The facts of a type made by this package, of whichever copy. */
export function factsOf(type: unknown): FieldFacts | undefined {
  const isObject = (typeof type === 'object' && type !== null) || typeof type === 'function';
  // `as`: only asked for one optional property.
  return isObject ? (type as WithFacts)[facts] : undefined;
}

/** The kind of a wire type, of what it carries for 'msgpack', or undefined when it is neither. */
export function kindOf(type: unknown): Kind | undefined {
  const own = factsOf(type);
  if (own !== undefined) return own.kind;
  if (typeof type !== 'object' || type === null) return undefined;
  // `as`: only asked for one optional property.
  return factsOf((type as { readonly [wire]?: Readonly<Record<string, unknown>> })[wire]?.['msgpack'])?.kind;
}

/** Makes the type of `kind`. */
export function typeOfKind<T>(kind: Kind): MsgpackType<T> {
  return make<T>({ kind, wireName: undefined, isOptional: false });
}

export function optionalOf<T>(kind: Kind): OptionalField<T> {
  // `as`: `make` adds `optional` when the facts say so.
  return make<T | undefined>({ kind, wireName: undefined, isOptional: true }) as OptionalField<T>;
}

function make<T>(own: FieldFacts): MsgpackType<T> {
  let fits: Fits | undefined;
  const standard: StandardSchema<T>['~standard'] = {
    version: 1,
    vendor: '@rpcxjs/codec-msgpack',
    validate(value) {
      fits ??= fitsOf(own.kind);
      const issue = fits(value) || (own.isOptional && value === undefined) ? undefined : check(own.kind, value, '');
      // `as`: that is what was just checked.
      return issue === undefined ? { value: value as T } : { issues: [{ message: issue }] };
    },
  };
  const type: MsgpackType<T> & WithFacts = {
    '~standard': standard,
    [wire]: { msgpack: undefined },
    [facts]: own,
    as(name: string): MsgpackType<T> {
      if (typeof name !== 'string' || name === '') throw new TypeError('as: a field needs a name that is not empty');
      return make<T>({ ...own, wireName: name });
    },
    ...(own.isOptional ? { optional: true } : {}),
  };
  return Object.assign(type, { [wire]: { msgpack: type } });
}

