import { allocate, utf8Room, writeUtf8 } from '@rpcxjs/core';
import type { FrameWriter } from '@rpcxjs/protocol';

const arenaBytes = 64 * 1024;
const keptArenas = 16;
// For connections that wrote little in their last turn: thousands of them may write in the same turn.
const smallArenaBytes = 4 * 1024;
const keptSmallArenas = 1024;
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
const spareSmall: Arena[] = [];
// The largest arena so far, kept because fresh memory costs more than writing into it.
let spareLarge: Arena = noArena;
const largestKept = 4 * 1024 * 1024;

function arenaOf(bytes: Uint8Array): Arena {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

function takeArena(count: number): Arena {
  if (count <= smallArenaBytes) return spareSmall.pop() ?? arenaOf(allocate(smallArenaBytes));
  if (count <= arenaBytes) return spare.pop() ?? arenaOf(allocate(arenaBytes));
  const large = spareLarge;
  if (large.bytes.length < count) return arenaOf(allocate(count));
  spareLarge = noArena;
  return large;
}

function putBack(arena: Arena): void {
  const { length } = arena.bytes;
  if (length === arenaBytes) {
    if (spare.length < keptArenas) spare.push(arena);
  } else if (length === smallArenaBytes) {
    if (spareSmall.length < keptSmallArenas) spareSmall.push(arena);
  } else if (length <= largestKept && length > spareLarge.bytes.length) spareLarge = arena;
}

/**
 * What a connection writes before it leaves: one growing arena, and references to large payloads in between. What was written since the
 * last `release` is `chunks()`.
 */
export class BatchWriter implements FrameWriter {
  bytes: Uint8Array = noArena.bytes;
  view: DataView = noArena.view;
  offset = 0;
  #arena: Arena = noArena;
  #start = 0;
  #sealed: Uint8Array[] = [];
  /** Bytes written and not yet released, less `offset`. */
  #before = 0;
  /** Size of the arena that the next turn begins with. */
  #firstBytes = smallArenaBytes;
  /** Full arenas that `#sealed` refers to. */
  #full: Arena[] = [];

  #frameArena: Arena = noArena;
  #frameOffset = 0;
  #frameStart = 0;
  #frameSealed = 0;
  #frameBefore = 0;

  /** Bytes written and not yet released. */
  get pendingBytes(): number {
    return this.#before + this.offset;
  }
  /** True between `open` and `close` or `rollback`. */
  get isOpen(): boolean {
    return this.#frameArena !== noArena;
  }

  reserve(count: number): void {
    if (this.offset + count > this.bytes.length) this.#grow(count);
  }

  append(bytes: Uint8Array): void {
    const count = bytes.length;
    if (count >= referenceBytes) {
      this.#seal();
      this.#sealed.push(bytes);
      this.#before += count;
      return;
    }
    this.reserve(count);
    this.bytes.set(bytes, this.offset);
    this.offset += count;
  }

  appendUtf8(text: string): void {
    const units = text.length;
    // Three bytes a unit is the worst case; of a long text it is worth knowing more.
    if (this.offset + units * 3 > this.bytes.length) this.reserve(utf8Room(text));
    // Short ASCII is written before the other ways have begun; here and not in a function of its own, which would cost a tenth of the frame.
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
    if (this.#arena === noArena) this.#use(takeArena(this.#firstBytes));
    // Another arena costs nothing; growing this one would copy the frames that are waiting in it.
    else if (this.bytes.length - this.offset < leastRoom && this.bytes.length > smallArenaBytes) this.#turnPage();
    this.#frameArena = this.#arena;
    this.#frameOffset = this.offset;
    this.#frameStart = this.#start;
    this.#frameSealed = this.#sealed.length;
    this.#frameBefore = this.#before;
  }

  /** Bytes since `open`. */
  get frameBytes(): number {
    return this.pendingBytes - this.#frameBefore - this.#frameOffset;
  }

  /** Writes into what the open frame began with; `at` counts from its first byte and lies before anything appended by reference. */
  patchUint32(at: number, value: number): void {
    this.#frameArena.view.setUint32(this.#frameOffset + at, value);
  }

  patchByte(at: number, value: number): void {
    this.#frameArena.bytes[this.#frameOffset + at] = value;
  }

  close(): void {
    this.#frameArena = noArena;
  }

  /** Forgets everything since `open`. */
  rollback(): void {
    this.offset = this.#frameOffset;
    this.#start = this.#frameStart;
    this.#sealed.length = this.#frameSealed;
    this.#before = this.#frameBefore;
    this.close();
  }

  /** What is to be sent, in order. Valid until `release` or the next write. */
  chunks(): readonly Uint8Array[] {
    this.#seal();
    return this.#sealed;
  }

  /** To be called after sending. With `reusable` nobody reads the bytes any more; otherwise they are left alone, and writing goes on behind them. */
  release(reusable: boolean): void {
    this.#sealed = [];
    this.#firstBytes = this.#full.length > 0 || this.offset > smallArenaBytes / 2 ? arenaBytes : smallArenaBytes;
    if (reusable) {
      for (const arena of this.#full) putBack(arena);
      putBack(this.#arena);
    }
    if (this.#full.length > 0) this.#full = [];
    if (reusable || this.bytes.length - this.offset < leastRoom || this.bytes.length > arenaBytes) this.#use(noArena);
    this.#start = this.offset;
    this.#before = -this.offset;
  }

  /** Everything that was written, in bytes of its own; for values that are encoded apart from any frame. */
  finish(): Uint8Array {
    const whole = allocate(this.pendingBytes);
    let at = 0;
    for (const chunk of this.chunks()) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    this.release(true);
    return whole;
  }

  #turnPage(): void {
    this.#seal();
    this.#before = this.pendingBytes;
    this.#full.push(this.#arena);
    this.#use(takeArena(arenaBytes));
  }

  #seal(): void {
    if (this.offset === this.#start) return;
    this.#sealed.push(this.bytes.subarray(this.#start, this.offset));
    this.#start = this.offset;
  }

  #use(arena: Arena): void {
    this.#arena = arena;
    this.bytes = arena.bytes;
    this.view = arena.view;
    this.offset = this.#start = 0;
  }

  #grow(count: number): void {
    const before = this.#arena;
    const start = this.#start;
    const { bytes, offset } = this;
    this.#use(takeArena(Math.max(offset + count, bytes.length * 2)));
    // Nothing on its way out refers to it.
    if (start === 0 && this.#sealed.length === 0 && before !== noArena) putBack(before);
    // `rollback` may go back to where the frame began, even if parts of it were sealed meanwhile; nothing before that is needed.
    const from = this.isOpen ? this.#frameStart : start;
    this.bytes.set(bytes.subarray(from, offset), from);
    this.offset = offset;
    this.#start = start;
    // As long as nothing of the frame was sealed, its beginning moves to the new arena too; afterwards it stays in the old one.
    if (this.isOpen && this.#frameArena === before && this.#sealed.length === this.#frameSealed) this.#frameArena = this.#arena;
  }
}
