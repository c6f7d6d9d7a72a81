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
  // `as`: the method is Node's, for any Uint8Array.
  const size = utf8Write === undefined ? encoder.encodeInto(text, bytes.subarray(start)).written : utf8Write.call(bytes as NodeBytes, text, start, text.length * 3);
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
    to = putWide(bytes, view, to, text.slice(index));
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

/** Writes text with characters above 0x7f; 0 when a surrogate stands alone. */
function putWide(bytes: Uint8Array, view: DataView, at: number, text: string): number {
  const { length } = text;
  let to = at;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) bytes[to++] = unit;
    else if (unit < 0x800) {
      bytes[to] = 0xc0 | (unit >>> 6);
      bytes[to + 1] = 0x80 | (unit & 63);
      to += 2;
    } else if ((unit & 0xf800) !== 0xd800) {
      bytes[to] = 0xe0 | (unit >>> 12);
      bytes[to + 1] = 0x80 | ((unit >>> 6) & 63);
      bytes[to + 2] = 0x80 | (unit & 63);
      to += 3;
    } else {
      const point = text.codePointAt(index) as number;
      if (point < 0x10000) return 0;
      view.setUint32(to, 0xf0808080 | ((point & 0x1c0000) << 6) | ((point & 0x3f000) << 4) | ((point & 0xfc0) << 2) | (point & 63));
      to += 4;
      index++;
    }
  }
  return to;
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
