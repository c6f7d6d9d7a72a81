import { countMetadata, getUint32 } from './metadata.ts';
import { flag, headerBytes, nothing } from './constants.ts';
import type { FrameLimits } from './limits.ts';

/**
 * One received frame, as positions in the buffer that holds it. The parser has a single one and refills it: whoever wants something of it
 * after returning copies it first.
 */
export class FrameView {
  bytes: Uint8Array = nothing;
  /** The buffer holds this frame only and is not written again. */
  owned = false;
  flags = 0;
  codecId = 0;
  sequenceHigh = 0;
  sequenceLow = 0;
  start = 0;
  end = 0;
  serviceStart = 0;
  serviceEnd = 0;
  methodStart = 0;
  methodEnd = 0;
  metadataStart = 0;
  metadataEnd = 0;
  payloadStart = 0;

  get isResponse(): boolean {
    return (this.flags & flag.response) !== 0;
  }
  get isHeartbeat(): boolean {
    return (this.flags & flag.heartbeat) !== 0;
  }
  get isOneway(): boolean {
    return (this.flags & flag.oneway) !== 0;
  }
  get isError(): boolean {
    return (this.flags & flag.status) === flag.error;
  }
  get compressorId(): number {
    return (this.flags & flag.compressor) >> flag.compressorShift;
  }

  /** Reads the first sixteen bytes. The version byte and the low half of the codec byte are ignored, as in Go. */
  readHeader(bytes: Uint8Array, start: number): void {
    this.flags = bytes[start + 2] as number;
    this.codecId = (bytes[start + 3] as number) >> 4;
    this.sequenceHigh = getUint32(bytes, start + 4);
    this.sequenceLow = getUint32(bytes, start + 8);
  }

  /** Locates the parts of a whole frame; says what is wrong when they do not tile it exactly (Go dispatches such frames). */
  readBody(bytes: Uint8Array, start: number, end: number, limits: FrameLimits): string | undefined {
    const serviceAt = start + headerBytes;
    const methodAt = nextPart(bytes, serviceAt, end);
    const metadataAt = nextPart(bytes, methodAt, end);
    const payloadAt = nextPart(bytes, metadataAt, end);
    if (nextPart(bytes, payloadAt, end) !== end) return firstLie(bytes, serviceAt, end);
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.serviceStart = serviceAt + 4;
    this.serviceEnd = methodAt;
    this.methodStart = methodAt + 4;
    this.methodEnd = metadataAt;
    this.metadataStart = metadataAt + 4;
    this.metadataEnd = payloadAt;
    this.payloadStart = payloadAt + 4;
    const { maxNameBytes } = limits;
    if (methodAt - serviceAt - 4 > maxNameBytes || metadataAt - methodAt - 4 > maxNameBytes) {
      return `its service path or method is longer than ${maxNameBytes} bytes`;
    }
    return payloadAt === this.metadataStart ? undefined : this.#checkMetadata(limits);
  }

  #checkMetadata({ maxMetadataBytes, maxMetadataPairs }: FrameLimits): string | undefined {
    const bytes = this.metadataEnd - this.metadataStart;
    // Handlers of Go may set what they like, but a million pairs would hold up their reader for seconds.
    const more = this.isResponse ? 16_000 : 0;
    if (more === 0 && bytes > maxMetadataBytes) return tooMuch(bytes, 'bytes', maxMetadataBytes);
    const pairs = countMetadata(this.bytes, this.metadataStart, this.metadataEnd);
    if (pairs < 0) return 'its metadata ends in the middle of a pair';
    return pairs > maxMetadataPairs + more ? tooMuch(pairs, 'pairs', maxMetadataPairs + more) : undefined;
  }
}

function tooMuch(count: number, unit: string, most: number): string {
  return `its metadata has ${count} ${unit}, and ${most} are allowed`;
}

/** Where the part that begins with its length at `at` ends; beyond `end` if it does not fit. */
function nextPart(bytes: Uint8Array, at: number, end: number): number {
  const room = end - at - 4;
  if (room < 0) return end + 1;
  const count = getUint32(bytes, at);
  return count > room ? end + 1 : at + 4 + count;
}

/** Which of the four lengths is the first that cannot be. */
function firstLie(bytes: Uint8Array, start: number, end: number): string {
  let room = end - start - 16;
  if (room < 0) return `its body has ${end - start} bytes, and four lengths take 16`;
  let at = start;
  let count = getUint32(bytes, at);
  let part = 0;
  for (; part < 3 && count <= room; part++) {
    room -= count;
    at += 4 + count;
    count = getUint32(bytes, at);
  }
  return `its ${['service path', 'method', 'metadata', 'payload'][part]} claims ${count} bytes of ${room}`;
}
