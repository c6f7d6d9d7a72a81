import { allocate, type ByteWriter } from '@rpcxjs/core';

const arenaBytes = 64 * 1024;
const keptArenas = 16;
// Below this much room a partly used arena is not worth going on with.
const leastRoom = 4 * 1024;
/** From this size on, bytes are handed to the connection as they are instead of being copied. */
export const referenceBytes: number = 32 * 1024;

interface Arena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}
const noArena = arenaOf(new Uint8Array(0));
// Arenas are lent for one turn, so that thousands of idle connections hold none.
const spare: Arena[] = [];
// One that grew for a large text: fresh memory costs more than writing into it.
let spareLarge: Arena | undefined;
const largestKept = 4 * 1024 * 1024;
const encoder = new TextEncoder();

function arenaOf(bytes: Uint8Array): Arena {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

function takeArena(count: number): Arena {
  if (count <= arenaBytes) return spare.pop() ?? arenaOf(allocate(arenaBytes));
  const large = spareLarge;
  if (large === undefined || large.bytes.length < count) return arenaOf(allocate(count));
  spareLarge = undefined;
  return large;
}

function putBack(arena: Arena): void {
  const { length } = arena.bytes;
  if (length === arenaBytes) {
    if (spare.length < keptArenas) spare.push(arena);
  } else if (length > arenaBytes && length <= largestKept && length > (spareLarge?.bytes.length ?? 0)) spareLarge = arena;
}

/**
 * Where frames are written before they leave: one growing arena, and references to large payloads in between. What was written since the
 * last `release` is `chunks()`. A frame is opened, filled and closed without a gap; `rollback` takes an unfinished one out again.
 */
export class FrameWriter implements ByteWriter {
  bytes: Uint8Array = noArena.bytes;
  view: DataView = noArena.view;
  offset = 0;
  /** True between `open` and `close` or `rollback`. */
  isOpen = false;
  #arena: Arena = noArena;
  #start = 0;
  #sealed: Uint8Array[] = [];
  #sealedBytes = 0;
  /** Full arenas that `#sealed` refers to. */
  #full: Arena[] = [];

  #frameArena: Arena = noArena;
  #frameOffset = 0;
  #frameStart = 0;
  #frameSealed = 0;
  #frameSealedBytes = 0;

  /** Bytes written and not yet released. */
  get pendingBytes(): number {
    return this.#sealedBytes + this.offset - this.#start;
  }

  reserve(count: number): void {
    if (this.offset + count > this.bytes.length) this.#grow(count);
  }

  append(bytes: Uint8Array): void {
    const count = bytes.length;
    if (count >= referenceBytes) {
      this.#seal();
      this.#sealed.push(bytes);
      this.#sealedBytes += count;
      return;
    }
    if (this.offset + count > this.bytes.length) this.#grow(count);
    this.bytes.set(bytes, this.offset);
    this.offset += count;
  }

  appendUtf8(text: string): void {
    const units = text.length;
    // Three bytes a unit is the worst case; of a long text it is worth knowing more.
    if (this.offset + units * 3 > this.bytes.length) this.reserve(units < 1024 ? units * 3 : utf8Length(text));
    if (units < 32) {
      const { bytes } = this;
      let at = this.offset;
      let index = 0;
      for (; index < units; index++) {
        const unit = text.charCodeAt(index);
        if (unit > 0x7f) break;
        bytes[at++] = unit;
      }
      if (index === units) {
        this.offset = at;
        return;
      }
    }
    this.offset += writeUtf8(this.bytes, text, this.offset);
  }

  /** Begins a frame here. */
  open(): void {
    // Another arena costs nothing; growing this one would copy the frames that are waiting in it.
    if (this.bytes.length - this.offset < leastRoom) this.#turnPage();
    this.isOpen = true;
    this.#frameArena = this.#arena;
    this.#frameOffset = this.offset;
    this.#frameStart = this.#start;
    this.#frameSealed = this.#sealed.length;
    this.#frameSealedBytes = this.#sealedBytes;
  }

  /** Bytes since `open`. */
  get frameBytes(): number {
    return this.#sealedBytes - this.#frameSealedBytes + (this.offset - this.#start) - (this.#frameOffset - this.#frameStart);
  }

  /** Writes into what the open frame began with; `at` counts from its first byte and lies before anything appended by reference. */
  patchUint32(at: number, value: number): void {
    const { bytes } = this.#frameArena;
    const index = this.#frameOffset + at;
    bytes[index] = value >>> 24;
    bytes[index + 1] = value >>> 16;
    bytes[index + 2] = value >>> 8;
    bytes[index + 3] = value;
  }

  patchByte(at: number, value: number): void {
    this.#frameArena.bytes[this.#frameOffset + at] = value;
  }

  close(): void {
    this.isOpen = false;
    this.#frameArena = noArena;
  }

  /** Forgets everything since `open`. */
  rollback(): void {
    this.offset = this.#frameOffset;
    this.#start = this.#frameStart;
    this.#sealed.length = this.#frameSealed;
    this.#sealedBytes = this.#frameSealedBytes;
    this.close();
  }

  /** What is to be sent, in order. Valid until `release` or the next write. */
  chunks(): readonly Uint8Array[] {
    this.#seal();
    return this.#sealed;
  }

  /** After sending. `reusable`: nobody reads the bytes any more; otherwise they are left alone and writing goes on behind them. */
  release(reusable: boolean): void {
    if (this.#sealed.length > 0) this.#sealed = [];
    this.#sealedBytes = 0;
    if (reusable) {
      for (const arena of this.#full) putBack(arena);
      putBack(this.#arena);
      this.#use(noArena, 0);
    } else if (this.bytes.length - this.offset < leastRoom || this.bytes.length > arenaBytes) this.#use(noArena, 0);
    else this.#start = this.offset;
    if (this.#full.length > 0) this.#full = [];
  }

  #turnPage(): void {
    this.#seal();
    if (this.#arena !== noArena) this.#full.push(this.#arena);
    this.#take(arenaBytes);
  }

  #seal(): void {
    if (this.offset === this.#start) return;
    this.#sealed.push(this.bytes.subarray(this.#start, this.offset));
    this.#sealedBytes += this.offset - this.#start;
    this.#start = this.offset;
  }

  #use(arena: Arena, offset: number): void {
    this.#arena = arena;
    this.bytes = arena.bytes;
    this.view = arena.view;
    this.offset = offset;
    this.#start = offset;
  }

  #take(count: number): void {
    this.#use(takeArena(count), 0);
  }

  #grow(count: number): void {
    const before = this.#arena;
    const start = this.#start;
    const { offset } = this;
    const needed = offset + count;
    if (needed <= arenaBytes) this.#take(arenaBytes);
    else this.#take(Math.max(needed, before.bytes.length * 2));
    // `rollback` may go back to where the frame began, also behind what was sealed meanwhile; nothing before that is needed.
    const from = this.isOpen ? this.#frameStart : start;
    this.bytes.set(before.bytes.subarray(from, offset), from);
    this.offset = offset;
    this.#start = start;
    // Until something was sealed the frame's beginning moves along; afterwards it is on its way out where it stands.
    if (this.#frameArena === before && this.#sealed.length === this.#frameSealed) this.#frameArena = this.#arena;
  }
}

interface NodeBytes extends Uint8Array {
  utf8Write?(text: string, offset: number, length: number): number;
}
interface BufferHost {
  readonly Buffer?: { readonly prototype: NodeBytes; byteLength(text: string): number };
}
// Node's own writer works on any Uint8Array and needs no view; elsewhere TextEncoder does.
const buffers = (globalThis as BufferHost).Buffer;
const utf8Write = buffers?.prototype.utf8Write;

function utf8Length(text: string): number {
  return buffers === undefined ? text.length * 3 : buffers.byteLength(text);
}

function writeUtf8(bytes: Uint8Array, text: string, offset: number): number {
  if (utf8Write !== undefined) return utf8Write.call(bytes, text, offset, bytes.length - offset);
  return encoder.encodeInto(text, bytes.subarray(offset)).written;
}

/** A writer of its own, for codecs in tests and for values that are encoded apart from any frame. */
export function createByteWriter(): ByteWriter & { finish(): Uint8Array } {
  const writer = new FrameWriter();
  return Object.assign(writer, {
    finish(): Uint8Array {
      const chunks = writer.chunks();
      const whole = allocate(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
      let at = 0;
      for (const chunk of chunks) {
        whole.set(chunk, at);
        at += chunk.length;
      }
      writer.release(true);
      return whole;
    },
  });
}
