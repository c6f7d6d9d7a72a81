/** One rpcx frame, read or written by nothing but the layout itself: the tests' own witness of what is on the wire. */
export interface WireFrame {
  /** Byte 2: 0x80 response, 0x40 heartbeat, 0x20 one-way, 0x1c compressor, 0x03 status. */
  readonly flags: number;
  readonly serialize: number;
  readonly seq: bigint;
  readonly service: string;
  readonly method: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly payload: Buffer;
}

/** Reads whole frames; `rest` is what is left. Throws when the bytes are no rpcx frames. */
export function readFrames(bytes: Buffer): { readonly frames: readonly WireFrame[]; readonly rest: Buffer } {
  const frames: WireFrame[] = [];
  let offset = 0;
  while (bytes.length - offset >= 16) {
    if (bytes[offset] !== 8) throw new Error(`byte ${offset} is ${bytes[offset]}, not the magic number 8`);
    const end = offset + 16 + bytes.readUInt32BE(offset + 12);
    if (bytes.length < end) break;
    frames.push(readFrame(bytes.subarray(offset, end)));
    offset = end;
  }
  return { frames, rest: bytes.subarray(offset) };
}

function readFrame(bytes: Buffer): WireFrame {
  const [service = Buffer.alloc(0), method = Buffer.alloc(0), metadata = Buffer.alloc(0), payload = Buffer.alloc(0)] = readParts(bytes.subarray(16));
  const texts = readParts(metadata).map(String);
  const pairs = texts.flatMap((key, index) => (index % 2 === 0 ? [[key, texts[index + 1] ?? ''] as const] : []));
  return {
    flags: bytes.readUInt8(2), serialize: bytes.readUInt8(3) >> 4, seq: bytes.readBigUInt64BE(4),
    service: String(service), method: String(method), metadata: Object.fromEntries(pairs), payload,
  };
}

function readParts(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const end = offset + 4 + bytes.readUInt32BE(offset);
    if (end > bytes.length) throw new Error(`a part of ${end - offset - 4} bytes does not fit into ${bytes.length - offset - 4}`);
    parts.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return parts;
}

/** Writes one frame. */
export function writeFrame(frame: Partial<WireFrame>): Buffer {
  const metadata = Object.entries(frame.metadata ?? {}).flatMap(([key, value]) => [part(key), part(value)]);
  const body = Buffer.concat([part(frame.service ?? ''), part(frame.method ?? ''), part(Buffer.concat(metadata)), part(frame.payload ?? '')]);
  const header = Buffer.alloc(16);
  header.writeUInt8(8, 0);
  header.writeUInt8(frame.flags ?? 0, 2);
  header.writeUInt8((frame.serialize ?? 0) << 4, 3);
  header.writeBigUInt64BE(frame.seq ?? 0n, 4);
  header.writeUInt32BE(body.length, 12);
  return Buffer.concat([header, body]);
}

function part(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
