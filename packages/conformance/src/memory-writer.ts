import type { ByteWriter } from '@rpcxjs/core';
import { utf8Bytes } from '@rpcxjs/core';

/** A writer for one payload. Made `hostile` it gives exactly the room that was asked for, in new memory each time, with rubbish in it. */
export class MemoryWriter implements ByteWriter {
  bytes: Uint8Array;
  view: DataView;
  offset: number;
  readonly #hostile: boolean;
  readonly #start: number;

  constructor(hostile = false) {
    this.#hostile = hostile;
    // A payload stands behind its header, never at 0.
    this.#start = hostile ? 7 : 0;
    this.offset = this.#start;
    this.bytes = new Uint8Array(hostile ? this.#start : 256).fill(0xee);
    this.view = new DataView(this.bytes.buffer);
  }

  reserve(count: number): void {
    const needed = this.offset + count;
    if (!this.#hostile && needed <= this.bytes.length) return;
    const grown = new Uint8Array(this.#hostile ? needed : Math.max(needed, this.bytes.length * 2)).fill(0xee);
    grown.set(this.bytes.subarray(0, this.offset));
    // Whoever kept the old memory writes into the void.
    if (this.#hostile) this.bytes.fill(0xdd);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.offset);
    this.offset += bytes.length;
  }

  appendUtf8(text: string): void {
    this.append(utf8Bytes(text));
  }

  /** A copy of what was written. */
  written(): Uint8Array {
    return this.bytes.slice(this.#start, this.offset);
  }

  /** Whether what stood before the payload is as it was. */
  get prefixIntact(): boolean {
    return this.bytes.subarray(0, this.#start).every((byte) => byte === 0xee);
  }
}
