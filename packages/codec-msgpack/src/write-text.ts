import { type ByteWriter, utf8Bytes } from '@rpcxjs/core';

interface NodeBytes extends Uint8Array {
  utf8Write?(text: string, offset: number, length: number): number;
}
interface BufferHost {
  readonly Buffer?: { readonly prototype: NodeBytes };
}
// Node's own writer takes any Uint8Array and needs no view of the rest; elsewhere TextEncoder does it.
// A structural view of the global object: Buffer is there or it is not.
const utf8Write = (globalThis as BufferHost).Buffer?.prototype.utf8Write;
const encoder = new TextEncoder();

// Above this room for the longest possible encoding is not worth reserving.
const longText = 16 * 1024;
// A loop is quicker than leaving JavaScript up to these lengths.
const shortNarrow = 40;
const shortWide = 32;

/** Writes `text` with its header. Half a surrogate pair becomes U+FFFD. */
export function writeText(writer: ByteWriter, text: string): void {
  if (text.length > longText) writeLong(writer, text);
  else {
    writer.reserve(text.length * 3 + 12);
    writer.offset = putText(writer.bytes, writer.view, writer.offset, text);
  }
}

/** Writes `text` at `at` and returns what follows; the caller has reserved three bytes a unit and twelve, and knows it to be no longer than `longText`. */
export function putText(bytes: Uint8Array, view: DataView, at: number, text: string): number {
  const { length } = text;
  if (length <= shortNarrow) {
    const end = putShort(bytes, view, at, text);
    if (end > 0) return end;
  }
  return putMedium(bytes, view, at, text);
}

function putMedium(bytes: Uint8Array, view: DataView, at: number, text: string): number {
  // The header that is needed if every unit takes one byte; moved up afterwards when that was too short.
  const guess = headerOf(text.length);
  const start = at + guess;
  const size = utf8Write === undefined ? encoder.encodeInto(text, bytes.subarray(start)).written : utf8Write.call(bytes, text, start, text.length * 3);
  const header = headerOf(size);
  if (header !== guess) bytes.copyWithin(at + header, start, start + size);
  putHeader(view, at, size);
  return at + header + size;
}

function writeLong(writer: ByteWriter, text: string): void {
  const bytes = utf8Bytes(text);
  writer.reserve(5);
  putHeader(writer.view, writer.offset, bytes.length);
  writer.offset += headerOf(bytes.length);
  writer.append(bytes);
}

function headerOf(size: number): number {
  if (size < 32) return 1;
  if (size < 256) return 2;
  return size < 65536 ? 3 : 5;
}

function putHeader(view: DataView, at: number, size: number): void {
  if (size < 32) view.setUint8(at, 0xa0 | size);
  else if (size < 256) view.setUint16(at, 0xd900 | size);
  else if (size < 65536) {
    view.setUint8(at, 0xda);
    view.setUint16(at + 1, size);
  } else {
    view.setUint8(at, 0xdb);
    view.setUint32(at + 1, size);
  }
}

/** Writes short text in a loop; 0 when it is better left to Node. */
function putShort(bytes: Uint8Array, view: DataView, at: number, text: string): number {
  const { length } = text;
  const wide = length > 10 && text.charCodeAt(0) > 0x7ff;
  const guess = length < 32 && !(wide && length * 3 > 31) ? 1 : 2;
  let to = at + guess;
  let index = 0;
  for (; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) break;
    bytes[to++] = unit;
  }
  if (index < length) {
    if (length - index > shortWide) return 0;
    to = putWide(view, to, text, index);
    if (to === 0) return 0;
  }
  const size = to - at - guess;
  const header = size < 32 ? 1 : 2;
  if (header !== guess) {
    bytes.copyWithin(at + header, at + guess, to);
    to += header - guess;
  }
  if (header === 1) bytes[at] = 0xa0 | size;
  else {
    bytes[at] = 0xd9;
    bytes[at + 1] = size;
  }
  return to;
}

/** Writes text from `from` on, with characters above 0x7f; 0 when a surrogate stands alone. */
function putWide(view: DataView, at: number, text: string, from: number): number {
  const { length } = text;
  let to = at;
  let index = from;
  while (index < length) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7ff && index + 4 <= length && putFourWide(view, to, text, index)) {
      to += 12;
      index += 4;
      continue;
    }
    index++;
    if (unit < 0x80) view.setUint8(to++, unit);
    else if (unit < 0x800) {
      view.setUint16(to, 0xc080 | ((unit & 0x7c0) << 2) | (unit & 63));
      to += 2;
    } else if ((unit & 0xf800) !== 0xd800) {
      view.setUint16(to, 0xe080 | ((unit & 0xf000) >>> 4) | ((unit >>> 6) & 63));
      view.setUint8(to + 2, 0x80 | (unit & 63));
      to += 3;
    } else {
      const point = text.codePointAt(index - 1) as number;
      if (point < 0x10000) return 0;
      view.setUint32(to, 0xf0808080 | ((point & 0x1c0000) << 6) | ((point & 0x3f000) << 4) | ((point & 0xfc0) << 2) | (point & 63));
      to += 4;
      index++;
    }
  }
  return to;
}

/** Writes four characters of three bytes each, as Chinese text has them, in three words. */
function putFourWide(view: DataView, at: number, text: string, index: number): boolean {
  const a = text.charCodeAt(index);
  const b = text.charCodeAt(index + 1);
  const c = text.charCodeAt(index + 2);
  const d = text.charCodeAt(index + 3);
  const isWide = b > 0x7ff && c > 0x7ff && d > 0x7ff && (a & 0xf800) !== 0xd800 && (b & 0xf800) !== 0xd800 && (c & 0xf800) !== 0xd800 && (d & 0xf800) !== 0xd800;
  if (!isWide) return false;
  view.setInt32(at, 0xe08080e0 | ((a & 0xf000) << 12) | ((a & 0xfc0) << 10) | ((a & 63) << 8) | (b >>> 12));
  view.setInt32(at + 4, 0x8080e080 | ((b & 0xfc0) << 18) | ((b & 63) << 16) | ((c & 0xf000) >>> 4) | ((c >>> 6) & 63));
  view.setInt32(at + 8, 0x80e08080 | ((c & 63) << 24) | ((d & 0xf000) << 4) | ((d & 0xfc0) << 2) | (d & 63));
  return true;
}

/** Writes `text` at `at` and returns what follows, where `rest` more bytes are reserved; the writer's buffer may be another one then. */
export function putTextWithRoom(writer: ByteWriter, at: number, text: string, rest: number): number {
  const { length } = text;
  const room = length * 3 + 12 + rest;
  if (at + room > writer.bytes.length || length > longText) return putGrown(writer, at, text, rest);
  return putText(writer.bytes, writer.view, at, text);
}

function putGrown(writer: ByteWriter, at: number, text: string, rest: number): number {
  writer.offset = at;
  writeText(writer, text);
  writer.reserve(rest);
  return writer.offset;
}
