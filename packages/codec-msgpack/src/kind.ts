/** What a wire type is made of. Plain data, so that writers, readers and checks are made from it in one place each. */
export type Kind = IntegerKind | PlainKind | ArrayKind | MapKind | StructKind | NullableKind;

export interface IntegerKind {
  readonly kind: 'integer';
  /** Go's name: int8 … uint64. */
  readonly name: string;
  readonly low: bigint;
  readonly high: bigint;
  /** The same as numbers when they are exact; the safe range for 64 bits. */
  readonly lowNumber: number;
  readonly highNumber: number;
  readonly wide: boolean;
  /** How 64 bits are read. */
  readonly as: 'auto' | 'bigint' | 'number';
}
export interface PlainKind {
  readonly kind: 'float32' | 'rounded32' | 'float64' | 'bool' | 'string' | 'bytes' | 'time' | 'any';
}
export interface ArrayKind {
  readonly kind: 'array';
  readonly element: Kind;
}
export interface MapKind {
  readonly kind: 'map';
  /** Integers make a `Map`, strings an object. */
  readonly key: IntegerKind | undefined;
  readonly value: Kind;
}
export interface NullableKind {
  readonly kind: 'nullable';
  /** Not nullable itself. */
  readonly inner: Kind;
}
export interface StructKind {
  readonly kind: 'struct';
  readonly fields: readonly StructField[];
}
export interface StructField {
  /** The name of the property. */
  readonly name: string;
  /** The name on the wire. */
  readonly wireName: string;
  readonly kind: Kind;
  readonly isOptional: boolean;
  /** Called like something that every object has, such as `constructor`. */
  readonly isInherited: boolean;
}

/** The value of a field of an object: what every object has counts only where the object has it itself. */
export function fieldValue(object: Readonly<Record<string, unknown>>, { name, isInherited }: StructField): unknown {
  return isInherited && !Object.hasOwn(object, name) ? undefined : object[name];
}

/** Seconds from 1970 back to Go's zero time, 1 January of the year 1. */
const zeroTimeSeconds = -62135596800;

/** Go's zero value of a kind; null where nil is a value of its own. A new object each time, so that changing it affects no other. */
export function zeroOf(kind: Kind): unknown {
  switch (kind.kind) {
    case 'integer': return kind.as === 'bigint' ? 0n : 0;
    case 'float32': case 'rounded32': case 'float64': return 0;
    case 'bool': return false;
    case 'string': return '';
    case 'bytes': return new Uint8Array(0);
    case 'time': return new Date(zeroTimeSeconds * 1000);
    case 'any': case 'nullable': return null;
    case 'array': return [];
    case 'map': return kind.key === undefined ? {} : new Map();
    case 'struct': return zeroStruct(kind);
  }
}

function zeroStruct(kind: StructKind): unknown {
  return Object.fromEntries(kind.fields.map((field) => [field.name, field.isOptional ? undefined : zeroOf(field.kind)]));
}
