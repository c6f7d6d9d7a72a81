import type { ByteWriter } from '@rpcxjs/core';
import { unwritable } from './bad-payload.ts';

/** Writes a number at `at`, where nine bytes are free, and returns what follows: whole ones as integers of the least width, others as float64. */
export function putNumber(view: DataView, at: number, value: number): number {
  if ((value | 0) === value) return putInt32(view, at, value);
  if (value > 0 && value < 4294967296 && value % 1 === 0) {
    view.setUint8(at, 0xce);
    view.setUint32(at + 1, value);
    return at + 5;
  }
  // Go refuses a float in an integer field, so that a whole number is never one while an int64 can hold it. Beyond, it stays a float: Go reads a
  // uint64 into a float field as if it were signed (vmihailenco/msgpack decode_number.go `float64`), which would turn 1e19 into -8.4e18.
  if (Number.isInteger(value) && value < 9223372036854775808 && value >= -9223372036854775808) {
    const high = Math.floor(value / 4294967296);
    view.setUint8(at, value < 0 ? 0xd3 : 0xcf);
    view.setUint32(at + 1, high);
    view.setUint32(at + 5, value - high * 4294967296);
  } else {
    view.setUint8(at, 0xcb);
    view.setFloat64(at + 1, value);
  }
  return at + 9;
}

export function putInt32(view: DataView, at: number, value: number): number {
  if (value >= 0) {
    if (value < 0x80) {
      view.setUint8(at, value);
      return at + 1;
    }
    if (value < 0x100) {
      view.setUint16(at, 0xcc00 | value);
      return at + 2;
    }
    if (value < 0x10000) {
      view.setUint8(at, 0xcd);
      view.setUint16(at + 1, value);
      return at + 3;
    }
    view.setUint8(at, 0xce);
    view.setUint32(at + 1, value);
    return at + 5;
  }
  if (value >= -32) {
    view.setUint8(at, value);
    return at + 1;
  }
  if (value >= -128) {
    view.setUint16(at, 0xd000 | (value & 0xff));
    return at + 2;
  }
  if (value >= -32768) {
    view.setUint8(at, 0xd1);
    view.setInt16(at + 1, value);
    return at + 3;
  }
  view.setUint8(at, 0xd2);
  view.setInt32(at + 1, value);
  return at + 5;
}

/** Writes a bigint at `at`, where nine bytes are free: uint64, or int64 below zero. */
export function putBigint(view: DataView, at: number, value: bigint): number {
  if (value > 0xffff_ffff_ffff_ffffn || value < -0x8000_0000_0000_0000n) {
    throw unwritable(`the bigint ${value} does not fit 64 bits; send it as text or bytes`);
  }
  if (value < 0n) {
    view.setUint8(at, 0xd3);
    view.setBigInt64(at + 1, value);
  } else {
    view.setUint8(at, 0xcf);
    view.setBigUint64(at + 1, value);
  }
  return at + 9;
}

/** The first code of a kind whose three forms have one, two and four bytes of length. */
export const binTag = 0xc4;
export const extTag = 0xc7;

/** Writes the tag and length of `bin` or `ext`. */
export function writeSize(writer: ByteWriter, tag: number, size: number): void {
  writer.reserve(5);
  const { view, offset } = writer;
  if (size < 0x100) {
    view.setUint8(offset, tag);
    view.setUint8(offset + 1, size);
    writer.offset = offset + 2;
  } else if (size < 0x10000) {
    view.setUint8(offset, tag + 1);
    view.setUint16(offset + 1, size);
    writer.offset = offset + 3;
  } else {
    view.setUint8(offset, tag + 2);
    view.setUint32(offset + 1, size);
    writer.offset = offset + 5;
  }
}

/** Writes the header of an array (short form 0x90, long ones from 0xdc on) or of a map (0x80, 0xde). */
export function writeCount(writer: ByteWriter, form: CountForm, count: number): void {
  writer.reserve(5);
  const { view, offset } = writer;
  if (count < 16) {
    view.setUint8(offset, form.short | count);
    writer.offset = offset + 1;
  } else if (count < 0x10000) {
    view.setUint8(offset, form.long);
    view.setUint16(offset + 1, count);
    writer.offset = offset + 3;
  } else {
    view.setUint8(offset, form.long + 1);
    view.setUint32(offset + 1, count);
    writer.offset = offset + 5;
  }
}

export interface CountForm {
  readonly short: number;
  readonly long: number;
}
export const arrayForm: CountForm = { short: 0x90, long: 0xdc };
export const mapForm: CountForm = { short: 0x80, long: 0xde };
