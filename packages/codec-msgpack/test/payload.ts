import type { PayloadCodec } from '@rpcxjs/core';
import { createByteWriter } from '@rpcxjs/protocol';

/** One payload of `value`, as bytes of its own. */
export function encoded(codec: PayloadCodec, value: unknown): Uint8Array {
  const writer = createByteWriter();
  codec.encode(value, writer);
  return writer.finish();
}

/** The same with a buffer that never has more room than was asked for, and is another one each time. */
export function encodedTightly(codec: PayloadCodec, value: unknown): Uint8Array {
  const writer = {
    bytes: new Uint8Array(0),
    view: new DataView(new ArrayBuffer(0)),
    offset: 0,
    reserve(count: number): void {
      const old = writer.bytes.subarray(0, writer.offset);
      writer.bytes = new Uint8Array(writer.offset + count);
      writer.bytes.set(old);
      writer.view = new DataView(writer.bytes.buffer);
    },
    append(bytes: Uint8Array): void {
      writer.reserve(bytes.length);
      writer.bytes.set(bytes, writer.offset);
      writer.offset += bytes.length;
    },
    appendUtf8(text: string): void {
      writer.append(Buffer.from(text));
    },
  };
  codec.encode(value, writer);
  return writer.bytes.slice(0, writer.offset);
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
