import { RpcError } from '@rpcxjs/core';
import { FrameView, headerBytes, magic, type FrameLimits } from '@rpcxjs/protocol';

const nothing: Uint8Array = new Uint8Array(0);

/** Turns chunks of any size into frames, with one view that is refilled. A frame that spans chunks is put together in a buffer that grows with what has arrived. */
export class FrameInbox {
  readonly #view = new FrameView();
  readonly #limits: FrameLimits;
  readonly #onFrame: (frame: FrameView) => void;
  #kept = nothing;
  #filled = 0;

  constructor(limits: FrameLimits, onFrame: (frame: FrameView) => void) {
    this.#limits = limits;
    this.#onFrame = onFrame;
  }

  /** Throws `RpcError` BAD_FRAME or FRAME_TOO_LARGE for bytes that no rpcx peer sends; nothing may be pushed after that. */
  push(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#filled > 0) {
      bytes = this.#keep(chunk);
      this.#filled = 0;
    }
    let at = 0;
    while (bytes.length - at > 0) {
      const length = this.#lengthAt(bytes, at);
      if (length > bytes.length - at) break;
      this.#deliver(bytes, at, at + length);
      at += length;
    }
    if (at === bytes.length) this.#kept = nothing;
    else if (bytes === chunk || at > 0) this.#keep(bytes.subarray(at));
    else this.#filled = bytes.length;
  }

  /** All that has come of the unfinished frame. */
  #keep(chunk: Uint8Array): Uint8Array {
    const filled = this.#filled + chunk.length;
    if (filled > this.#kept.length) {
      const larger = new Uint8Array(Math.max(filled, 2 * this.#filled));
      larger.set(this.#kept.subarray(0, this.#filled));
      this.#kept = larger;
    }
    this.#kept.set(chunk, this.#filled);
    this.#filled = filled;
    return this.#kept.subarray(0, filled);
  }

  /** Of the whole frame; more than any chunk while its header is incomplete. */
  #lengthAt(bytes: Uint8Array, at: number): number {
    const first = bytes[at] as number; // it is within
    if (first !== magic) throw new RpcError('data_loss', `the other side does not speak rpcx: a frame begins with ${magic}, not ${first}`, { reason: 'BAD_FRAME' });
    if (bytes.length - at < headerBytes) return Infinity;
    const { maxFrameBytes } = this.#limits;
    const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(12);
    if (length > maxFrameBytes) {
      throw new RpcError('resource_exhausted', `a frame claims ${length} bytes, and ${maxFrameBytes} are allowed; raise limits.maxFrameBytes`, { reason: 'FRAME_TOO_LARGE' });
    }
    return headerBytes + length;
  }

  #deliver(bytes: Uint8Array, start: number, end: number): void {
    const view = this.#view;
    view.readHeader(bytes, start);
    const wrong = view.readBody(bytes, start, end, this.#limits);
    if (wrong !== undefined) throw new RpcError('data_loss', `a frame contradicts itself: ${wrong}`, { reason: 'BAD_FRAME' });
    this.#onFrame(view);
    // A view that nobody may use any more must not keep a large chunk alive.
    view.bytes = nothing;
  }
}
