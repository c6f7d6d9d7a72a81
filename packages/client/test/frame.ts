import { createByteWriter, defaultFrameLimits, FrameParser, readMetadata, writeFrame } from '@rpcxjs/protocol';

/** What a test says of a frame; the rest is empty. */
export interface FrameParts {
  readonly flags?: number;
  readonly codecId?: number;
  readonly sequence?: bigint;
  readonly service?: string;
  readonly method?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly payload?: string | Uint8Array;
}

export interface ReadFrame {
  readonly flags: number;
  readonly codecId: number;
  readonly compressorId: number;
  readonly sequence: bigint;
  readonly service: string;
  readonly method: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly payload: Buffer;
  readonly bytes: number;
}

/** The bytes of one frame. */
export function frame(parts: FrameParts): Buffer {
  const writer = createByteWriter();
  const sequence = parts.sequence ?? 0n;
  writeFrame(writer, {
    service: parts.service ?? '',
    method: parts.method ?? '',
    codecId: parts.codecId ?? 1,
    flags: parts.flags ?? 0,
    sequenceHigh: Number(sequence >> 32n),
    sequenceLow: Number(sequence & 0xffff_ffffn),
    metadata: parts.metadata,
    payload: (payload) => (typeof parts.payload === 'string' ? payload.appendUtf8(parts.payload) : payload.append(parts.payload ?? new Uint8Array(0))),
  });
  return Buffer.from(writer.finish().buffer);
}

/** Reads frames out of chunks of any size. */
export function frameReader(read: (frame: ReadFrame) => void): (chunk: Uint8Array) => void {
  const text = (bytes: Uint8Array, start: number, end: number): string => Buffer.from(bytes.subarray(start, end)).toString();
  const parser = new FrameParser(defaultFrameLimits, (view) => {
    const { bytes } = view;
    read({
      flags: view.flags,
      codecId: view.codecId,
      compressorId: view.compressorId,
      sequence: (BigInt(view.sequenceHigh) << 32n) | BigInt(view.sequenceLow),
      service: text(bytes, view.serviceStart, view.serviceEnd),
      method: text(bytes, view.methodStart, view.methodEnd),
      metadata: readMetadata(bytes, view.metadataStart, view.metadataEnd),
      payload: Buffer.from(bytes.subarray(view.payloadStart, view.end)),
      bytes: view.end - view.start,
    });
  });
  return (chunk) => parser.push(chunk);
}
