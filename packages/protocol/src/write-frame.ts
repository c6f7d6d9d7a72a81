import { allocate, utf8Bytes, type ByteWriter, type Metadata } from '@rpcxjs/core';
import type { FrameWriter } from './byte-writer.ts';
import { flag, headerBytes, magic } from './constants.ts';
import { putUint32, writeMetadata } from './metadata.ts';
import { reserved } from './reserved-metadata.ts';

export interface FrameHead {
  readonly service: string;
  readonly method: string;
  readonly codecId: number;
  /** Bits of `flag`; a request is 0. */
  readonly flags: number;
}

/** Header, service path and method of every frame for one method, written once; sequence number and lengths are patched in. */
export function prepareHead(head: FrameHead): Uint8Array {
  const service = utf8Bytes(head.service);
  const method = utf8Bytes(head.method);
  const bytes = allocate(headerBytes + 8 + service.length + method.length).fill(0);
  bytes[0] = magic;
  bytes[2] = head.flags;
  bytes[3] = head.codecId << 4;
  putUint32(bytes, headerBytes, service.length);
  bytes.set(service, headerBytes + 4);
  putUint32(bytes, headerBytes + 4 + service.length, method.length);
  bytes.set(method, headerBytes + 8 + service.length);
  return bytes;
}

// Go counts nanoseconds in 64 bits: more milliseconds than this, 292 years, would be a time in the past.
const longestTimeoutMs = 9_223_372_036_854;

/** What `__ServerTimeout` says: whole milliseconds, floored as in Go, and not more than Go can hold. */
export function timeoutText(remainingMs: number): string {
  return String(Math.floor(Math.min(remainingMs, longestTimeoutMs)));
}

/** The bytes of a metadata block that holds nothing but `__ServerTimeout`, length included. */
export function prepareTimeout(remainingMs: number): Uint8Array {
  const key = utf8Bytes(reserved.timeout);
  const value = utf8Bytes(timeoutText(remainingMs));
  const bytes = allocate(12 + key.length + value.length);
  putUint32(bytes, 0, 8 + key.length + value.length);
  putUint32(bytes, 4, key.length);
  bytes.set(key, 8);
  putUint32(bytes, 8 + key.length, value.length);
  bytes.set(value, 12 + key.length);
  return bytes;
}

/** A metadata block with nothing in it. */
export const noMetadata: Uint8Array = new Uint8Array(4);

/** Opens a frame: prepared head, sequence number, prepared metadata, and room for the length of the payload, which comes next. */
export function openFrame(writer: FrameWriter, head: Uint8Array, metadata: Uint8Array, sequenceHigh: number, sequenceLow: number): void {
  writer.open();
  const headLength = head.length;
  const metadataLength = metadata.length;
  writer.reserve(headLength + metadataLength + 4);
  const { bytes, offset } = writer;
  let at = offset;
  bytes.set(head, at);
  putUint32(bytes, at + 4, sequenceHigh);
  putUint32(bytes, at + 8, sequenceLow);
  at += headLength;
  if (metadataLength === noMetadata.length) putUint32(bytes, at, 0);
  else bytes.set(metadata, at);
  writer.offset = at + metadataLength + 4;
}

/** As `openFrame`, with metadata written now. Returns the length of the metadata block, which `closeFrame` asks for; opens nothing if it throws. */
export function openFrameWith(writer: FrameWriter, head: Uint8Array, metadata: Metadata, sequenceHigh: number, sequenceLow: number): number {
  writer.open();
  writer.append(head);
  putUint32(writer.bytes, writer.offset - head.length + 4, sequenceHigh);
  putUint32(writer.bytes, writer.offset - head.length + 8, sequenceLow);
  writer.reserve(4);
  const lengthAt = writer.frameBytes;
  writer.offset += 4;
  try {
    writeMetadata(writer, metadata);
  } catch (error) {
    writer.rollback();
    throw error;
  }
  const metadataBytes = writer.frameBytes - lengthAt - 4;
  writer.patchUint32(lengthAt, metadataBytes);
  writer.reserve(4);
  writer.offset += 4;
  return metadataBytes + 4;
}

/** Closes it; everything since the head and its `metadataLength` bytes of metadata is the payload. Returns the frame's length. */
export function closeFrame(writer: FrameWriter, headLength: number, metadataLength: number): number {
  const whole = writer.frameBytes;
  const payloadAt = headLength + metadataLength;
  writer.patchUint32(12, whole - headerBytes);
  writer.patchUint32(payloadAt, whole - payloadAt - 4);
  writer.close();
  return whole;
}

/** Bits of the third byte. */
export function compressorFlags(id: number): number {
  return (id << flag.compressorShift) & flag.compressor;
}

/** Writes a whole frame whose head was not prepared. */
export interface WholeFrame extends FrameHead {
  readonly sequenceHigh: number;
  readonly sequenceLow: number;
  readonly metadata: Metadata | undefined;
  payload(writer: ByteWriter): void;
}
export function writeFrame(writer: FrameWriter, frame: WholeFrame): number {
  const head = prepareHead(frame);
  let metadataLength = noMetadata.length;
  if (frame.metadata === undefined) openFrame(writer, head, noMetadata, frame.sequenceHigh, frame.sequenceLow);
  else metadataLength = openFrameWith(writer, head, frame.metadata, frame.sequenceHigh, frame.sequenceLow);
  try {
    frame.payload(writer);
  } catch (error) {
    writer.rollback();
    throw error;
  }
  return closeFrame(writer, head.length, metadataLength);
}
