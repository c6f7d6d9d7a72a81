import { utf8Bytes, type ByteWriter, type Metadata } from '@rpcxjs/core';
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

/** `room` bytes, then each text behind its length. */
function packTexts(room: number, first: string, second: string): Uint8Array {
  const one = utf8Bytes(first);
  const two = utf8Bytes(second);
  const bytes = new Uint8Array(room + 8 + one.length + two.length);
  putUint32(bytes, room, one.length);
  bytes.set(one, room + 4);
  putUint32(bytes, room + 4 + one.length, two.length);
  bytes.set(two, room + 8 + one.length);
  return bytes;
}

/** Header, service path and method of every frame for one method, written once; sequence number and lengths are patched in. */
export function prepareHead(head: FrameHead): Uint8Array {
  const bytes = packTexts(headerBytes, head.service, head.method);
  bytes[0] = magic;
  bytes[2] = head.flags;
  bytes[3] = head.codecId << 4;
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
  const bytes = packTexts(4, reserved.timeout, timeoutText(remainingMs));
  putUint32(bytes, 0, bytes.length - 4);
  return bytes;
}

/** A metadata block with nothing in it. */
export const noMetadata: Uint8Array = new Uint8Array(4);

/** Opens a frame: prepared head, sequence number, prepared metadata, and room for the length of the payload, which comes next. */
export function openFrame(writer: FrameWriter, head: Uint8Array, metadata: Uint8Array, sequenceHigh: number, sequenceLow: number): void {
  const metadataLength = metadata.length;
  const at = openHead(writer, head, metadataLength + 4, sequenceHigh, sequenceLow);
  if (metadataLength === noMetadata.length) putUint32(writer.bytes, at, 0);
  else writer.bytes.set(metadata, at);
  writer.offset = at + metadataLength + 4;
}

/** As `openFrame`, with metadata written now. Returns the length of the metadata block, which `closeFrame` asks for; opens nothing if it throws. */
export function openFrameWith(writer: FrameWriter, head: Uint8Array, metadata: Metadata, sequenceHigh: number, sequenceLow: number): number {
  writer.offset = openHead(writer, head, 4, sequenceHigh, sequenceLow) + 4;
  try {
    writeMetadata(writer, metadata);
  } catch (error) {
    writer.rollback();
    throw error;
  }
  const metadataLength = writer.frameBytes - head.length;
  writer.patchUint32(head.length, metadataLength - 4);
  writer.reserve(4);
  writer.offset += 4;
  return metadataLength;
}

/** Opens a frame and writes its head. Returns where the head ends; `room` more bytes are free there. */
function openHead(writer: FrameWriter, head: Uint8Array, room: number, sequenceHigh: number, sequenceLow: number): number {
  writer.open();
  writer.reserve(head.length + room);
  const { bytes, offset } = writer;
  bytes.set(head, offset);
  putUint32(bytes, offset + 4, sequenceHigh);
  putUint32(bytes, offset + 8, sequenceLow);
  return offset + head.length;
}

/** Closes the open frame: everything behind the head and its `metadataLength` bytes of metadata is the payload. Returns the frame's length. */
export function closeFrame(writer: FrameWriter, headLength: number, metadataLength: number): number {
  const whole = writer.frameBytes;
  const payloadAt = headLength + metadataLength;
  writer.patchUint32(12, whole - headerBytes);
  writer.patchUint32(payloadAt, whole - payloadAt - 4);
  writer.close();
  return whole;
}

/** The bits of a compressor in the third byte of a frame. */
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
  const metadataLength = openFrameWith(writer, head, frame.metadata ?? {}, frame.sequenceHigh, frame.sequenceLow);
  try {
    frame.payload(writer);
  } catch (error) {
    writer.rollback();
    throw error;
  }
  return closeFrame(writer, head.length, metadataLength);
}
