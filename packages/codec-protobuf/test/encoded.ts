import type { PayloadCodec } from '@rpcxjs/core';
import { createByteWriter } from '@rpcxjs/protocol';

export function encoded(codec: PayloadCodec, value: unknown): Uint8Array {
  const writer = createByteWriter();
  codec.encode(value, writer);
  return new Uint8Array(writer.finish());
}

/** Decodes between other bytes, as in a connection's buffer, which is reused afterwards. */
export function decoded(codec: PayloadCodec, bytes: Uint8Array): unknown {
  const source = Buffer.alloc(bytes.length + 13, 0xff);
  source.set(bytes, 6);
  const result = codec.decode(source, 6, 6 + bytes.length);
  source.fill(0x55);
  return result;
}

export function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
