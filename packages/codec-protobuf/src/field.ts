import type { DescEnum, DescField, DescMessage } from '@bufbuild/protobuf';
import { type Scalar, endGroupWire, isLong, lengthWire, scalarOf, startGroupWire, wireOf, zeroOf } from './scalar.ts';
import { type LocalForm, localForm } from './well-known.ts';

/** Whether and how a field without a value can be told from one with its zero value. */
export type Presence = 'implicit' | 'explicit' | 'required' | 'oneof';

/** One value as it stands on the wire: a scalar, an enum number or a message. */
export interface Element {
  readonly scalar: Scalar | undefined;
  readonly message: DescMessage | undefined;
  /** The message is held in another form: a wrapper as its value, a Struct as plain JSON. */
  readonly local: LocalForm | undefined;
  /** proto2's group, or an edition's DELIMITED: between two tags instead of behind a length. */
  readonly delimited: boolean;
  readonly longAsString: boolean;
  /** Malformed UTF-8 is refused (proto3); otherwise it becomes U+FFFD (proto2). */
  readonly strictUtf8: boolean;
  /** The numbers of a closed enum (proto2): others are kept as unknown fields. */
  readonly closed: ReadonlySet<number> | undefined;
  /** An unset value; undefined for a message. */
  readonly zero: unknown;
}

/** A field as this package reads and writes it: everything worked out once. */
export interface Field extends Element {
  /** The property that holds it; of a oneof, `case` is this name and `oneof` the property. */
  readonly name: string;
  /** For messages to humans: `package.Message.field`. */
  readonly label: string;
  readonly number: number;
  readonly kind: 'single' | 'list' | 'map';
  readonly presence: Presence;
  /** Every object has something of this name from `Object.prototype`, so only an own property counts. */
  readonly inherited: boolean;
  readonly oneof: string | undefined;
  readonly packed: boolean;
  readonly mapKey: Scalar | undefined;
  /** Number and wire type as written: for a packed list that of the whole list. */
  readonly tag: number;
}

export interface Plan {
  readonly desc: DescMessage;
  readonly typeName: string;
  /** In the order of their numbers, which is the order on the wire. */
  readonly fields: readonly Field[];
  readonly required: readonly Field[];
}

export function planOf(desc: DescMessage): Plan {
  const fields = desc.fields.map(fieldOf).sort((a, b) => a.number - b.number);
  return { desc, typeName: desc.typeName, fields, required: fields.filter((field) => field.presence === 'required') };
}

// FeatureSet.FieldPresence: IMPLICIT, LEGACY_REQUIRED.
const implicit = 2;
const required = 3;

function fieldOf(desc: DescField): Field {
  const element = elementOf(desc);
  const oneof = desc.oneof?.localName;
  const packed = desc.fieldKind === 'list' && desc.packed;
  const presence = oneof !== undefined ? 'oneof' : desc.presence === implicit ? 'implicit' : desc.presence === required ? 'required' : 'explicit';
  const wire = packed || desc.fieldKind === 'map' ? lengthWire : elementWire(element);
  return {
    ...element,
    name: desc.localName,
    label: `${desc.parent.typeName}.${desc.name}`,
    number: desc.number,
    kind: desc.fieldKind === 'list' ? 'list' : desc.fieldKind === 'map' ? 'map' : 'single',
    presence,
    inherited: desc.localName in Object.prototype,
    oneof,
    packed,
    mapKey: desc.fieldKind === 'map' ? scalarOf(desc.mapKey) : undefined,
    tag: ((desc.number << 3) | wire) >>> 0,
  };
}

export function elementWire(element: Element): number {
  if (element.scalar !== undefined) return wireOf(element.scalar);
  return element.delimited ? startGroupWire : lengthWire;
}

export function endGroupTag(number: number): number {
  return ((number << 3) | endGroupWire) >>> 0;
}

function elementOf(desc: DescField): Element {
  const common = { strictUtf8: desc.utf8Validation, delimited: false, longAsString: false, local: undefined, closed: undefined, zero: undefined, message: undefined, scalar: undefined };
  if (desc.message !== undefined) {
    return { ...common, message: desc.message, delimited: desc.delimitedEncoding, local: localForm(desc) };
  }
  if (desc.enum !== undefined) {
    // Only a single field keeps apart what a closed enum does not know; protobuf-es leaves it in lists and maps.
    const single = desc.fieldKind === 'enum';
    return { ...common, scalar: 'int32', closed: single && !desc.enum.open ? numbersOf(desc.enum) : undefined, zero: (single ? desc.getDefaultValue() : undefined) ?? desc.enum.values[0]?.number ?? 0 };
  }
  const scalar = scalarOf(desc.scalar);
  // In a map, 64-bit values are bigint whatever jstype says, as in protobuf-es.
  const longAsString = isLong(scalar) && desc.fieldKind !== 'map' && desc.longAsString;
  const given = desc.fieldKind === 'scalar' ? desc.getDefaultValue() : undefined;
  const zero = given === undefined ? zeroOf(scalar, longAsString) : longAsString ? String(given) : given;
  return { ...common, scalar, longAsString, zero };
}

function numbersOf(desc: DescEnum): ReadonlySet<number> {
  return new Set(desc.values.map((value) => value.number));
}
