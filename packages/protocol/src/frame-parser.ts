import { allocate, RpcError } from '@rpcxjs/core';
import { badFrame, notRpcx } from './bad-frame.ts';
import type { BudgetHolder, ByteBudget } from './byte-budget.ts';
import { headerBytes, magic } from './constants.ts';
import { FrameView } from './frame-view.ts';
import type { FrameLimits } from './limits.ts';
import { getUint32 } from './metadata.ts';

// A frame that is still arriving gets at most this much memory before its bytes are there: lengths are claims. A payload of one mebibyte
// and its head fit.
const firstAllocation = 1024 * 1024 + 4096;
const nothing: Uint8Array = allocate(0);

export interface FrameParserOptions {
  readonly limits: FrameLimits;
  readonly budget?: ByteBudget | undefined;
  /** Told when the budget takes away what this parser keeps; nothing more is delivered, and the connection is of no use. */
  evicted?(): void;
}

/**
 * Turns chunks of any size into frames. `push` calls back once for each whole frame, with the one view that it refills; a frame within one
 * chunk is not copied, one that spans chunks is put together in a buffer of its own. Throws `RpcError` BAD_FRAME or FRAME_TOO_LARGE for
 * bytes that no rpcx peer sends; whatever comes after that is dropped.
 */
export class FrameParser implements BudgetHolder {
  readonly view: FrameView = new FrameView();
  readonly #options: FrameParserOptions;
  readonly #onFrame: (frame: FrameView) => void;
  #partial: Uint8Array = nothing;
  #filled = 0;
  /** Length of the frame being put together, 0 as long as its header is incomplete. */
  #whole = 0;
  /** What the budget knows of, at least `#filled`. */
  #charged = 0;
  #rest: Uint8Array = nothing;
  #kept = 0;
  #paused = false;
  #pushing = false;
  #ended = false;

  constructor(options: FrameParserOptions, onFrame: (frame: FrameView) => void) {
    this.#options = options;
    this.#onFrame = onFrame;
  }

  /** Bytes of an unfinished frame that have arrived. */
  get partialBytes(): number {
    return this.#filled;
  }
  get paused(): boolean {
    return this.#paused;
  }

  /** No frame is delivered until `resume`; what is left of the current chunk is kept. */
  pause(): void {
    this.#paused = true;
  }

  /** Goes on with what was kept. */
  resume(): void {
    if (this.#ended) return;
    this.#paused = false;
    if (this.#kept === 0 || this.#pushing) return;
    const rest = this.#rest.subarray(0, this.#kept);
    this.#rest = nothing;
    this.#kept = 0;
    this.#uncharge();
    this.#read(rest, true);
  }

  push(bytes: Uint8Array): void {
    if (this.#ended) return;
    // Views of Node's subclass cost twice as much, and every payload may need one.
    const chunk = bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.#paused) this.#keep(chunk, false);
    else this.#read(chunk, false);
  }

  /** Frees what is kept; nothing is delivered any more. */
  clear(): void {
    this.#ended = this.#paused = true;
    this.#options.budget?.release(this);
    this.#partial = this.#rest = nothing;
    this.#filled = this.#whole = this.#charged = this.#kept = 0;
  }

  evict(): void {
    this.clear();
    this.#options.evicted?.();
  }

  #read(chunk: Uint8Array, owned: boolean): void {
    this.#pushing = true;
    let at = 0;
    try {
      do {
        at = this.#filled > 0 ? this.#continue(chunk, at) : this.#scan(chunk, at);
      } while (at < chunk.length && !this.#paused);
    } catch (error) {
      this.clear();
      throw error;
    } finally {
      this.#pushing = false;
      // A view that nobody may use any more must not keep a chunk, or a whole large frame, alive.
      this.view.bytes = nothing;
    }
    if (at < chunk.length && !this.#ended) this.#keep(chunk.subarray(at), owned);
  }

  /** Whole frames within the chunk; the loop that nearly all traffic goes through. Returns where it stopped. */
  #scan(chunk: Uint8Array, from: number): number {
    const { length } = chunk;
    let at = from;
    while (at < length && !this.#paused) {
      const first = chunk[at] as number;
      if (first !== magic) throw notRpcx(first);
      if (length - at < headerBytes) return this.#begin(chunk, at, headerBytes);
      const whole = this.#readHeader(chunk, at);
      if (length - at < whole) {
        this.#whole = whole;
        return this.#begin(chunk, at, Math.min(whole, firstAllocation));
      }
      this.#deliver(chunk, at, at + whole, false);
      at += whole;
    }
    return at;
  }

  /** Returns the length of the whole frame. */
  #readHeader(bytes: Uint8Array, at: number): number {
    this.view.readHeader(bytes, at);
    const total = getUint32(bytes, at + 12);
    const { maxFrameBytes } = this.#options.limits;
    if (total > maxFrameBytes) {
      const message = `a frame claims ${total} bytes, and ${maxFrameBytes} are allowed; raise maxFrameBytes on the receiving side or send less at once`;
      throw new RpcError('resource_exhausted', message, { reason: 'FRAME_TOO_LARGE' });
    }
    return headerBytes + total;
  }

  #deliver(bytes: Uint8Array, start: number, end: number, owned: boolean): void {
    const { view } = this;
    view.owned = owned;
    const wrong = view.readBody(bytes, start, end, this.#options.limits);
    if (wrong !== undefined) throw badFrame(`a frame contradicts itself: ${wrong}; the other side must be an rpcx peer`);
    this.#onFrame(view);
  }

  #begin(chunk: Uint8Array, at: number, room: number): number {
    this.#partial = allocate(room);
    this.#fill(chunk, at, chunk.length);
    this.#charge(this.#filled);
    return chunk.length;
  }

  #fill(chunk: Uint8Array, from: number, to: number): void {
    const count = to - from;
    // A view costs more than copying a few bytes, and hostile peers send one at a time.
    if (count < 32) for (let index = 0; index < count; index++) this.#partial[this.#filled + index] = chunk[from + index] as number;
    else this.#partial.set(chunk.subarray(from, to), this.#filled);
    this.#filled += count;
  }

  #continue(chunk: Uint8Array, from: number): number {
    const wanted = (this.#whole || headerBytes) - this.#filled;
    const to = from + Math.min(wanted, chunk.length - from);
    const needed = this.#filled + to - from;
    const room = this.#partial.length;
    if (needed > room) this.#partial = enlarged(this.#partial, this.#filled, Math.min(Math.max(needed, room * 2, firstAllocation), this.#whole));
    this.#fill(chunk, from, to);
    if (to - from < wanted) {
      if (needed > this.#charged) this.#charge(Math.min(Math.max(needed, this.#charged * 2), this.#partial.length));
      return to;
    }
    if (this.#whole === 0) {
      this.#whole = this.#readHeader(this.#partial, 0);
      if (this.#whole > headerBytes) return to;
    }
    const bytes = this.#partial;
    this.#uncharge();
    this.#partial = nothing;
    this.#filled = this.#whole = 0;
    this.#deliver(bytes, 0, needed, true);
    return to;
  }

  /** The budget counts bytes that have come, not memory that was asked for: a claim must not push others out. */
  #charge(upTo: number): void {
    const more = upTo - this.#charged;
    this.#charged = upTo;
    this.#options.budget?.take(this, more);
  }

  #uncharge(): void {
    if (this.#charged > 0) this.#options.budget?.release(this);
    this.#charged = 0;
  }

  #keep(rest: Uint8Array, owned: boolean): void {
    const kept = this.#kept + rest.length;
    if (owned) this.#rest = rest;
    else {
      if (kept > this.#rest.length) this.#rest = enlarged(this.#rest, this.#kept, Math.max(kept, this.#rest.length * 2));
      this.#rest.set(rest, this.#kept);
    }
    this.#kept = kept;
    this.#charge(this.#charged + rest.length);
  }
}

/** The first `used` bytes in memory of `count`. */
function enlarged(bytes: Uint8Array, used: number, count: number): Uint8Array {
  const larger = allocate(count);
  larger.set(bytes.subarray(0, used));
  return larger;
}
