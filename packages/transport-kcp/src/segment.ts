/** Bytes before the payload of a KCP segment. */
export const segmentHeaderBytes = 24;

/** What a segment is for (kcp-go `kcp.go`, IKCP_CMD_*). */
export const command = { push: 81, acknowledge: 82, askWindow: 83, tellWindow: 84 } as const;

/** What a segment says besides its payload; one object per conversation, filled in again for each segment. */
export interface SegmentHeader {
  conversation: number;
  command: number;
  /** How many segments of the conversation the sender of this one can take. */
  window: number;
  timestamp: number;
  sequence: number;
  /** All before it arrived. */
  unacknowledged: number;
}

/** Whether `a` comes after `b`, or how far, on the 32-bit circle of sequence numbers. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}

/** All fields are little-endian (kcp-go `segment.encode`). The fragment byte is 0: a stream has no messages. */
export function writeSegmentHeader(into: Buffer, at: number, header: SegmentHeader, payloadBytes: number): void {
  into.writeUInt32LE(header.conversation, at);
  into[at + 4] = header.command;
  into[at + 5] = 0;
  into.writeUInt16LE(header.window, at + 6);
  into.writeUInt32LE(header.timestamp, at + 8);
  into.writeUInt32LE(header.sequence, at + 12);
  into.writeUInt32LE(header.unacknowledged, at + 16);
  into.writeUInt32LE(payloadBytes, at + 20);
}
