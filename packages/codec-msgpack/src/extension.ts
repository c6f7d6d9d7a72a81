import type { Cursor } from './cursor.ts';
import { textOf, unreadable } from './bad-payload.ts';
import { RpcError } from '@rpcxjs/core';
import { timestampAt } from './timestamp.ts';

/** A MessagePack extension that nobody has a meaning for: plain data, written again as it was read. */
export class Extension {
  /** -128 to 127. */
  readonly type: number;
  readonly data: Uint8Array;

  constructor(type: number, data: Uint8Array) {
    this.type = type;
    this.data = data;
  }
}

/** The timestamp's number in the MessagePack specification. */
export const timestampType = -1;
// vmihailenco/msgpack time.go reads it too: "NodeJS seems to use extID 13".
const legacyTimestampType = 13;

/** Reads the extension of `type` whose `size` bytes stand at `at` and are known to be there. */
export function extensionAt(cursor: Cursor, type: number, at: number, size: number): unknown {
  if (type === timestampType) return timestampAt(cursor, at, size);
  const { extensionCodec } = cursor.options;
  if (extensionCodec === undefined) {
    if (type === legacyTimestampType && (size === 4 || size === 8 || size === 12)) return timestampAt(cursor, at, size);
    return new Extension(type, new Uint8Array(cursor.bytes.subarray(at, at + size)));
  }
  try {
    // Its own copy: the decoder may keep what it is given, and these bytes are used again.
    return extensionCodec.decode(new Uint8Array(cursor.bytes.subarray(at, at + size)), type, undefined);
  } catch (cause) {
    if (RpcError.is(cause) && cause.reason === 'BAD_PAYLOAD') throw cause;
    throw unreadable(`the extension codec refused type ${type} with ${size} bytes: ${textOf(cause)}`, cause);
  }
}
