import type { PayloadCodec } from '@rpcxjs/core';
import { createByteWriter } from '@rpcxjs/protocol';

/** One payload of `value`, as bytes of its own. */
export function encoded(codec: PayloadCodec, value: unknown): Uint8Array {
  const writer = createByteWriter();
  codec.encode(value, writer);
  return writer.finish();
}

/** Reads a payload that stands in the middle of other bytes, as it does in a read buffer. */
export function decoded(codec: PayloadCodec, payload: Uint8Array): unknown {
  const source = Buffer.alloc(payload.length + 32, 0xa5);
  source.set(payload, 7);
  return codec.decode(source, 7, 7 + payload.length);
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
}
