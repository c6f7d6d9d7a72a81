/** A frame as its bytes; every length may be made to lie. */
export interface FrameParts {
  readonly service?: string | Uint8Array;
  readonly method?: string | Uint8Array;
  readonly metadata?: Readonly<Record<string, string>> | readonly (readonly [string | Uint8Array, string | Uint8Array])[];
  readonly payload?: string | Uint8Array;
  readonly sequence?: bigint;
  /** The third byte. */
  readonly flags?: number;
  /** The codec's number. */
  readonly codecId?: number;
}

function bytesOf(text: string | Uint8Array | undefined): Buffer {
  return text === undefined ? Buffer.alloc(0) : Buffer.from(text as string);
}
function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export function frame(parts: FrameParts): Buffer {
  const pairs = parts.metadata === undefined ? [] : Array.isArray(parts.metadata) ? parts.metadata : Object.entries(parts.metadata);
  const metadata = Buffer.concat(pairs.flatMap(([key, value]) => [withLength(bytesOf(key)), withLength(bytesOf(value))]));
  const body = Buffer.concat([bytesOf(parts.service), bytesOf(parts.method), metadata, bytesOf(parts.payload)].map(withLength));
  const header = Buffer.alloc(16);
  header[0] = 8;
  header[2] = parts.flags ?? 0;
  header[3] = (parts.codecId ?? 1) << 4;
  header.writeBigUInt64BE(parts.sequence ?? 0n, 4);
  header.writeUInt32BE(body.length, 12);
  return Buffer.concat([header, body]);
}

export interface ReadFrame {
  readonly flags: number;
  readonly codecId: number;
  readonly sequence: bigint;
  readonly service: string;
  readonly method: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly payload: Buffer;
}

/** All whole frames at the beginning of the bytes, and how many bytes they take. */
export function readFrames(bytes: Buffer): { readonly frames: ReadFrame[]; readonly taken: number } {
  const frames: ReadFrame[] = [];
  let at = 0;
  while (bytes.length - at >= 16 && bytes.length - at >= 16 + bytes.readUInt32BE(at + 12)) {
    const end = at + 16 + bytes.readUInt32BE(at + 12);
    frames.push(readFrame(bytes.subarray(at, end)));
    at = end;
  }
  return { frames, taken: at };
}

function readFrame(bytes: Buffer): ReadFrame {
  let at = 16;
  const part = (): Buffer => {
    const start = at + 4;
    at = start + bytes.readUInt32BE(at);
    return bytes.subarray(start, at);
  };
  const service = part().toString();
  const method = part().toString();
  const block = part();
  const payload = Buffer.from(part());
  const metadata: Record<string, string> = {};
  for (let from = 0; from < block.length; ) {
    const keyEnd = from + 4 + block.readUInt32BE(from);
    const valueEnd = keyEnd + 4 + block.readUInt32BE(keyEnd);
    metadata[block.toString('utf8', from + 4, keyEnd)] = block.toString('utf8', keyEnd + 4, valueEnd);
    from = valueEnd;
  }
  return { flags: bytes[2] ?? 0, codecId: (bytes[3] ?? 0) >> 4, sequence: bytes.readBigUInt64BE(4), service, method, metadata, payload };
}

export const heartbeatFlag = 0x40;
export const onewayFlag = 0x20;
