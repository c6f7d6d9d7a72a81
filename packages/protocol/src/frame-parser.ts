import { allocate, RpcError } from '@rpcxjs/core';
import type { BudgetHolder, ByteBudget } from './byte-budget.ts';
import { headerBytes, magic } from './constants.ts';
import { FrameView, guessProtocol } from './frame-view.ts';
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
    if (this.#paused) this.#keep(chunk, 0);
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
    let broken = true;
    try {
      do {
        at = this.#filled > 0 ? this.#continue(chunk, at) : this.#scan(chunk, at);
      } while (at < chunk.length && !this.#paused);
      broken = false;
    } finally {
      this.#pushing = false;
      // A view that nobody may use any more must not keep a chunk, or a whole large frame, alive.
      this.view.bytes = nothing;
      if (broken) this.clear();
    }
    if (at === chunk.length || this.#ended) return;
    if (owned) this.#own(chunk.subarray(at));
    else this.#keep(chunk, at);
  }

  /** Whole frames within the chunk; the loop that nearly all traffic goes through. Returns where it stopped. */
  #scan(chunk: Uint8Array, from: number): number {
    const { view } = this;
    const { length } = chunk;
    let at = from;
    while (at < length && !this.#paused) {
      if (chunk[at] !== magic) throw wrongMagic(chunk[at] as number);
      if (length - at < headerBytes) return this.#begin(chunk, at, headerBytes);
      view.readHeader(chunk, at);
      const whole = headerBytes + this.#checkedTotal(chunk, at);
      if (length - at < whole) {
        this.#whole = whole;
        return this.#begin(chunk, at, Math.min(whole, firstAllocation));
      }
      const end = at + whole;
      view.owned = false;
      const wrong = view.readBody(chunk, at, end, this.#options.limits);
      if (wrong !== undefined) throw badFrame(wrong);
      this.#onFrame(view);
      at = end;
    }
    return at;
  }

  #checkedTotal(bytes: Uint8Array, at: number): number {
    const total = getUint32(bytes, at + 12);
    const { maxFrameBytes } = this.#options.limits;
    if (total > maxFrameBytes) {
      const message = `a frame claims ${total} bytes, and ${maxFrameBytes} are allowed; raise maxFrameBytes on the receiving side or send less at once`;
      throw new RpcError('resource_exhausted', message, { reason: 'FRAME_TOO_LARGE' });
    }
    return total;
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
    else this.#partial.set(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to), this.#filled);
    this.#filled += count;
  }

  #continue(chunk: Uint8Array, from: number): number {
    const wanted = (this.#whole === 0 ? headerBytes : this.#whole) - this.#filled;
    const to = from + Math.min(wanted, chunk.length - from);
    if (this.#filled + to - from > this.#partial.length) this.#enlarge(this.#filled + to - from);
    this.#fill(chunk, from, to);
    if (to - from < wanted) {
      if (this.#filled > this.#charged) this.#charge(Math.min(Math.max(this.#filled, this.#charged * 2), this.#partial.length));
      return to;
    }
    if (this.#whole === 0) {
      this.view.readHeader(this.#partial, 0);
      this.#whole = headerBytes + this.#checkedTotal(this.#partial, 0);
      if (this.#whole > headerBytes) return to;
    }
    this.#finish();
    return to;
  }

  #enlarge(needed: number): void {
    const larger = allocate(Math.min(Math.max(needed, Math.min(this.#partial.length * 2, this.#whole), Math.min(this.#whole, firstAllocation)), this.#whole));
    larger.set(this.#partial.subarray(0, this.#filled));
    this.#partial = larger;
  }

  #finish(): void {
    const { view } = this;
    const bytes = this.#partial;
    const whole = this.#whole;
    this.#uncharge();
    this.#partial = nothing;
    this.#filled = this.#whole = 0;
    view.readHeader(bytes, 0);
    view.owned = true;
    const wrong = view.readBody(bytes, 0, whole, this.#options.limits);
    if (wrong !== undefined) throw badFrame(wrong);
    this.#onFrame(view);
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

  #keep(chunk: Uint8Array, at: number): void {
    const count = chunk.length - at;
    const kept = this.#kept + count;
    if (kept > this.#rest.length) {
      const larger = allocate(this.#kept === 0 ? count : Math.max(kept, this.#rest.length * 2));
      larger.set(this.#rest.subarray(0, this.#kept));
      this.#rest = larger;
    }
    this.#rest.set(chunk.subarray(at), this.#kept);
    this.#kept = kept;
    this.#charge(this.#charged + count);
  }

  #own(rest: Uint8Array): void {
    this.#rest = rest;
    this.#kept = rest.length;
    this.#charge(this.#charged + rest.length);
  }
}

function badFrame(wrong: string): RpcError {
  return new RpcError('data_loss', `a frame contradicts itself: ${wrong}; the other side must be an rpcx peer`, { reason: 'BAD_FRAME' });
}
function wrongMagic(first: number): RpcError {
  return new RpcError('data_loss', `the other side does not speak rpcx: ${guessProtocol(first)}`, { reason: 'BAD_FRAME' });
}
