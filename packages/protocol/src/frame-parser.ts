import { allocate, RpcError } from '@rpcxjs/core';
import { badFrame, notRpcx } from './bad-frame.ts';
import { headerBytes, magic, nothing } from './constants.ts';
import { FrameView } from './frame-view.ts';
import type { FrameLimits } from './limits.ts';
import { getUint32 } from './metadata.ts';

// Lengths are claims: a frame that is still arriving gets memory for so many times what has come of it. Of a payload of one mebibyte the first
// chunk, of 64 KiB, is enough for all of it and its head.
const ahead = 17;

/**
 * Turns chunks of any size into frames. `push` calls back once for each whole frame, with the one view that it refills; a frame within one
 * chunk is not copied, one that spans chunks is put together in a buffer of its own. Throws `RpcError` BAD_FRAME or FRAME_TOO_LARGE for
 * bytes that no rpcx peer sends; whatever comes after that is dropped.
 */
export class FrameParser {
  readonly view: FrameView = new FrameView();
  readonly #limits: FrameLimits;
  readonly #onFrame: (frame: FrameView) => void;
  #partial: Uint8Array = nothing;
  #filled = 0;
  /** Length of the frame being put together, 0 as long as its header is incomplete. */
  #whole = 0;
  #stopped = false;
  #ended = false;

  constructor(limits: FrameLimits, onFrame: (frame: FrameView) => void) {
    this.#limits = limits;
    this.#onFrame = onFrame;
  }

  /** Bytes of an unfinished frame that have arrived. */
  get partialBytes(): number {
    return this.#filled;
  }

  /** Reads `bytes` from `from` on. Returns where it stopped: at their end, or behind the frame whose callback said `stop`. */
  push(bytes: Uint8Array, from = 0): number {
    const { length } = bytes;
    if (this.#ended) return length;
    // Views of Node's subclass cost twice as much, and every payload may need one.
    const chunk = bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, length);
    let at = from;
    this.#stopped = false;
    try {
      for (;;) {
        if (this.#filled === 0) at = this.#scan(chunk, at);
        if (at === length || this.#stopped) break;
        at = this.#gather(chunk, at);
      }
    } catch (error) {
      this.clear();
      throw error;
    } finally {
      // A view that nobody may use any more must not keep a chunk, or a whole large frame, alive.
      this.view.bytes = nothing;
    }
    return at;
  }

  /** Within the callback: this frame is the last that the running `push` delivers. */
  stop(): void {
    this.#stopped = true;
  }

  /** Frees what is kept; nothing is delivered any more. */
  clear(): void {
    this.#ended = this.#stopped = true;
    this.#partial = nothing;
    this.#filled = 0;
  }

  /** Whole frames within the chunk; the loop that nearly all traffic goes through. Returns where it stopped, in front of one that is not whole perhaps. */
  #scan(chunk: Uint8Array, from: number): number {
    const { length } = chunk;
    let at = from;
    while (at < length && !this.#stopped) {
      const first = chunk[at] as number;
      if (first !== magic) throw notRpcx(first);
      if (length - at < headerBytes) break;
      const whole = this.#readHeader(chunk, at);
      if (length - at < whole) {
        this.#whole = whole;
        break;
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
    const { maxFrameBytes } = this.#limits;
    if (total > maxFrameBytes) {
      const message = `a frame claims ${total} bytes, and ${maxFrameBytes} are allowed; raise maxFrameBytes on the receiving side or send less at once`;
      throw new RpcError('resource_exhausted', message, { reason: 'FRAME_TOO_LARGE' });
    }
    return headerBytes + total;
  }

  #deliver(bytes: Uint8Array, start: number, end: number, owned: boolean): void {
    const { view } = this;
    view.owned = owned;
    const wrong = view.readBody(bytes, start, end, this.#limits);
    if (wrong !== undefined) throw badFrame(`a frame contradicts itself: ${wrong}; the other side must be an rpcx peer`);
    this.#onFrame(view);
  }

  /** Puts a frame together that spans chunks, its header first. Returns where it stopped. */
  #gather(chunk: Uint8Array, from: number): number {
    const whole = this.#whole || headerBytes;
    const had = this.#filled;
    const to = Math.min(from + whole - had, chunk.length);
    const filled = had + to - from;
    let partial = this.#partial;
    if (filled > partial.length) {
      partial = allocate(Math.min(filled * ahead, whole));
      if (had > 0) partial.set(this.#partial.subarray(0, had));
    }
    // A view costs more than copying a few bytes, and hostile peers send one at a time.
    if (to - from < 32) for (let at = from; at < to; at++) partial[had - from + at] = chunk[at] as number;
    else partial.set(chunk.subarray(from, to), had);
    this.#partial = partial;
    this.#filled = filled;
    if (filled < whole) return to;
    if (this.#whole === 0) {
      this.#whole = this.#readHeader(partial, 0);
      if (this.#whole > headerBytes) return to;
    }
    this.#partial = nothing;
    this.#filled = this.#whole = 0;
    this.#deliver(partial, 0, filled, true);
    return to;
  }
}
