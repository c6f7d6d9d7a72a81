import { countMetadata, getUint32 } from './metadata.ts';
import { flag, headerBytes, magic } from './constants.ts';
import type { FrameLimits } from './limits.ts';

const nothing: Uint8Array = new Uint8Array(0);

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
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    let at = start + headerBytes;
    if (end - at < 16) return `its body has ${end - at} bytes, and four lengths take 16`;
    const serviceBytes = getUint32(bytes, at);
    at += 4;
    if (serviceBytes > end - at - 12) return `its service path claims ${serviceBytes} bytes of ${end - at - 12}`;
    this.serviceStart = at;
    at = this.serviceEnd = at + serviceBytes;
    const methodBytes = getUint32(bytes, at);
    at += 4;
    if (methodBytes > end - at - 8) return `its method claims ${methodBytes} bytes of ${end - at - 8}`;
    this.methodStart = at;
    at = this.methodEnd = at + methodBytes;
    const metadataBytes = getUint32(bytes, at);
    at += 4;
    if (metadataBytes > end - at - 4) return `its metadata claims ${metadataBytes} bytes of ${end - at - 4}`;
    this.metadataStart = at;
    at = this.metadataEnd = at + metadataBytes;
    const payloadBytes = getUint32(bytes, at);
    this.payloadStart = at + 4;
    if (payloadBytes !== end - at - 4) return `its payload claims ${payloadBytes} bytes of ${end - at - 4}`;
    if (serviceBytes > limits.maxNameBytes || methodBytes > limits.maxNameBytes) {
      return `its service path or method is longer than ${limits.maxNameBytes} bytes`;
    }
    return metadataBytes === 0 ? undefined : this.#checkMetadata(limits);
  }

  #checkMetadata(limits: FrameLimits): string | undefined {
    const bytes = this.metadataEnd - this.metadataStart;
    if (bytes > limits.maxMetadataBytes && !this.isResponse) return `its metadata has ${bytes} bytes, and ${limits.maxMetadataBytes} are allowed`;
    const pairs = countMetadata(this.bytes, this.metadataStart, this.metadataEnd);
    if (pairs < 0) return 'its metadata ends in the middle of a pair';
    if (pairs > limits.maxMetadataPairs && !this.isResponse) return `its metadata has ${pairs} pairs, and ${limits.maxMetadataPairs} are allowed`;
    return undefined;
  }
}

/** What the first bytes of a wrong protocol look like, for the log. */
export function guessProtocol(first: number): string {
  if (first === 0x16) return 'this looks like TLS; is the client configured for TLS and the server not?';
  if (first >= 0x41 && first <= 0x5a) return 'this looks like HTTP or text';
  return `an rpcx frame begins with ${magic}, not ${first}`;
}
