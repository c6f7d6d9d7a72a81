import { utf8Bytes } from '@rpcxjs/core';
import type { Cursor } from './cursor.ts';
import { headWord } from './key-cache.ts';

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

/** A key in words, so that a payload's bytes can be compared with it four at a time. */
export class KeyWords {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly #head: number;
  readonly #tail: number;
  readonly #middle: Int32Array;

  constructor(text: string, bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const { length } = bytes;
    this.text = text;
    this.bytes = bytes;
    this.size = length;
    this.#head = headWord(view, 0, length);
    this.#tail = length > 4 ? view.getInt32(length - 4, true) : this.#head;
    this.#middle = Int32Array.from({ length: Math.max(0, Math.ceil((length - 8) / 4)) }, (_, index) => view.getInt32(4 + index * 4, true));
  }

  /** Whether this key stands at the cursor. */
  isAt(cursor: Cursor): boolean {
    const { size } = this;
    const { offset, view } = cursor;
    if (offset + size > cursor.end || headWord(view, offset, size) !== this.#head) return false;
    if (size <= 4) return true;
    if (view.getInt32(offset + size - 4, true) !== this.#tail) return false;
    const middle = this.#middle;
    for (let index = 0; index < middle.length; index++) if (view.getInt32(offset + 4 + index * 4, true) !== middle[index]) return false;
    return true;
  }
}
