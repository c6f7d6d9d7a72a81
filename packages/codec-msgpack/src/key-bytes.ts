import { type ByteWriter, utf8Bytes } from '@rpcxjs/core';

/** A key as it stands on the wire, its header included. */
export function keyBytes(text: string): Uint8Array {
  const body = utf8Bytes(text);
  const { length } = body;
  const header = length < 32 ? [0xa0 | length] : length < 256 ? [0xd9, length] : length < 65536 ? [0xda, length >>> 8, length & 255]
    : [0xdb, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255];
  const bytes = new Uint8Array(header.length + length);
  bytes.set(header);
  bytes.set(body, header.length);
  return bytes;
}

/** A key in words, so that it is compared with a payload, or written into one, eight bytes at a time. */
export class KeyWords {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly size: number;
  // Overlapping: the words from the beginning, and the last eight (or four) bytes.
  readonly #words: Float64Array;
  readonly #tail: number;
  readonly #head32: number;
  readonly #tail32: number;
  // A NaN equals nothing and may change on its way through a number; zeros of both signs are equal.
  readonly #isPlain: boolean;

  constructor(text: string, bytes: Uint8Array) {
    const { length } = bytes;
    const room = new Uint8Array(Math.max(8, length));
    room.set(bytes);
    const view = new DataView(room.buffer);
    this.text = text;
    this.bytes = bytes;
    this.size = length;
    this.#words = Float64Array.from({ length: Math.max(1, length >>> 3) }, (_, index) => view.getFloat64(index * 8, true));
    this.#tail = length >= 8 ? view.getFloat64(length - 8, true) : 0;
    this.#head32 = view.getInt32(0, true);
    this.#tail32 = length >= 4 ? view.getInt32(length - 4, true) : 0;
    this.#isPlain = [...this.#words, ...(length >= 8 ? [this.#tail] : [])].every((word) => word !== 0 && !Number.isNaN(word));
  }

  /** Whether this key stands at `at`, where `end - at` bytes are. */
  isAt(view: DataView, at: number, end: number): boolean {
    const { size } = this;
    if (at + size > end) return false;
    if (size < 4 || !this.#isPlain) return this.#isAtByBytes(view, at);
    if (size < 8) return view.getInt32(at, true) === this.#head32 && view.getInt32(at + size - 4, true) === this.#tail32;
    const words = this.#words;
    if (view.getFloat64(at, true) !== words[0] || view.getFloat64(at + size - 8, true) !== this.#tail) return false;
    for (let index = 1; index < words.length; index++) if (view.getFloat64(at + index * 8, true) !== words[index]) return false;
    return true;
  }

  #isAtByBytes(view: DataView, at: number): boolean {
    const { bytes } = this;
    for (let index = 0; index < bytes.length; index++) if (view.getUint8(at + index) !== bytes[index]) return false;
    return true;
  }

  /** Writes the key. */
  write(writer: ByteWriter): void {
    const { size } = this;
    writer.reserve(size + 8);
    const { view, offset } = writer;
    writer.offset = offset + size;
    if (!this.#isPlain) {
      writer.bytes.set(this.bytes, offset);
      return;
    }
    // Below eight bytes one word still does: what it writes too much is written over.
    const words = this.#words;
    view.setFloat64(offset, words[0] as number, true);
    for (let index = 1; index < words.length; index++) view.setFloat64(offset + index * 8, words[index] as number, true);
    if (size > 8) view.setFloat64(offset + size - 8, this.#tail, true);
  }
}
