// KCP has no words for "are you there?" and "I am leaving". A window probe has a payload that nobody looks at (kcp-go `KCP.Input` skips it),
// so two peers of this kind say it there; a Go peer sees an ordinary probe or window update and is not disturbed.

/** What the payload of a window segment says between two peers of this kind. */
export const controlKind = {
  /** Begins a conversation; carries the cookie of a `retry`, or zeros. */
  hello: 1,
  /** The conversation is taken; carries a cookie. */
  welcome: 2,
  /** Say hello again with this cookie: the listener keeps nothing about strangers while many wait. */
  retry: 3,
  /** Echoes the cookie of the welcome, which proves the sender's address. */
  proof: 4,
  /** All was sent; `argument` is the sequence number after the last segment. */
  finish: 5,
  /** The finish was understood. */
  finished: 6,
  /** There is no such conversation, or it was aborted. */
  reset: 7,
} as const;

/** A control message as it travels. */
export interface Control {
  kind: number;
  argument: number;
  cookie: bigint;
}

export const controlBytes = 20;
const magic = 0x786a_7072; // "rpjx"

export function writeControl(control: Control): Buffer {
  const bytes = Buffer.alloc(controlBytes);
  bytes.writeUInt32LE(magic, 0);
  bytes[4] = control.kind;
  bytes.writeUInt32LE(control.argument, 8);
  bytes.writeBigUInt64LE(control.cookie, 12);
  return bytes;
}

/** Undefined for any payload that is none. */
export function readControl(bytes: Buffer, at: number, length: number): Control | undefined {
  if (length !== controlBytes || bytes.readUInt32LE(at) !== magic) return undefined;
  return { kind: bytes[at + 4] ?? 0, argument: bytes.readUInt32LE(at + 8), cookie: bytes.readBigUInt64LE(at + 12) };
}
