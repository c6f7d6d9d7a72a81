import { createMetadata, type Metadata } from '@rpcxjs/core';
import { readMetadata, reserved, type FrameView } from '@rpcxjs/protocol';

const empty: Metadata = Object.freeze(createMetadata());
const nothing = new Uint8Array(0);
const longestKept = 256;

/** Metadata of one connection's requests. Most peers send the same block again and again: it is compared, not read. */
export class RequestMetadata {
  metadata: Metadata = empty;
  /** Milliseconds that the caller grants, undefined for no limit. */
  timeoutMs: number | undefined;
  /** When that time is over, on the clock's axis. */
  deadline: number | undefined;
  readonly #maxTimeoutMs: number;
  #last: Uint8Array = nothing;
  #lastMetadata: Metadata = empty;
  #lastTimeoutMs: number | undefined;

  constructor(maxTimeoutMs: number) {
    this.#maxTimeoutMs = maxTimeoutMs;
  }

  /** Sets all of it for this frame, which came at `now`. */
  read(frame: FrameView, now: number): void {
    const { bytes, metadataStart, metadataEnd } = frame;
    const length = metadataEnd - metadataStart;
    if (length === 0) {
      this.metadata = empty;
      this.timeoutMs = this.deadline = undefined;
      return;
    }
    if (!this.#same(bytes, metadataStart, length)) {
      const metadata = Object.freeze(readMetadata(bytes, metadataStart, metadataEnd));
      this.#lastMetadata = metadata;
      this.#lastTimeoutMs = this.#timeout(metadata[reserved.timeout]);
      this.#last = length > longestKept ? nothing : new Uint8Array(bytes.subarray(metadataStart, metadataEnd));
    }
    this.metadata = this.#lastMetadata;
    const timeoutMs = (this.timeoutMs = this.#lastTimeoutMs);
    this.deadline = timeoutMs === undefined ? undefined : now + timeoutMs;
  }

  /** The request has all it needs: what is too long to be kept goes, so that an idle connection does not hold it. */
  handled(): void {
    if (this.#last.length === 0) this.metadata = this.#lastMetadata = empty;
  }

  #same(bytes: Uint8Array, start: number, length: number): boolean {
    const last = this.#last;
    if (last.length !== length) return false;
    for (let index = 0; index < length; index++) if (bytes[start + index] !== last[index]) return false;
    return true;
  }

  /** A timeout that is no whole number is ignored, as in Go (rpcx server/server_conn.go, parseServerTimeout). */
  #timeout(text: string | undefined): number | undefined {
    return text === undefined || !isDecimal(text) ? undefined : Math.min(Number(text), this.#maxTimeoutMs);
  }
}

/** True for digits with an optional sign; `Number` would also take blanks, `1e3` and `0x10`. No regular expression, because a peer chooses the text. */
function isDecimal(text: string): boolean {
  const first = text.charCodeAt(0);
  const from = first === 0x2d || first === 0x2b ? 1 : 0;
  for (let index = from; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x30 || unit > 0x39) return false;
  }
  return text.length > from;
}
