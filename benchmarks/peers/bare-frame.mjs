// What the least possible RPC needs of rpcx's frames: putting one behind the other into a buffer that leaves in pieces, and finding them again.
const settled = Promise.resolve();

/** Everything of a frame that is the same for each call, from the header to the metadata: only `__ServerTimeout`, or none. */
export function head({ reply, timeoutMs }) {
  const texts = ['Hello', 'Echo'].map(text);
  const pairs = timeoutMs === undefined ? Buffer.alloc(0) : Buffer.concat(['__ServerTimeout', String(timeoutMs)].map(text));
  const header = Buffer.from([0x08, 0, reply ? 0x80 : 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  return new Uint8Array(Buffer.concat([header, ...texts, uint32(pairs.length), pairs]));
}

function text(value) {
  return Buffer.concat([uint32(Buffer.byteLength(value)), Buffer.from(value)]);
}
function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function put(bytes, at, value) {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
function get(bytes, at) {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** Frames leave at the end of the turn, or as soon as there are `flushBytes`. Small ones only. */
export class BareWriter {
  #socket;
  #flushBytes;
  #bytes = new Uint8Array(128 * 1024);
  #offset = 0;
  #scheduled = false;
  #flush = () => {
    this.#scheduled = false;
    this.#write();
  };

  constructor(socket, flushBytes) {
    this.#socket = socket;
    this.#flushBytes = flushBytes;
  }

  append(head, sequence, payload) {
    const bytes = this.#bytes;
    const start = this.#offset;
    const at = start + head.length;
    bytes.set(head, start);
    put(bytes, start + 8, sequence);
    put(bytes, at, payload.length);
    bytes.set(payload, at + 4);
    const end = at + 4 + payload.length;
    put(bytes, start + 12, end - start - 16);
    this.#offset = end;
    if (end >= this.#flushBytes) this.#write();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      void settled.then(this.#flush);
    }
  }

  #write() {
    if (this.#offset === 0) return;
    this.#socket.write(this.#bytes.subarray(0, this.#offset));
    if (this.#socket.writableLength > 0) this.#bytes = new Uint8Array(this.#bytes.length);
    this.#offset = 0;
  }
}

/** The `onread` option of a socket: `onFrame(sequence, payload)` for each whole frame. */
export function reading(onFrame) {
  let held = new Uint8Array(0);
  return {
    buffer: Buffer.allocUnsafeSlow(256 * 1024),
    callback(length, buffer) {
      let bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, length);
      if (held.length > 0) bytes = new Uint8Array(Buffer.concat([held, bytes]));
      let at = 0;
      while (bytes.length - at >= 16) {
        const end = at + 16 + get(bytes, at + 12);
        if (end > bytes.length) break;
        let part = at + 16;
        for (let skipped = 0; skipped < 3; skipped++) part += 4 + get(bytes, part);
        onFrame(get(bytes, at + 8), bytes.slice(part + 4, end));
        at = end;
      }
      held = bytes.slice(at);
      return true;
    },
  };
}
