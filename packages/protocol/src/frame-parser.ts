import { allocate, copyBytes, RpcError } from '@rpcxjs/core';
import type { BudgetHolder, ByteBudget } from './byte-budget.ts';
import { headerBytes, magic } from './constants.ts';
import { FrameView, guessProtocol } from './frame-view.ts';
import type { FrameLimits } from './limits.ts';
import { getUint32 } from './metadata.ts';

// A frame that is still arriving gets at most this much memory before its bytes are there: lengths are claims.
const firstAllocation = 1024 * 1024;
const nothing: Uint8Array = new Uint8Array(0);

export interface FrameParserOptions {
  readonly limits: FrameLimits;
  readonly budget?: ByteBudget | undefined;
  /** Told when the budget takes this parser's unfinished frame away; the connection is of no use then. */
  evicted?(): void;
}

/**
 * Turns chunks of any size into frames. `push` calls back once for each whole frame, with the one view that it refills; a frame within one
 * chunk is not copied, one that spans chunks is put together in a buffer of its own. Throws `RpcError` BAD_FRAME or FRAME_TOO_LARGE for
 * bytes that no rpcx peer sends; nothing can be read after that.
 */
export class FrameParser implements BudgetHolder {
  readonly view: FrameView = new FrameView();
  readonly #options: FrameParserOptions;
  readonly #onFrame: (frame: FrameView) => void;
  #partial: Uint8Array = nothing;
  #filled = 0;
  /** Length of the frame being put together, 0 as long as its header is incomplete. */
  #whole = 0;
  #rest: Uint8Array = nothing;
  #paused = false;
  #pushing = false;

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
    this.#paused = false;
    if (this.#rest.length === 0 || this.#pushing) return;
    const rest = this.#rest;
    this.#rest = nothing;
    this.push(rest);
  }

  push(bytes: Uint8Array): void {
    // Views of Node's subclass cost twice as much, and every payload may need one.
    const chunk = bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.#paused) {
      this.#keep(chunk, 0);
      return;
    }
    this.#pushing = true;
    try {
      let at = 0;
      do {
        at = this.#filled > 0 ? this.#continue(chunk, at) : this.#scan(chunk, at);
      } while (at < chunk.length && !this.#paused);
      if (at < chunk.length) this.#keep(chunk, at);
    } finally {
      this.#pushing = false;
    }
  }

  /** Frees what an unfinished frame holds. */
  clear(): void {
    this.#options.budget?.release(this);
    this.#partial = this.#rest = nothing;
    this.#filled = this.#whole = 0;
  }

  evict(): void {
    this.clear();
    this.#options.evicted?.();
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
    this.#options.budget?.take(this, room);
    this.#fill(chunk, at, chunk.length);
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
    if (to - from < wanted) return to;
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
    this.#options.budget?.take(this, larger.length - this.#partial.length);
    larger.set(this.#partial.subarray(0, this.#filled));
    this.#partial = larger;
  }

  #finish(): void {
    const { view } = this;
    const bytes = this.#partial;
    const whole = this.#whole;
    this.#options.budget?.release(this);
    this.#partial = nothing;
    this.#filled = this.#whole = 0;
    view.readHeader(bytes, 0);
    view.owned = true;
    const wrong = view.readBody(bytes, 0, whole, this.#options.limits);
    if (wrong !== undefined) throw badFrame(wrong);
    this.#onFrame(view);
  }

  #keep(chunk: Uint8Array, at: number): void {
    const rest = chunk.subarray(at);
    if (this.#rest.length === 0) this.#rest = copyBytes(rest);
    else {
      const both = allocate(this.#rest.length + rest.length);
      both.set(this.#rest);
      both.set(rest, this.#rest.length);
      this.#rest = both;
    }
  }
}

function badFrame(wrong: string): RpcError {
  return new RpcError('data_loss', `a frame contradicts itself: ${wrong}; the other side must be an rpcx peer`, { reason: 'BAD_FRAME' });
}
function wrongMagic(first: number): RpcError {
  return new RpcError('data_loss', `the other side does not speak rpcx: ${guessProtocol(first)}`, { reason: 'BAD_FRAME' });
}
