import type { SchemaOut } from '@rpcxjs/core';
import type { IntegerKind, Kind, StructField } from './kind.ts';
import { factsOf, type FieldFacts, type MsgpackType, type OptionalField, optionalOf, typeOfKind } from './wire-kind.ts';

/** The fields of a `struct`, in Go's order, under the names of the properties. */
export type Fields = Readonly<Record<string, MsgpackType<unknown>>>;

type OptionalKeys<F> = { [K in keyof F]: F[K] extends { readonly optional: true } ? K : never }[keyof F];
/** The TypeScript type of a struct with these fields. */
export type StructOf<F> =
  & { -readonly [K in Exclude<keyof F, OptionalKeys<F>>]: SchemaOut<F[K]> }
  & { -readonly [K in OptionalKeys<F>]?: SchemaOut<F[K]> };
// With `& {}` editors show the fields, and not the name of this.
type Flat<T> = { [K in keyof T]: T[K] } & {};

export interface StructType<F> extends MsgpackType<Flat<StructOf<F>>> {
  /** The fields it was made of: spread them into another struct, as Go does with an embedded one. */
  readonly fields: F;
}

/**
 * A Go struct. Written in the order of the fields, all of them but an optional one that is undefined; read in any order. Keys that it does not
 * know are skipped; a field that is missing or nil has Go's zero value (0, '', false, no bytes, no entries, the year 1, a struct of these), an
 * optional one is undefined. Throws a TypeError for something that is not a field.
 */
export function struct<F extends Fields>(fields: F): StructType<F> {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) throw new TypeError('struct: it takes an object of fields, { Id: int64, Name: string }');
  const list: StructField[] = [];
  for (const name of Object.keys(fields)) {
    if (name === '') throw new TypeError('struct: a field needs a name that is not empty');
    const { kind, wireName, isOptional } = needFacts(fields[name], `struct: the field ${JSON.stringify(name)}`);
    const field = { name, wireName: wireName ?? name, kind, isOptional, isInherited: name in Object.prototype };
    if (list.some((other) => other.wireName === field.wireName)) throw new TypeError(`struct: two fields are called ${JSON.stringify(field.wireName)} on the wire`);
    list.push(field);
  }
  return Object.assign(typeOfKind<Flat<StructOf<F>>>({ kind: 'struct', fields: list }), { fields });
}

/** A Go slice or array of one type. nil is read as an empty one. */
export function array<T>(element: MsgpackType<T>): MsgpackType<T[]> {
  return typeOfKind<T[]>({ kind: 'array', element: needPresent(element, 'array: the element', 'use nullable') });
}

/** A Go map. With string keys an object, with integer keys a `Map`; nil is read as an empty one. */
export function map<T>(key: MsgpackType<string>, value: MsgpackType<T>): MsgpackType<Record<string, T>>;
export function map<K extends number | bigint, T>(key: MsgpackType<K>, value: MsgpackType<T>): MsgpackType<Map<K, T>>;
export function map(key: MsgpackType<string> | MsgpackType<number | bigint>, value: MsgpackType<unknown>): MsgpackType<unknown> {
  const keyKind = needFacts(key, 'map: the key').kind;
  if (keyKind.kind !== 'string' && keyKind.kind !== 'integer') throw new TypeError(`map: a key cannot be ${keyKind.kind}; use string or an integer type`);
  return typeOfKind({ kind: 'map', key: keyKind.kind === 'string' ? undefined : integerOf(keyKind), value: needPresent(value, 'map: the value', 'use nullable') });
}

function integerOf(kind: Kind): IntegerKind | undefined {
  return kind.kind === 'integer' ? kind : undefined;
}

/** A field that may be left out, as with Go's `omitempty`: undefined is not written, missing is read as undefined, and so is nil unless the type may be null. */
export function optional<T>(type: MsgpackType<T>): OptionalField<T> {
  const { kind, wireName } = needFacts(type, 'optional: the type');
  const field = optionalOf<T>(kind);
  return wireName === undefined ? field : field.as(wireName);
}

/** A Go pointer, or anything that may be nil: null is written as nil, missing and nil are read as null. */
export function nullable<T>(type: MsgpackType<T>): MsgpackType<T | null> {
  const { wireName } = needFacts(type, 'nullable: the type');
  const kind = needPresent(type, 'nullable: the type', 'write optional(nullable(…))');
  const made = typeOfKind<T | null>(kind.kind === 'nullable' ? kind : { kind: 'nullable', inner: kind });
  return wireName === undefined ? made : made.as(wireName);
}

/** The kind of what stands in a place where nothing can be left out. */
function needPresent(type: unknown, what: string, advice: string): Kind {
  const { kind, isOptional } = needFacts(type, what);
  if (isOptional) throw new TypeError(`${what} cannot be left out; ${advice}`);
  return kind;
}

function needFacts(type: unknown, what: string): FieldFacts {
  const facts = factsOf(type);
  if (facts === undefined) throw new TypeError(`${what} is no type of @rpcxjs/codec-msgpack; use int64, string, array(…), struct({ … })…`);
  return facts;
}
