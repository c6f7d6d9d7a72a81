import type { ByteWriter } from '@rpcxjs/core';
import { refuseAs, refuseValue } from './refusal.ts';
import { reserve, varint32, widthOf } from './write-wire.ts';

interface BufferHost {
  readonly Buffer?: {
    readonly prototype: { utf8Write(text: string, offset: number, length: number): number };
    byteLength(text: string): number;
  };
}
interface WellFormed {
  isWellFormed?(): boolean;
}
const buffer = (globalThis as BufferHost).Buffer;
const utf8Write = buffer?.prototype.utf8Write;
const encoder = new TextEncoder();

// Up to here a loop beats the native call's fixed cost (bench/text.ts), and the length fits in one byte whatever the characters are.
const longestByHand = 24;
// Above this, three bytes a unit are too much room to ask for on suspicion.
const longestUncounted = 16 * 1024;
const notWritten = -1;

/** Writes length and UTF-8 of `text` at `at`, leaves room for `spare` bytes behind and returns where it ended. `writer.offset` is not kept up. */
export function writeText(writer: ByteWriter, start: number, text: unknown, field: { readonly label: string }, spare: number): number {
  if (typeof text !== 'string') refuseValue(field.label, 'a string', text);
  const count = text.length;
  if (count > longestByHand) return writeLong(writer, start, text, field.label, spare);
  reserve(writer, start, count * 3 + 1 + spare);
  const end = writeShort(writer.bytes, start + 1, text);
  if (end === notWritten) refuseText(field.label);
  writer.bytes[start] = end - start - 1;
  return end;
}

function writeShort(bytes: Uint8Array, start: number, text: string): number {
  const count = text.length;
  let at = start;
  for (let index = 0; index < count; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) {
      bytes[at++] = unit;
    } else if (unit < 0x800) {
      bytes[at] = 0xc0 | (unit >>> 6);
      bytes[at + 1] = 0x80 | (unit & 0x3f);
      at += 2;
    } else if ((unit & 0xf800) !== 0xd800) {
      bytes[at] = 0xe0 | (unit >>> 12);
      bytes[at + 1] = 0x80 | ((unit >>> 6) & 0x3f);
      bytes[at + 2] = 0x80 | (unit & 0x3f);
      at += 3;
    } else {
      const next = index + 1 < count ? text.charCodeAt(index + 1) : 0;
      if (unit >= 0xdc00 || (next & 0xfc00) !== 0xdc00) return notWritten;
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (next & 0x3ff);
      bytes[at] = 0xf0 | (point >>> 18);
      bytes[at + 1] = 0x80 | ((point >>> 12) & 0x3f);
      bytes[at + 2] = 0x80 | ((point >>> 6) & 0x3f);
      bytes[at + 3] = 0x80 | (point & 0x3f);
      at += 4;
      index++;
    }
  }
  return at;
}

function writeLong(writer: ByteWriter, start: number, text: string, label: string, spare: number): number {
  if (!isWellFormed(text)) refuseText(label);
  const exact = text.length > longestUncounted ? byteLength(text) : -1;
  const width = widthOf(exact === -1 ? guessedLength(text) : exact);
  reserve(writer, start, (exact === -1 ? text.length * 3 : exact) + 5 + spare);
  const { bytes } = writer;
  const written = write(bytes, text, start + width);
  const needed = widthOf(written);
  if (needed !== width) bytes.copyWithin(start + needed, start + width, start + width + written);
  return varint32(bytes, start, written) + written;
}

/** A text mostly goes on in the script that it begins in; a wrong guess costs a move of the bytes. */
function guessedLength(text: string): number {
  const first = text.charCodeAt(0);
  return first < 0x80 ? text.length : first < 0x800 ? text.length * 2 : text.length * 3;
}

function write(bytes: Uint8Array, text: string, offset: number): number {
  if (utf8Write !== undefined) return utf8Write.call(bytes, text, offset, bytes.length - offset);
  return encoder.encodeInto(text, bytes.subarray(offset)).written;
}

function byteLength(text: string): number {
  if (buffer !== undefined) return buffer.byteLength(text);
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // A pair of surrogates is four bytes.
    count += unit < 0x80 ? 1 : unit < 0x800 || (unit & 0xf800) === 0xd800 ? 2 : 3;
  }
  return count;
}

function isWellFormed(text: string): boolean {
  const native = (text as WellFormed).isWellFormed; // newer than the library's target
  return native === undefined ? !/\p{Surrogate}/u.test(text) : native.call(text);
}

function refuseText(label: string): never {
  refuseAs(label, 'well-formed text', 'a string with half of a surrogate pair');
}
