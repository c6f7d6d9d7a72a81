import { readFileSync } from 'node:fs';
import { type DescMessage, fromJson } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { descriptorCodec } from '../src/message.ts';
import { difference } from './difference.ts';
import { caught, decoded, encoded } from './encoded.ts';
import { BenchmarkMessageSchema } from './generated/benchmark_pb.js';
import { ArithArgsSchema, ArithReplySchema, SampleSchema } from './generated/sample_pb.js';

interface Golden {
  readonly vectors: readonly { readonly name: string; readonly message: string; readonly json: never; readonly hex: string }[];
}
const golden = JSON.parse(readFileSync(new URL('fixtures/golden-protobuf.json', import.meta.url), 'utf8')) as Golden;
const schemas = new Map<string, DescMessage>([BenchmarkMessageSchema, ArithArgsSchema, ArithReplySchema, SampleSchema].map((schema) => [schema.typeName, schema]));
// There is more than one way to write these, and Go chooses another.
const otherBytes = new Map([
  ['sample, not numbers', 'Go sets the lowest bit of NaN'],
  ['sample, texts and lists', 'Go sorts the keys of a map, an object has its integer keys first'],
]);

/** The JSON form of a float is a shorter decimal number than the float is. */
function rounded(value: Record<string, unknown>): unknown {
  return typeof value['f32'] === 'number' ? { ...value, f32: Math.fround(value['f32']) } : value;
}

describe.each([['generated', true], ['not generated', false]] as const)('code that is %s', (_, generated) => {
  describe.each(golden.vectors)('$name, as Go writes it', ({ name, message, json, hex }) => {
    const schema = schemas.get(message) as DescMessage;
    const codec = descriptorCodec(schema, generated);
    const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
    const value = fromJson(schema, json);

    if (hex === '' && schema === BenchmarkMessageSchema) {
      it('A5: is refused both ways, because required fields are missing', () => {
        expect(caught(() => encoded(codec, value))).toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD', message: expect.stringContaining('field1') as string });
        expect(caught(() => decoded(codec, bytes))).toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD', message: expect.stringContaining('field1') as string });
      });
      return;
    }
    const other = otherBytes.get(name);
    it(other === undefined ? 'A5: is written byte for byte' : `A5: is written with the same meaning: ${other}`, () => {
      const written = encoded(codec, value);
      if (other === undefined) expect(Buffer.from(written).toString('hex')).toBe(hex);
      else expect(written.length).toBe(bytes.length);
      expect(difference(decoded(codec, written), rounded(value))).toBe(undefined);
    });
    it('A5: is read to the same message', () => {
      expect(difference(decoded(codec, bytes), rounded(value))).toBe(undefined);
    });
  });
});
