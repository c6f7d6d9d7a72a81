import { allocate, utf8Room, writeUtf8, type ByteWriter } from '@rpcxjs/core';
import { nothing } from './constants.ts';

const leastBytes = 1024;

/** Where a frame is written: opened, filled and closed without a gap, or taken out again. */
export interface FrameWriter extends ByteWriter {
  /** Begins a frame here. */
  open(): void;
  /** Bytes since `open`. */
  readonly frameBytes: number;
  /** Writes into what the open frame began with; `at` counts from its first byte. */
  patchUint32(at: number, value: number): void;
  close(): void;
  /** Forgets everything since `open`. */
  rollback(): void;
}

/** A writer with one buffer, which grows: for gateways, recorders and tests. A session's writer is another one, made for batches. */
export class GrowingWriter implements FrameWriter {
  bytes: Uint8Array = nothing;
  view: DataView = new DataView(nothing.buffer);
  offset = 0;
  #start = 0;

  get frameBytes(): number {
    return this.offset - this.#start;
  }

  reserve(count: number): void {
    const { bytes, offset } = this;
    if (offset + count <= bytes.length) return;
    const larger = allocate(2 * offset + count + leastBytes);
    larger.set(bytes.subarray(0, offset));
    this.bytes = larger;
    this.view = new DataView(larger.buffer, larger.byteOffset, larger.length);
  }
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.offset);
    this.offset += bytes.length;
  }
  appendUtf8(text: string): void {
    this.reserve(utf8Room(text));
    this.offset += writeUtf8(this.bytes, text, this.offset);
  }

  open(): void {
    this.#start = this.offset;
  }
  patchUint32(at: number, value: number): void {
    this.view.setUint32(this.#start + at, value);
  }
  close(): void {}
  rollback(): void {
    this.offset = this.#start;
  }

  /** A copy of everything that was written; writing begins anew. */
  finish(): Uint8Array {
    const whole = this.bytes.slice(0, this.offset);
    this.offset = 0;
    return whole;
  }
}

/** A writer of its own, for frames and for values that are encoded apart from any. */
export function createByteWriter(): GrowingWriter {
  return new GrowingWriter();
}
