// The bytes of one raw rpcx call and its reply, and the batched writing of them: what is left when all of RPC is taken away.
import { head } from './bare-frame.mjs';

/** A whole frame as rpcx writes it, codec 0 (raw bytes): a call says how long it may take, as those of every client with a deadline do; a reply has no metadata. */
export function frame(payloadLength, isReply) {
  const first = head(isReply ? { reply: true } : { reply: false, timeoutMs: 10_000 });
  const bytes = Buffer.alloc(first.length + 4 + payloadLength, 0x5a);
  bytes.set(first);
  bytes.writeUInt32BE(bytes.length - 16, 12);
  bytes.writeUInt32BE(payloadLength, first.length);
  return bytes;
}

/** Appends frames to one buffer a turn; written by a microtask, or at once above `flushBytes`. */
export class BatchedWriter {
  #socket;
  #flushBytes;
  #buffer;
  #offset = 0;
  #scheduled = false;
  #large = [];
  #flush = () => {
    this.#scheduled = false;
    this.#write();
  };

  constructor(socket, flushBytes, frameBytes) {
    this.#socket = socket;
    this.#flushBytes = flushBytes;
    this.#buffer = Buffer.allocUnsafeSlow(flushBytes + Math.min(frameBytes, flushBytes));
  }

  append(bytes, sequence) {
    if (bytes.length >= this.#flushBytes) {
      this.#writeLarge(bytes, sequence);
      return;
    }
    const buffer = this.#buffer;
    const offset = this.#offset;
    buffer.set(bytes, offset);
    buffer[offset + 8] = sequence >>> 24;
    buffer[offset + 9] = sequence >>> 16;
    buffer[offset + 10] = sequence >>> 8;
    buffer[offset + 11] = sequence;
    this.#offset = offset + bytes.length;
    if (this.#offset >= this.#flushBytes) this.#write();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(this.#flush);
    }
  }

  /** Large frames are not copied: each sequence number keeps a frame of its own, written as it is. */
  #writeLarge(bytes, sequence) {
    let own = this.#large[sequence];
    if (own === undefined) {
      own = Buffer.from(bytes);
      own.writeUInt32BE(sequence, 8);
      this.#large[sequence] = own;
    }
    this.#socket.write(own);
  }

  #write() {
    if (this.#offset === 0) return;
    this.#socket.write(this.#buffer.subarray(0, this.#offset));
    // Written at once: the system has its copy and the buffer may be filled again.
    if (this.#socket.writableLength > 0) this.#buffer = Buffer.allocUnsafeSlow(this.#buffer.length);
    this.#offset = 0;
  }
}

/** Calls back with the sequence number of each whole frame, all of them `frameBytes` long. */
export function frameCounter(frameBytes, onFrame) {
  let held = 0;
  const header = Buffer.alloc(16);
  return (chunk, length) => {
    let offset = -held;
    // A frame that began in the last chunk: its first bytes are in `header`.
    if (held > 0) {
      for (let at = held; at < 16 && at - held < length; at++) header[at] = chunk[at - held];
      if (held + length < frameBytes) {
        held += length;
        return;
      }
      onFrame(header.readUInt32BE(8));
      offset += frameBytes;
    }
    for (; offset + frameBytes <= length; offset += frameBytes) {
      onFrame(((chunk[offset + 8] << 24) | (chunk[offset + 9] << 16) | (chunk[offset + 10] << 8) | chunk[offset + 11]) >>> 0);
    }
    held = length - offset;
    for (let at = 0; at < 16 && at < held; at++) header[at] = chunk[offset + at];
  };
}
