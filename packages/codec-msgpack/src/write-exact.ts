import type { ByteWriter } from '@rpcxjs/core';
import type { IntegerKind } from './kind.ts';
import type { Output } from './output.ts';
import { isWellFormed } from './well-formed.ts';
import { putBigint, putNumber } from './write-number.ts';
import { putTextWithRoom, writeText } from './write-text.ts';

/** Writes a value of one kind, or throws `misfit`. */
export type Write = (output: Output, value: unknown) => void;

/** Thrown by a writer whose value does not fit; what exactly is wrong is found out by `check` afterwards, off the hot path. */
export const misfit: Error = new Error('the value does not fit its wire type');

/** Writes an integer exactly, or throws `misfit`. */
export function writeInteger(writer: ByteWriter, kind: IntegerKind, value: unknown): void {
  writer.reserve(9);
  writer.offset = putInteger(writer.view, writer.offset, kind, value);
}

/** Writes an integer at `at`, where nine bytes are free, exactly, or throws `misfit`. */
export function putInteger(view: DataView, at: number, kind: IntegerKind, value: unknown): number {
  if (typeof value === 'number') {
    if (!(value >= kind.lowNumber && value <= kind.highNumber && Number.isInteger(value))) throw misfit;
    return putNumber(view, at, value);
  }
  if (typeof value !== 'bigint' || value < kind.low || value > kind.high) throw misfit;
  return putBigint(view, at, value);
}

/** Writes a float32 at `at`, where five bytes are free, or throws `misfit`. */
export function putFloat32(view: DataView, at: number, value: unknown, rounded: boolean): number {
  if (typeof value !== 'number') throw misfit;
  const near = Math.fround(value);
  if (rounded ? Number.isFinite(value) && !Number.isFinite(near) : !Object.is(near, value)) throw misfit;
  view.setUint8(at, 0xca);
  view.setFloat32(at + 1, near);
  return at + 5;
}

/** Writes text as `writeText` does, or throws `misfit` where half of a surrogate pair would become another character. */
export function writeWholeText(writer: ByteWriter, text: string): void {
  if (!isWellFormed(text)) throw misfit;
  writeText(writer, text);
}

/** `putTextWithRoom` for text that must arrive as it is: throws `misfit` where half of a surrogate pair became another character. */
export function putWholeTextWithRoom(writer: ByteWriter, at: number, text: string, rest: number): number {
  const end = putTextWithRoom(writer, at, text, rest);
  // Short text that took as many bytes as it has units is ASCII. Long text may be no part of this buffer.
  if ((text.length > 31 || end - at > text.length + 1) && !isWellFormed(text)) throw misfit;
  return end;
}
