import type { ByteWriter } from '@rpcxjs/core';
import { refuseValue } from './refusal.ts';

/** What a value belongs to, for errors. */
export interface Labelled {
  readonly label: string;
}

const scratch = new DataView(new ArrayBuffer(8));

/** Room for `count` bytes at `at`; sets `writer.offset` only if the buffer has to grow. */
export function reserve(writer: ByteWriter, at: number, count: number): void {
  if (writer.bytes.length - at >= count) return;
  writer.offset = at;
  writer.reserve(count);
}

/** Bytes that `value` takes as a varint. */
export function widthOf(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** An unsigned 32-bit varint; needs 5 bytes of room. These writers return where they ended. */
export function varint32(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest > 0x7f) {
    bytes[at++] = rest | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** A signed one, which takes ten bytes when negative. */
export function varintInt32(bytes: Uint8Array, at: number, value: number): number {
  return value >= 0 ? varint32(bytes, at, value) : varint64(bytes, at, value, -1);
}

/** Two 32-bit halves; needs 10 bytes of room. */
export function varint64(bytes: Uint8Array, start: number, low: number, high: number): number {
  let at = start;
  let lower = low;
  let upper = high;
  while (upper !== 0) {
    bytes[at++] = lower | 0x80;
    lower = (lower >>> 7) | (upper << 25);
    upper >>>= 7;
  }
  return varint32(bytes, at, lower >>> 0);
}

/** bigint, safe integer or decimal string, as 64 bits in `scratch`; anything else and anything outside is refused. */
function toScratch(value: unknown, field: Labelled, unsigned: boolean): void {
  let exact: bigint;
  if (typeof value === 'bigint') exact = value;
  else if (typeof value === 'number' && Number.isSafeInteger(value)) exact = BigInt(value);
  else if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) exact = BigInt(value);
  else refuseValue(field.label, 'a bigint', value);
  if ((unsigned ? BigInt.asUintN(64, exact) : BigInt.asIntN(64, exact)) !== exact) {
    refuseValue(field.label, unsigned ? 'an unsigned 64-bit integer' : 'a 64-bit integer', value);
  }
  scratch.setBigInt64(0, exact, true);
}

export function int64(bytes: Uint8Array, at: number, value: unknown, field: Labelled): number {
  toScratch(value, field, false);
  return varint64(bytes, at, scratch.getInt32(0, true), scratch.getInt32(4, true));
}

export function uint64(bytes: Uint8Array, at: number, value: unknown, field: Labelled): number {
  toScratch(value, field, true);
  return varint64(bytes, at, scratch.getInt32(0, true), scratch.getInt32(4, true));
}

export function sint64(bytes: Uint8Array, at: number, value: unknown, field: Labelled): number {
  toScratch(value, field, false);
  const low = scratch.getInt32(0, true);
  const high = scratch.getInt32(4, true);
  const sign = high >> 31;
  return varint64(bytes, at, (low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign);
}

/** fixed64 and sfixed64; needs 8 bytes of room, as `view` is that of the writer. */
export function fixed64(view: DataView, at: number, value: unknown, field: Labelled, unsigned: boolean): number {
  toScratch(value, field, unsigned);
  view.setInt32(at, scratch.getInt32(0, true), true);
  view.setInt32(at + 4, scratch.getInt32(4, true), true);
  return at + 8;
}

/** Refuses what is no integer of 32 bits; -0 passes as 0. */
export function checkInt32(value: unknown, field: Labelled): number {
  if (typeof value !== 'number' || (value | 0) !== value) refuseValue(field.label, 'a 32-bit integer', value);
  return value;
}

export function checkUint32(value: unknown, field: Labelled): number {
  if (typeof value !== 'number' || value >>> 0 !== value) refuseValue(field.label, 'an unsigned 32-bit integer', value);
  return value;
}

export function checkNumber(value: unknown, field: Labelled): number {
  if (typeof value !== 'number') refuseValue(field.label, 'a number', value);
  return value;
}

/** Rounded to 32 bits when written, as in every protobuf runtime; what would become infinite is refused. */
export function checkFloat(value: unknown, field: Labelled): number {
  if (typeof value !== 'number' || (!Number.isFinite(Math.fround(value)) && Number.isFinite(value))) refuseValue(field.label, 'a 32-bit float', value);
  return value;
}

export function checkBool(value: unknown, field: Labelled): boolean {
  if (typeof value !== 'boolean') refuseValue(field.label, 'a boolean', value);
  return value;
}
