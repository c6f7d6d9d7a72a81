import { Float32, Float64 } from './float-marker.ts';
import type { IntegerKind, PlainKind } from './kind.ts';
import { type MsgpackType, typeOfKind } from './wire-kind.ts';

/** A 64-bit integer: in, a safe number or a bigint; out, a number when it is safe and a bigint otherwise. */
export interface Int64Type extends MsgpackType<number | bigint> {
  /** Always read as a bigint. */
  readonly bigint: MsgpackType<bigint>;
  /** Always a number; one beyond 2^53 is refused when it is read. */
  readonly number: MsgpackType<number>;
}

function integer(name: string, bits: number, as: IntegerKind['as'] = 'auto'): IntegerKind {
  const signed = name.startsWith('i');
  const wide = bits === 64;
  const high = (1n << BigInt(signed ? bits - 1 : bits)) - 1n;
  const low = signed ? -high - 1n : 0n;
  return {
    kind: 'integer', name, low, high, wide, as,
    lowNumber: wide && signed ? Number.MIN_SAFE_INTEGER : Number(low),
    highNumber: wide ? Number.MAX_SAFE_INTEGER : Number(high),
  };
}

function wideInteger(name: string): Int64Type {
  return Object.assign(typeOfKind<number | bigint>(integer(name, 64)), {
    bigint: typeOfKind<bigint>(integer(name, 64, 'bigint')),
    number: typeOfKind<number>(integer(name, 64, 'number')),
  });
}

function plain<T>(kind: PlainKind['kind']): MsgpackType<T> {
  return typeOfKind<T>({ kind });
}

/** Go's int8: -128 to 127, anything else is refused. */
export const int8: MsgpackType<number> = typeOfKind(integer('int8', 8));
/** Go's int16. */
export const int16: MsgpackType<number> = typeOfKind(integer('int16', 16));
/** Go's int32. */
export const int32: MsgpackType<number> = typeOfKind(integer('int32', 32));
/** Go's int64, and its int. */
export const int64: Int64Type = wideInteger('int64');
/** Go's uint8. For `[]byte` use `bytes`. */
export const uint8: MsgpackType<number> = typeOfKind(integer('uint8', 8));
/** Go's uint16. */
export const uint16: MsgpackType<number> = typeOfKind(integer('uint16', 16));
/** Go's uint32. */
export const uint32: MsgpackType<number> = typeOfKind(integer('uint32', 32));
/** Go's uint64, and its uint. */
export const uint64: Int64Type = wideInteger('uint64');
/** Go's time.Duration: nanoseconds as an int64. */
export const duration: Int64Type = wideInteger('int64');

/** Go's float32, as a type for a field; called with a number, a value that is written as a float32 without any type. */
export interface Float32Type extends MsgpackType<number> {
  /** Rounds to the nearest float32. */
  (value: number): Float32;
  /** The field that rounds instead of refusing a number that no float32 equals. */
  readonly rounded: MsgpackType<number>;
}
/** Go's float64, as a type for a field; called with a number, a value that is written as a float64 even when it is whole or -0. */
export interface Float64Type extends MsgpackType<number> {
  (value: number): Float64;
}

export const float32: Float32Type = Object.assign((value: number) => new Float32(value), plain<number>('float32'), { rounded: plain<number>('rounded32') });
export const float64: Float64Type = Object.assign((value: number) => new Float64(value), plain<number>('float64'));
/** Go's bool. */
export const bool: MsgpackType<boolean> = plain('bool');
/** Go's string. Half of a surrogate pair is refused; bytes that are no UTF-8, which Go may send, are read as U+FFFD: use `bytes` for such. */
export const string: MsgpackType<string> = plain('string');
/** Go's []byte and [N]byte. What is read is a copy. */
export const bytes: MsgpackType<Uint8Array> = plain('bytes');
/** Go's time.Time. Read as a `Date`, which is a `Timestamp` when it has digits below a millisecond; write a `Timestamp` to send such. */
export const time: MsgpackType<Date> = plain('time');
/** Go's interface{}: written and read as without a wire type. */
export const any: MsgpackType<unknown> = plain('any');
