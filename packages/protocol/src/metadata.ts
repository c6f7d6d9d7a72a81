import { createMetadata, readUtf8, type ByteWriter, type Metadata, type MutableMetadata } from '@rpcxjs/core';
import { badFrame } from './bad-frame.ts';

/**
 * Pairs of `length key length value`, no count, no terminator (rpcx protocol/message.go, encodeMetadata). Lengths in bytes. A key whose value
 * is undefined is left out.
 */
export function writeMetadata(writer: ByteWriter, metadata: Metadata): void {
  for (const key of Object.keys(metadata)) {
    const value: string | undefined = metadata[key];
    if (value === undefined) continue;
    writeText(writer, key);
    writeText(writer, value);
  }
}

function writeText(writer: ByteWriter, text: string): void {
  writer.reserve(4);
  const lengthAt = writer.offset;
  writer.offset += 4;
  // A string by type; plain JavaScript may put a number here.
  writer.appendUtf8(String(text));
  putUint32(writer.bytes, lengthAt, writer.offset - lengthAt - 4);
}

export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

export function getUint32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

/** Number of pairs in `source[start, end)`, or -1 when a length runs past the end. */
export function countMetadata(source: Uint8Array, start: number, end: number): number {
  let texts = 0;
  let at = start;
  while (at < end) {
    if (end - at < 4) return -1;
    at += 4 + getUint32(source, at);
    texts += 1;
  }
  return at === end && texts % 2 === 0 ? texts / 2 : -1;
}

/** The last of two equal keys wins, as in Go. Throws `RpcError` with reason BAD_FRAME when a length runs past the end. */
export function readMetadata(source: Uint8Array, start: number, end: number): MutableMetadata {
  if (countMetadata(source, start, end) < 0) throw badFrame(`the metadata block of ${end - start} bytes ends in the middle of a pair`);
  const metadata = createMetadata();
  for (let at = start; at < end; ) {
    const keyEnd = at + 4 + getUint32(source, at);
    const valueEnd = keyEnd + 4 + getUint32(source, keyEnd);
    metadata[readUtf8(source, at + 4, keyEnd)] = readUtf8(source, keyEnd + 4, valueEnd);
    at = valueEnd;
  }
  return metadata;
}
