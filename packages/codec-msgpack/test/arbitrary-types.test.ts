import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import type { PayloadCodec } from '@rpcxjs/core';
import { expect, it } from 'vitest';
import {
  any, array, bool, bytes, float32, float64, int16, int32, int64, int8, map, msgpack, type MsgpackType, nullable, optional, string, struct, time, Timestamp, uint16, uint32, uint64, uint8,
} from '../src/index.ts';
import { encoded, encodedTightly, hex } from './payload.ts';

/** A type, and values that it must carry exactly. */
interface Sample {
  readonly type: MsgpackType<unknown>;
  readonly values: fc.Arbitrary<unknown>;
}

function natural(low: bigint, high: bigint): fc.Arbitrary<number | bigint> {
  return fc.bigInt({ min: low, max: high }).map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));
}

const text = fc.oneof(fc.string({ maxLength: 50 }), fc.string({ unit: 'grapheme', maxLength: 40 }), fc.constantFrom('', 'x'.repeat(31), 'x'.repeat(32), '服'.repeat(33), 'y'.repeat(256)));
const scalars: readonly Sample[] = [
  { type: int8, values: fc.integer({ min: -128, max: 127 }) }, { type: int16, values: fc.integer({ min: -32_768, max: 32_767 }) }, { type: int32, values: fc.integer() }, { type: int64, values: natural(-(2n ** 63n), 2n ** 63n - 1n) },
  { type: uint8, values: fc.integer({ min: 0, max: 255 }) }, { type: uint16, values: fc.integer({ min: 0, max: 65_535 }) }, { type: uint32, values: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }, { type: uint64, values: natural(0n, 2n ** 64n - 1n) },
  { type: int64.bigint, values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }, { type: uint64.number, values: fc.maxSafeNat() },
  { type: float32, values: fc.float() }, { type: float64, values: fc.double() }, { type: bool, values: fc.boolean() }, { type: string, values: text }, { type: bytes, values: fc.uint8Array({ maxLength: 300 }) },
  { type: time, values: fc.oneof(fc.date({ noInvalidDate: true }), fc.tuple(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), fc.integer({ min: 1, max: 999_999 })).map(([seconds, fine]) => new Timestamp(seconds, fine * 1000 + 1))) },
  { type: any, values: fc.constantFrom(null, 1, 'a', [1], { a: { b: 1 } }) },
];

const sample: fc.Arbitrary<Sample> = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { arbitrary: fc.constantFrom(...scalars), weight: 5 },
    tie('sample').map(({ type, values }) => ({ type: array(type), values: fc.array(values, { maxLength: 20 }) })),
    tie('sample').map(({ type, values }) => ({ type: map(string, type), values: fc.dictionary(fc.string({ maxLength: 8 }), values, { maxKeys: 5, noNullPrototype: true }) })),
    tie('sample').map(({ type, values }) => ({ type: map(int32, type), values: fc.array(fc.tuple(fc.integer(), values), { maxLength: 5 }).map((entries) => new Map(entries)) })),
    tie('sample').map(({ type, values }) => ({ type: nullable(type), values: fc.option(values) })),
    fc.dictionary(fc.oneof(fc.string({ minLength: 1, maxLength: 12 }), fc.constantFrom('__proto__', 'constructor', 'a'.repeat(40), 'поле')), fc.tuple(tie('sample'), fc.boolean()), { maxKeys: 8, noNullPrototype: true }).map(structOf),
  ),
})).sample;

function structOf(fields: Readonly<Record<string, readonly [Sample, boolean]>>): Sample {
  const names = Object.keys(fields);
  const isOptional = (name: string): boolean => fields[name]?.[1] === true;
  return {
    type: struct(Object.fromEntries(names.map((name) => [name, isOptional(name) ? optional((fields[name] as readonly [Sample, boolean])[0].type) : (fields[name] as readonly [Sample, boolean])[0].type]))),
    values: fc.tuple(...names.map((name) => {
      const { values } = (fields[name] as readonly [Sample, boolean])[0];
      return isOptional(name) ? fc.option(values, { nil: undefined }) : values;
    })).map((values) => Object.fromEntries(names.map((name, index) => [name, values[index]]))),
  };
}

it('carries every value of every type exactly, in each tier', () => {
  fc.assert(fc.property(sample.chain(({ type, values }) => fc.tuple(fc.constant(type), fc.array(values, { minLength: 1, maxLength: 4 }))), ([type, values]) => {
    const pair = msgpack.compile?.(type) as PayloadCodec;
    for (let round = 0; round < 40 * values.length; round++) {
      const value = values[round % values.length];
      const payload = encoded(pair, value);
      const read = pair.decode(payload, 0, payload.length);
      if (!isDeepStrictEqual(read, value)) expect(read).toStrictEqual(value);
      if (round < 40 * values.length - 4) continue;
      expect(hex(encodedTightly(pair, value))).toBe(hex(payload));
      expect(type['~standard'].validate(value)).toEqual({ value });
      expect(isDeepStrictEqual(encoded(pair, read), payload)).toBe(true);
    }
  }), { numRuns: 600 });
});
