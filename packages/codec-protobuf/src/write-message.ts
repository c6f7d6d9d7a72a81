import type { ByteWriter } from '@rpcxjs/core';
import { type Element, type Field, type Plan, elementWire, endGroupTag } from './field.ts';
import { hasDefaultsOnPrototype } from './message-maker.ts';
import type { FieldWriter, Message, MessageType, TypeOf } from './message-type.ts';
import { refuseMissing, refuseValue } from './refusal.ts';
import { type Scalar, isLong, wireOf } from './scalar.ts';
import { blobOf, scalarWriters } from './write-scalar.ts';
import { type Labelled, reserve, varint32, widthOf } from './write-wire.ts';

/** Writes one field of a message, tag and all, if it is set. */
type ValueWriter = (value: unknown, writer: ByteWriter, depth: number) => void;

// From here on a writer takes bytes as they are instead of copying them.
const largeBytes = 32 * 1024;

export function fieldWriters(plan: Plan, typeOf: TypeOf): readonly FieldWriter[] {
  const inherits = hasDefaultsOnPrototype(plan.desc, plan.fields);
  return plan.fields.map((field) => {
    if (field.kind === 'map') return mapWriter(field, typeOf);
    const write = taggedWriter(field, typeOf);
    if (field.kind === 'list') return listWriter(field, write);
    return singleWriter(field, write, isPresent(field, inherits));
  });
}

/** True for a value that is set. Absent fields read as the prototype's default, so only a value equal to it needs the slow question. */
export function isPresent(field: Field, inherits: boolean): (message: Message, value: unknown) => boolean {
  const { name, zero, presence, scalar } = field;
  if (presence === 'implicit') return (_, value) => value != null && !isZero(value, scalar as Scalar, zero);
  if (!inherits || field.message !== undefined) return (_, value) => value != null;
  // Of bytes each prototype has a default of its own, and NaN equals nothing.
  if (scalar === 'bytes' || zero !== zero) return (message, value) => value != null && Object.hasOwn(message, name);
  return (message, value) => value != null && (value !== zero || Object.hasOwn(message, name));
}

function valueIn(message: Message, { name, inherited }: Field): unknown {
  return inherited && !Object.hasOwn(message, name) ? undefined : message[name];
}

function isZero(value: unknown, scalar: Scalar, zero: unknown): boolean {
  if (scalar === 'bytes') return (value as ArrayLike<unknown>).length === 0;
  // -0 is a value of its own for a float; of 64 bits zero may be 0n, 0 or '0'.
  if (scalar === 'double' || scalar === 'float') return Object.is(value, 0);
  return isLong(scalar) ? value === 0n || value === 0 || value === '0' : value === zero;
}

function singleWriter(field: Field, write: ValueWriter, present: (message: Message, value: unknown) => boolean): FieldWriter {
  const { name, oneof, label } = field;
  if (oneof !== undefined) {
    return (message, writer, depth) => {
      const chosen = message[oneof] as { case?: unknown; value?: unknown } | null | undefined; // checked by what follows
      if (chosen?.case === name) write(chosen.value, writer, depth);
    };
  }
  return (message, writer, depth) => {
    const value = valueIn(message, field);
    if (present(message, value)) write(value, writer, depth);
    else if (field.presence === 'required') refuseMissing(label);
  };
}

function listWriter(field: Field, write: ValueWriter): FieldWriter {
  const scalar = field.packed && field.scalar !== undefined ? scalarWriters[field.scalar] : undefined;
  return (message, writer, depth) => {
    const list = valueIn(message, field);
    if (list == null) return;
    if (!Array.isArray(list)) refuseValue(field.label, 'an array', list);
    if (list.length === 0) return;
    if (scalar === undefined) {
      for (let index = 0; index < list.length; index++) write(list[index], writer, depth);
      return;
    }
    writeTag(writer, field.tag);
    const opened = open(writer);
    for (let index = 0; index < list.length; index++) scalar(writer, list[index], field);
    close(writer, opened, 1);
  };
}

function mapWriter(field: Field, typeOf: TypeOf): FieldWriter {
  const keyScalar = field.mapKey as Scalar; // a map has one
  const keyTag = 8 | wireOf(keyScalar);
  const writeKey = scalarWriters[keyScalar];
  const parse = keyParser(keyScalar, field);
  const writeValue = valueWriter(field, { number: 2, typeOf, nested: true });
  const valueTag = 16 | elementWire(field);
  return (message, writer, depth) => {
    const map = valueIn(message, field);
    if (map == null) return;
    if (typeof map !== 'object' || Array.isArray(map)) refuseValue(field.label, 'an object', map);
    for (const key of Object.keys(map)) {
      writeTag(writer, field.tag);
      const opened = open(writer);
      writeTag(writer, keyTag);
      writeKey(writer, parse(key), field);
      writeTag(writer, valueTag);
      writeValue((map as Message)[key], writer, depth);
      close(writer, opened, 1);
    }
  };
}

/** Keys are property names; anything but the one way to write the key is refused. */
function keyParser(scalar: Scalar, field: Labelled): (key: string) => unknown {
  if (scalar === 'string') return (key) => key;
  if (scalar === 'bool') return (key) => (key === 'true' ? true : key === 'false' ? false : refuseValue(field.label, 'keys true and false', key));
  return (key) => (/^-?\d{1,20}$/.test(key) ? (key.length < 16 ? Number(key) : BigInt(key)) : refuseValue(field.label, 'integers as keys', key));
}

function taggedWriter(field: Field, typeOf: TypeOf): ValueWriter {
  const tag = ((field.number << 3) | elementWire(field)) >>> 0;
  const write = valueWriter(field, { number: field.number, typeOf, nested: false });
  return (value, writer, depth) => {
    writeTag(writer, tag);
    write(value, writer, depth);
  };
}

interface Place {
  readonly number: number;
  readonly typeOf: TypeOf;
  /** Inside something whose length is written afterwards. */
  readonly nested: boolean;
}

function valueWriter(element: Element & Labelled, { number, typeOf, nested }: Place): ValueWriter {
  const { scalar } = element;
  if (scalar === 'bytes' && !nested) {
    return (value, writer, depth) => {
      writeBytes(writer, value, element, depth);
    };
  }
  if (scalar !== undefined) {
    const write = scalarWriters[scalar];
    return (value, writer) => {
      write(writer, value, element);
    };
  }
  return (value, writer, depth) => {
    const type = typeOf(element);
    const message = element.local === undefined ? value : element.local.toMessage(value);
    if (element.delimited) {
      type.write(message, writer, depth + 1, element);
      writeTag(writer, endGroupTag(number));
      return;
    }
    const opened = open(writer);
    type.write(message, writer, depth + 1, element);
    close(writer, opened, 1);
  };
}

/** Large bytes of the outermost message go out as they are. */
export function writeBytes(writer: ByteWriter, value: unknown, field: Labelled, depth: number): void {
  const blob = blobOf(value, field);
  if (depth > 1 || blob.length < largeBytes) {
    scalarWriters.bytes(writer, blob, field);
    return;
  }
  reserve(writer, writer.offset, 5);
  writer.offset = varint32(writer.bytes, writer.offset, blob.length);
  writer.append(blob);
}

export function writeTag(writer: ByteWriter, tag: number): void {
  reserve(writer, writer.offset, 5);
  writer.offset = varint32(writer.bytes, writer.offset, tag);
}

/** Leaves one byte for a length, which is mostly enough. */
function open(writer: ByteWriter): number {
  reserve(writer, writer.offset, 1);
  return writer.offset++;
}

/** Fills in the length of what was written behind the `width` bytes left for it at `at`, and moves it if they are too few or too many. */
export function close(writer: ByteWriter, at: number, width: number): number {
  const count = writer.offset - at - width;
  const needed = widthOf(count);
  if (needed !== width) {
    reserve(writer, writer.offset, needed);
    writer.bytes.copyWithin(at + needed, at + width, at + width + count);
  }
  varint32(writer.bytes, at, count);
  writer.offset = at + needed + count;
  return needed;
}

/** What was kept on decoding goes out again behind the known fields. */
export function writeUnknown(unknown: unknown, writer: ByteWriter, { typeName }: MessageType): void {
  if (!Array.isArray(unknown)) refuseValue(`${typeName}.$unknown`, 'an array', unknown);
  for (const entry of unknown as { no?: unknown; wireType?: unknown; data?: unknown }[]) {
    const { no, wireType, data } = entry;
    if (typeof no !== 'number' || typeof wireType !== 'number' || !(data instanceof Uint8Array)) {
      refuseValue(`${typeName}.$unknown`, 'entries of number, wire type and data', entry);
    }
    writeTag(writer, ((no << 3) | wireType) >>> 0);
    reserve(writer, writer.offset, data.length);
    writer.bytes.set(data, writer.offset);
    writer.offset += data.length;
  }
}
