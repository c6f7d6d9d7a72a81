import { readText } from './read-text.ts';
import { refuseBytes } from './refusal.ts';
import { endGroupWire, fixed32Wire, fixed64Wire, lengthWire, startGroupWire, varintWire } from './scalar.ts';

/** Messages and groups inside each other, the outermost included; also what an unknown group may nest. */
export const deepest = 128;

const scratch = new DataView(new ArrayBuffer(8));

/** Where a message is being read: `bytes[pos, end)` are those of the innermost message. Every read is checked against `end`. */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  pos: number;
  end: number;
  /** A required field was missing somewhere; a later part of the same message may still bring it. */
  incomplete = false;
  /** Whether fields that the descriptor does not have are kept in the message or passed over. */
  keepsUnknown = true;
  /** The outermost message, for errors. */
  readonly typeName: string;
  readonly #start: number;
  // The halves of the last 64-bit varint.
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array, start: number, end: number, typeName: string) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.pos = start;
    this.end = end;
    this.typeName = typeName;
    this.#start = start;
  }

  refuse(what: string, at: number = this.pos): never {
    refuseBytes(this.typeName, `${what} at byte ${at - this.#start}`);
  }

  refuseEnd(): never {
    this.refuse('it ends in the middle of a value');
  }

  /** Field number and wire type. */
  tag(): number {
    const start = this.pos;
    let tag = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.pos >= this.end) this.refuseEnd();
      const byte = this.bytes[this.pos++] as number; // inside [pos, end)
      tag |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (shift === 28 && byte > 0x0f) break;
        tag >>>= 0;
        if (tag < 8) this.refuse('there is a field with number 0', start);
        if ((tag & 7) > fixed32Wire) this.refuse(`wire type ${tag & 7} does not exist`, start);
        return tag;
      }
    }
    return this.refuse('a field number does not fit in 29 bits', start);
  }

  uint32(): number {
    const { bytes, pos } = this;
    if (pos < this.end) {
      const byte = bytes[pos] as number; // inside [pos, end)
      if (byte < 0x80) {
        this.pos = pos + 1;
        return byte;
      }
    }
    this.#varint();
    return this.#low >>> 0;
  }

  int32(): number {
    this.#varint();
    return this.#low;
  }

  sint32(): number {
    this.#varint();
    return (this.#low >>> 1) ^ -(this.#low & 1);
  }

  bool(): boolean {
    this.#varint();
    return (this.#low | this.#high) !== 0;
  }

  int64(): bigint {
    this.#varint();
    if (this.#high === this.#low >> 31) return BigInt(this.#low);
    scratch.setInt32(0, this.#low, true);
    scratch.setInt32(4, this.#high, true);
    return scratch.getBigInt64(0, true);
  }

  uint64(): bigint {
    this.#varint();
    if (this.#high === 0) return BigInt(this.#low >>> 0);
    scratch.setInt32(0, this.#low, true);
    scratch.setInt32(4, this.#high, true);
    return scratch.getBigUint64(0, true);
  }

  sint64(): bigint {
    this.#varint();
    const sign = -(this.#low & 1);
    scratch.setInt32(0, ((this.#low >>> 1) | (this.#high << 31)) ^ sign, true);
    scratch.setInt32(4, (this.#high >>> 1) ^ sign, true);
    return scratch.getBigInt64(0, true);
  }

  fixed32(): number {
    return this.view.getUint32(this.#take(4), true);
  }

  sfixed32(): number {
    return this.view.getInt32(this.#take(4), true);
  }

  fixed64(): bigint {
    return this.view.getBigUint64(this.#take(8), true);
  }

  sfixed64(): bigint {
    return this.view.getBigInt64(this.#take(8), true);
  }

  float(): number {
    return this.view.getFloat32(this.#take(4), true);
  }

  double(): number {
    return this.view.getFloat64(this.#take(8), true);
  }

  /** The end of the length-delimited value that begins here, whose first byte is then at `pos`. */
  lengthEnd(): number {
    const at = this.pos;
    const count = this.uint32();
    if (count > this.end - this.pos) this.refuse(`a length of ${count} runs past the end`, at);
    return this.pos + count;
  }

  text(strict: boolean): string {
    const end = this.lengthEnd();
    const start = this.pos;
    this.pos = end;
    return readText(this, start, end, strict);
  }

  /** A copy, because the buffer behind is reused. */
  blob(): Uint8Array {
    const end = this.lengthEnd();
    const start = this.pos;
    this.pos = end;
    return this.copy(start, end);
  }

  copy(start: number, end: number): Uint8Array {
    const copied = new Uint8Array(end - start);
    if (end - start < 32) for (let at = start; at < end; at++) copied[at - start] = this.bytes[at] as number; // inside the payload
    else copied.set(this.bytes.subarray(start, end));
    return copied;
  }

  /** Steps over the value behind `tag`. */
  skip(tag: number, depth: number): void {
    switch (tag & 7) {
      case varintWire: this.#varint(); break;
      case fixed64Wire: this.#take(8); break;
      case fixed32Wire: this.#take(4); break;
      case lengthWire: this.pos = this.lengthEnd(); break;
      case startGroupWire: this.#skipGroup(tag >>> 3, depth + 1); break;
      default: this.refuse('a group ends that never began');
    }
  }

  #skipGroup(number: number, depth: number): void {
    if (depth > deepest) this.refuseDepth();
    for (;;) {
      const tag = this.tag();
      if ((tag & 7) === endGroupWire) {
        if (tag >>> 3 !== number) this.refuse(`group ${number} is ended as group ${tag >>> 3}`);
        return;
      }
      this.skip(tag, depth);
    }
  }

  refuseDepth(): never {
    this.refuse(`messages nest deeper than ${deepest} levels`);
  }

  #take(count: number): number {
    const at = this.pos;
    if (count > this.end - at) this.refuseEnd();
    this.pos = at + count;
    return at;
  }

  /** Up to ten bytes into `#low` and `#high`; bits above 64 are dropped, as every runtime does. */
  #varint(): void {
    const { bytes, end } = this;
    const start = this.pos;
    let at = start;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) this.refuseEnd();
      const byte = bytes[at++] as number; // inside [pos, end)
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= bits << 31;
      if (byte < 0x80) {
        this.#low = low;
        this.#high = high;
        this.pos = at;
        return;
      }
    }
    this.refuse('a number is longer than ten bytes', start);
  }
}

// A connection reads into one buffer again and again; a larger one belongs to a single payload and is not held on to.
const keptBytes = 1024 * 1024;
const nothing = new Uint8Array(0);
let lastBytes: Uint8Array = nothing;
let lastView: DataView = new DataView(nothing.buffer);

function viewOf(bytes: Uint8Array): DataView {
  if (bytes === lastBytes) return lastView;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length <= keptBytes) {
    lastBytes = bytes;
    lastView = view;
  }
  return view;
}
