import { describe, expect, it } from 'vitest';
import { ArrayWriter } from '../test/array-writer.ts';
import { bytesCodec } from './bytes-codec.ts';

function encode(value: unknown): Uint8Array {
  const writer = new ArrayWriter();
  bytesCodec.encode(value, writer);
  return writer.written();
}

describe('bytesCodec', () => {
  it('writes the bytes as they are, also those of a Buffer, and nothing for no value', () => {
    expect([bytesCodec.id, bytesCodec.name]).toEqual([0, 'bytes']);
    expect(encode(Uint8Array.of(1, 2, 255))).toEqual(Uint8Array.of(1, 2, 255));
    expect(encode(Buffer.from('ab'))).toEqual(Uint8Array.of(0x61, 0x62));
    expect(encode(undefined)).toEqual(new Uint8Array(0));
  });

  it.each([null, 'text', 7, { length: 1 }, [1, 2], new ArrayBuffer(2), new Uint16Array(1)])('refuses %j and says what to do', (value) => {
    expect(() => encode(value)).toThrow(expect.objectContaining({ code: 'invalid_argument', reason: 'BAD_PAYLOAD', sent: false }));
    expect(() => encode(value)).toThrow('choose a codec for structured values');
  });

  it('gives a copy, because the source is used again', () => {
    for (const source of [Uint8Array.of(9, 1, 2, 9), Buffer.from([9, 1, 2, 9])]) {
      const value = bytesCodec.decode(source, 1, 3) as Uint8Array;
      source.fill(0);
      expect([...value]).toEqual([1, 2]);
      expect(value.constructor).toBe(Uint8Array);
      expect(value.buffer).not.toBe(source.buffer);
    }
    expect(bytesCodec.decode(new Uint8Array(4), 2, 2)).toEqual(new Uint8Array(0));
  });
});
