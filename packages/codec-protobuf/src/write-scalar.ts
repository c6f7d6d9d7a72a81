import type { ByteWriter } from '@rpcxjs/core';
import { refuseValue } from './refusal.ts';
import type { Scalar } from './scalar.ts';
import {
  type Labelled, checkBool, checkFloat, checkInt32, checkNumber, checkUint32, fixed64, int64, reserve, sint64, uint64, varint32, varintInt32,
} from './write-wire.ts';
import { writeText } from './write-text.ts';

/** Writes one value, without its tag, at `writer.offset`. */
export type ScalarWriter = (writer: ByteWriter, value: unknown, field: Labelled) => void;

const roomForAny = 10;
function room(writer: ByteWriter): number {
  reserve(writer, writer.offset, roomForAny);
  return writer.offset;
}

/** How each scalar type is written. Bytes are copied: inside a message whose length follows there is no handing on by reference. */
export const scalarWriters: Readonly<Record<Scalar, ScalarWriter>> = {
  double(writer, value, field) {
    const at = room(writer);
    writer.view.setFloat64(at, checkNumber(value, field), true);
    writer.offset = at + 8;
  },
  float(writer, value, field) {
    const at = room(writer);
    writer.view.setFloat32(at, checkFloat(value, field), true);
    writer.offset = at + 4;
  },
  int32(writer, value, field) {
    const at = room(writer);
    writer.offset = varintInt32(writer.bytes, at, checkInt32(value, field));
  },
  uint32(writer, value, field) {
    const at = room(writer);
    writer.offset = varint32(writer.bytes, at, checkUint32(value, field));
  },
  sint32(writer, value, field) {
    const at = room(writer);
    const checked = checkInt32(value, field);
    writer.offset = varint32(writer.bytes, at, ((checked << 1) ^ (checked >> 31)) >>> 0);
  },
  bool(writer, value, field) {
    const at = room(writer);
    writer.bytes[at] = checkBool(value, field) ? 1 : 0;
    writer.offset = at + 1;
  },
  int64(writer, value, field) {
    const at = room(writer);
    writer.offset = int64(writer.bytes, at, value, field);
  },
  uint64(writer, value, field) {
    const at = room(writer);
    writer.offset = uint64(writer.bytes, at, value, field);
  },
  sint64(writer, value, field) {
    const at = room(writer);
    writer.offset = sint64(writer.bytes, at, value, field);
  },
  fixed32(writer, value, field) {
    const at = room(writer);
    writer.view.setUint32(at, checkUint32(value, field), true);
    writer.offset = at + 4;
  },
  sfixed32(writer, value, field) {
    const at = room(writer);
    writer.view.setInt32(at, checkInt32(value, field), true);
    writer.offset = at + 4;
  },
  fixed64(writer, value, field) {
    const at = room(writer);
    writer.offset = fixed64(writer.view, at, value, field, true);
  },
  sfixed64(writer, value, field) {
    const at = room(writer);
    writer.offset = fixed64(writer.view, at, value, field, false);
  },
  string(writer, value, field) {
    writer.offset = writeText(writer, writer.offset, value, field, 0);
  },
  bytes(writer, value, field) {
    writer.offset = writeBlob(writer, writer.offset, value, field, 0);
  },
};

/** Writes length and bytes at `at`, leaves room for `spare` bytes behind and returns where it ended. */
export function writeBlob(writer: ByteWriter, start: number, value: unknown, field: Labelled, spare: number): number {
  const blob = blobOf(value, field);
  reserve(writer, start, blob.length + 5 + spare);
  const at = varint32(writer.bytes, start, blob.length);
  writer.bytes.set(blob, at);
  return at + blob.length;
}

/** Also an array of numbers, as an initializer may have it. */
export function blobOf(value: unknown, field: Labelled): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (!Array.isArray(value)) refuseValue(field.label, 'a Uint8Array', value);
  return Uint8Array.from(value, (byte: unknown) => {
    if (typeof byte !== 'number' || (byte & 0xff) !== byte) refuseValue(field.label, 'bytes', byte);
    return byte;
  });
}
