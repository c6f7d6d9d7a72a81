/** Bytes before the payload of a KCP segment. */
export const segmentHeaderBytes = 24;

/** What a segment is for (kcp-go `kcp.go`, IKCP_CMD_*). */
export const command = { push: 81, acknowledge: 82, askWindow: 83, tellWindow: 84 } as const;

/** Tells a listener that this data belongs to a conversation that was begun with a hello: if it is not known, it must not begin one. */
export const begun = 1;

/** What a segment says besides its payload; one object per conversation, filled in again for each segment. */
export interface SegmentHeader {
  conversation: number;
  command: number;
  /** 0, or `begun` in data to a peer of this kind; to KCP it numbers the parts of a message, and a stream has none. */
  fragment: number;
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

/** All fields are little-endian (kcp-go `segment.encode`). */
export function writeSegmentHeader(into: Buffer, at: number, header: SegmentHeader, payloadBytes: number): void {
  into.writeUInt32LE(header.conversation, at);
  into[at + 4] = header.command;
  into[at + 5] = header.fragment;
  into.writeUInt16LE(header.window, at + 6);
  into.writeUInt32LE(header.timestamp, at + 8);
  into.writeUInt32LE(header.sequence, at + 12);
  into.writeUInt32LE(header.unacknowledged, at + 16);
  into.writeUInt32LE(payloadBytes, at + 20);
}
