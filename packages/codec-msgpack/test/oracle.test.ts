import { Encoder, Decoder, ExtData } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Extension, msgpack } from '../src/index.ts';
import { decoded, encoded, hex } from './payload.ts';

const oracleEncoder = new Encoder({ maxDepth: 128 });
const oracleDecoder = new Decoder();

/** Whole numbers beyond 2^53 are integers here and floats there, because Go takes no float in an integer field. */
function bothAgree(value: number): boolean {
  return !Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) > 2 ** 63;
}

const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme', maxLength: 60 }), fc.stringMatching(/^[一-龥]{0,40}$/), fc.string({ unit: 'binary', maxLength: 400 }));
const leaf = fc.oneof(
  text, fc.boolean(), fc.constant(null), fc.integer(), fc.maxSafeInteger(), fc.double().filter(bothAgree), fc.date({ noInvalidDate: true }), fc.uint8Array({ maxLength: 300 }),
);
const tree: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  node: fc.oneof({ maxDepth: 5 }, leaf, fc.array(tie('node'), { maxLength: 20 }), fc.dictionary(text.filter((key) => key !== '__proto__'), tie('node'), { maxKeys: 20 })),
})).node;

describe('against @msgpack/msgpack', () => {
  it('writes the same bytes for every value that both can write', () => {
    fc.assert(fc.property(tree, (value) => {
      expect(hex(encoded(msgpack, value))).toBe(hex(oracleEncoder.encode(value)));
    }), { numRuns: 1500 });
  });

  it('reads what the other wrote', () => {
    fc.assert(fc.property(tree, (value) => {
      const payload = oracleEncoder.encode(value);
      expect(decoded(msgpack, payload)).toEqual(oracleDecoder.decode(payload));
    }), { numRuns: 1500 });
  });

  it('reads an unknown extension as plain data, and writes it as it came', () => {
    for (const size of [0, 1, 2, 3, 4, 8, 12, 16, 17, 255, 256, 65535, 65536]) {
      const data = new Uint8Array(size).fill(7);
      const payload = oracleEncoder.encode(new ExtData(42, data));
      const value = decoded(msgpack, payload);
      expect(value).toEqual(new Extension(42, data));
      expect(hex(encoded(msgpack, value))).toBe(hex(payload));
    }
  });
});
