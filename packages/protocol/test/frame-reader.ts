import { readUtf8 } from '@rpcxjs/core';
import { defaultFrameLimits, FrameParser, readMetadata, type FrameLimits, type FrameView } from '../src/index.ts';

/** A received frame, copied out of the view. */
export interface ReadFrame {
  readonly flags: number;
  readonly codecId: number;
  readonly sequence: bigint;
  readonly service: string;
  readonly method: string;
  readonly metadata: Record<string, string>;
  readonly payload: Uint8Array;
  readonly whole: Uint8Array;
  readonly owned: boolean;
}

export function copyFrame(view: FrameView): ReadFrame {
  const { bytes } = view;
  return {
    flags: view.flags,
    codecId: view.codecId,
    sequence: (BigInt(view.sequenceHigh) << 32n) | BigInt(view.sequenceLow),
    service: readUtf8(bytes, view.serviceStart, view.serviceEnd),
    method: readUtf8(bytes, view.methodStart, view.methodEnd),
    metadata: readMetadata(bytes, view.metadataStart, view.metadataEnd),
    payload: bytes.slice(view.payloadStart, view.end),
    whole: bytes.slice(view.start, view.end),
    owned: view.owned,
  };
}

/** Reads whole chunks and gives every frame in them. */
export function readFrames(chunks: Iterable<Uint8Array>, limits: FrameLimits = defaultFrameLimits): ReadFrame[] {
  const frames: ReadFrame[] = [];
  const parser = new FrameParser(limits, (view) => void frames.push(copyFrame(view)));
  for (const chunk of chunks) parser.push(chunk);
  return frames;
}

export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}
