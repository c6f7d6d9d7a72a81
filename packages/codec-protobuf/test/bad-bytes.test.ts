import { type DescMessage, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { RpcError } from '@rpcxjs/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { descriptorCodec } from '../src/message.ts';
import { initOf } from './arbitrary-message.ts';
import { difference } from './difference.ts';
import { caught, decoded, encoded } from './encoded.ts';
import { GroupsSchema } from './generated/groups_pb.js';
import * as proto2 from './generated/proto2_pb.js';
import * as proto3 from './generated/proto3_pb.js';
import { ArithArgsSchema, SampleSchema } from './generated/sample_pb.js';

const badPayload = { name: 'RpcError', code: 'invalid_argument', reason: 'BAD_PAYLOAD' };
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** A value, or the one error that decoding may throw. */
function outcome(run: () => unknown): { value: unknown } | RpcError {
  try {
    return { value: run() };
  } catch (error) {
    if (!RpcError.is(error) || error.reason !== 'BAD_PAYLOAD') throw error;
    return error;
  }
}

describe.each([['generated', true], ['not generated', false]] as const)('code that is %s', (_, generated) => {
  const sample = descriptorCodec(SampleSchema, generated);
  const arith = descriptorCodec(ArithArgsSchema, generated);

  it.each([
    ['a number that does not end', '08 80', /ends in the middle/],
    ['a number without bytes', '08', /ends in the middle/],
    ['eleven bytes of number', '08 ffffffffffffffffffff 01', /longer than ten bytes/],
    ['field number 0', '00 00', /number 0/],
    ['field number 0 behind a field', '08 01 02 00', /number 0/],
    ['wire type 6', '0e 00', /wire type 6/],
    ['wire type 7', '0f 00', /wire type 7/],
    ['a tag of more than 32 bits', 'f8ffffff 1f 00', /does not fit/],
    ['a tag of six bytes', '8880808080 00 00', /does not fit/],
    ['the end of a group that never began', '0c', /never began/],
    ['a string longer than the rest', '72 05 616263', /runs past the end/],
    ['a string of 4 GiB', '72 ffffffff0f', /runs past the end/],
    ['a message longer than the rest', '8a01 05 0a0161', /runs past the end/],
    ['a string longer than the message that holds it', '8a01 03 0a0561 6262626262', /runs past the end/],
    ['a fixed64 of seven bytes', '51 01020304050607', /ends in the middle/],
    ['a fixed32 of three bytes', '4d 010203', /ends in the middle/],
    ['a double of one byte', '09 01', /ends in the middle/],
    ['a packed list that ends in a number', '9201 02 01 80', /ends in the middle/],
    ['a packed list longer than the rest', '9201 7f 01', /runs past the end/],
    ['an unknown group that does not end', '9b06 08 01', /ends in the middle/],
    ['an unknown group that ends as another', '9b06 a406', /ended as group/],
    ['an unknown field that is cut off', '9a06 05 00', /runs past the end/],
    ['text that is no UTF-8', '72 02 c328', /no UTF-8/],
    ['an overlong character', '72 02 c080', /no UTF-8/],
    ['an overlong slash', '72 03 e080af', /no UTF-8/],
    ['half of a surrogate pair as UTF-8', '72 03 eda080', /no UTF-8/],
    ['a code point above U+10FFFF', '72 04 f4908080', /no UTF-8/],
    ['half a character at the end', '72 02 e8ae', /no UTF-8/],
    ['a map entry longer than the rest', 'aa01 09 0a', /runs past the end/],
    ['a map key longer than its entry', 'aa01 03 0a 05 61 6161616161', /runs past the end/],
  ])('refuses %s', (_name, bytes, message) => {
    const error = caught(() => decoded(sample, hex(bytes)));
    expect(error).toMatchObject(badPayload);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toMatch(/^cannot decode rpcxjs\.interop\.Sample: .+; check that both sides/);
    // And also where nothing stands behind it in memory.
    expect(caught(() => sample.decode(hex(bytes), 0, hex(bytes).length))).toMatchObject(badPayload);
  });

  it('keeps a known field of another wire type as an unknown one, as Go does', () => {
    expect(decoded(arith, hex('0a 01 07 10 14'))).toStrictEqual({ ...create(ArithArgsSchema, { b: 20 }), $unknown: [{ no: 1, wireType: 2, data: hex('01 07') }] });
  });

  it('keeps unknown fields of all wire types and writes them again behind the known ones', () => {
    const codec = descriptorCodec(proto3.FewerSchema, generated);
    const full = toBinary(proto3.ScalarsSchema, create(proto3.ScalarsSchema, {
      f64: 1.5, f32: 2.5, i32: 3, u64: 2n ** 60n, text: 'kept', blob: new Uint8Array([1]), leaf: { name: 'leaf' }, far: 'away', farthest: true,
    }));
    const bytes = Buffer.concat([full, hex('9b3e 08 01 9c3e')]);
    const fewer = decoded(codec, bytes);
    expect(difference(fewer, fromBinary(proto3.FewerSchema, new Uint8Array(bytes)))).toBe(undefined);
    expect(fromBinary(proto3.ScalarsSchema, encoded(codec, fewer))).toStrictEqual(fromBinary(proto3.ScalarsSchema, new Uint8Array(bytes)));
  });

  it('passes over unknown fields and unknown numbers of closed enums where nobody wants them', () => {
    const fewer = descriptorCodec(proto3.FewerSchema, generated, false);
    expect(decoded(fewer, hex('18 05 9b3e 08 01 9c3e 9a06 01 00 72 01 61'))).toStrictEqual(create(proto3.FewerSchema, { i32: 5, text: 'a' }));
    expect(difference(decoded(descriptorCodec(proto2.DefaultsSchema, generated, false), hex('8801 03')), create(proto2.DefaultsSchema))).toBe(undefined);
    expect(caught(() => decoded(fewer, hex('9a06 05 00')))).toMatchObject(badPayload);
  });

  it('keeps numbers that a closed enum does not know as unknown fields', () => {
    const codec = descriptorCodec(proto2.DefaultsSchema, generated);
    const bytes = hex('8001 05 8801 03 8801 fdffffffffffffffff01');
    expect(difference(decoded(codec, bytes), fromBinary(proto2.DefaultsSchema, bytes))).toBe(undefined);
    expect(decoded(codec, bytes)).toMatchObject({ level: 5, levelZero: -3, $unknown: [{ no: 17, wireType: 0, data: hex('03') }] });
  });

  it('reads lists packed and unpacked, whichever the descriptor says, also mixed', () => {
    const codec = descriptorCodec(proto3.ListsSchema, generated);
    const packed = descriptorCodec(proto2.ListsSchema, generated);
    expect(decoded(codec, hex('1a 03 01 ac02 18 07 1a 00 1a 01 08'))).toMatchObject({ i32: [1, 300, 7, 8] });
    expect(decoded(packed, hex('10 05 12 02 06 07 10 08 08 01 0a 02 02 03'))).toMatchObject({ i32: [1, 2, 3], packed: [5, 6, 7, 8] });
  });

  it('takes fields in any order', () => {
    expect(decoded(arith, hex('10 14 08 0a'))).toStrictEqual(create(ArithArgsSchema, { a: 10, b: 20 }));
    expect(decoded(arith, hex('10 14 08 0a 10 15 08 0b'))).toStrictEqual(create(ArithArgsSchema, { a: 11, b: 21 }));
  });

  it('takes numbers and tags that are longer than they need be, as every runtime does', () => {
    expect(decoded(arith, hex('8800 8a80808000 9080808000 94808080808080808000'))).toStrictEqual(create(ArithArgsSchema, { a: 10, b: 20 }));
  });

  it('refuses a missing required field, however deep, and takes one that a later part of the message brings', () => {
    const codec = descriptorCodec(proto2.RequiredSchema, generated);
    const leaf = { name: 'a', number: 1, blob: new Uint8Array(1), level: 2 };
    const without = (bytes: Uint8Array, tag: number): Uint8Array => bytes.filter((_byte, at) => bytes[at] !== tag && bytes[at - 1] !== tag);
    const whole = encoded(codec, leaf);
    const part = without(whole, 0x10);
    const child = (bytes: Uint8Array, tag: number): Uint8Array => Buffer.concat([whole, Uint8Array.of(tag, bytes.length), bytes]);
    expect(part.length).toBe(whole.length - 2);
    const entryWithoutValue = Buffer.concat([whole, hex('2a 03 0a 01 6b')]);
    expect(caught(() => decoded(codec, entryWithoutValue))).toMatchObject({ ...badPayload, message: expect.stringContaining('rpcxjs.test2.Required.name is missing') as string });
    for (const bytes of [part, child(part, 0x1a), child(part, 0x22), child(part, 0x32), child(Buffer.concat([hex('0a 01 6b 12'), Uint8Array.of(part.length), part]), 0x2a)]) {
      const error = caught(() => decoded(codec, bytes));
      expect(error).toMatchObject(badPayload);
      expect((error as Error).message).toContain('rpcxjs.test2.Required.number is missing');
    }
    expect(decoded(codec, child(whole, 0x22))).toMatchObject({ number: 1, children: [{ number: 1 }] });
    expect(decoded(codec, Buffer.concat([child(part, 0x1a), hex('1a 02 10 09')]))).toMatchObject({ child: { name: 'a', number: 9 } });
  });

  it('refuses a required field of a closed enum whose number is unknown, because that is no value', () => {
    const codec = descriptorCodec(proto2.RequiredSchema, generated);
    const whole = encoded(codec, { name: 'a', number: 1, blob: new Uint8Array(1), level: 2 });
    expect(caught(() => decoded(codec, whole.with(whole.length - 1, 3)))).toMatchObject({ ...badPayload, message: expect.stringContaining('level is missing') as string });
  });

  it('merges a field that comes thirty thousand times in time that grows with their number', () => {
    const known = descriptorCodec(proto3.KnownSchema, generated);
    const parts = Array.from({ length: 30_000 }, (_one, index) => toBinary(proto3.KnownSchema, create(proto3.KnownSchema, { struct: { [`key ${index}`]: true }, text: 'a' })));
    const started = process.cpuUsage();
    const { struct } = decoded(known, Buffer.concat(parts)) as { struct: object };
    const { user, system } = process.cpuUsage(started);
    expect(Object.keys(struct)).toHaveLength(30_000);
    // A fraction of a second when each part costs the same, and most of a minute when each costs what came before.
    expect((user + system) / 1e6).toBeLessThan(5);
  });

  it('refuses messages, groups and unknown groups that nest deeper than 128 levels, and takes 128', () => {
    const tree = descriptorCodec(proto3.TreeSchema, generated);
    const groups = descriptorCodec(GroupsSchema, generated);
    const nest = (levels: number, around: (inner: Uint8Array) => Uint8Array): Uint8Array => {
      let bytes: Uint8Array = new Uint8Array(0);
      for (let level = 1; level < levels; level++) bytes = around(bytes);
      return bytes;
    };
    const inTree = (inner: Uint8Array): Uint8Array => Buffer.concat([hex('1a'), Uint8Array.of((inner.length & 0x7f) | 0x80, inner.length >> 7), inner]);
    const inGroup = (inner: Uint8Array): Uint8Array => Buffer.concat([hex('0b'), inner, hex('0c')]);
    const unknown = (inner: Uint8Array): Uint8Array => Buffer.concat([hex('9b06'), inner, hex('9c06')]);
    expect(caught(() => decoded(tree, nest(128, inTree)))).toBe(undefined);
    expect(caught(() => decoded(tree, nest(129, inTree)))).toMatchObject({ ...badPayload, message: expect.stringContaining('deeper than 128 levels') as string });
    expect(caught(() => decoded(groups, nest(129, inGroup)))).toMatchObject(badPayload);
    expect(caught(() => decoded(tree, nest(128, unknown)))).toBe(undefined);
    expect(caught(() => decoded(tree, nest(129, unknown)))).toMatchObject(badPayload);
    expect(caught(() => decoded(tree, new Uint8Array(2_000_000).fill(0x1b)))).toMatchObject(badPayload);
  });

  const fuzzed: readonly DescMessage[] = [SampleSchema, proto3.ListsSchema, proto3.MapsSchema, proto3.ChoicesSchema, proto3.KnownSchema, proto3.TreeSchema, proto2.DefaultsSchema, GroupsSchema, proto2.RequiredSchema];
  it.each(fuzzed.map((schema) => [schema.typeName, schema] as const))('answers every truncation and every flipped bit of a %s with a message or BAD_PAYLOAD', (_name, schema) => {
    const codec = descriptorCodec(schema, generated);
    fc.assert(fc.property(initOf(schema, 2), (init) => {
      const bytes = toBinary(schema, create(schema, init)).subarray(0, 200);
      for (let length = 0; length < bytes.length; length++) outcome(() => codec.decode(bytes.slice(0, length), 0, length));
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const broken = new Uint8Array(bytes);
        broken[bit >> 3] = (broken[bit >> 3] as number) ^ (1 << (bit & 7));
        outcome(() => decoded(codec, broken));
      }
    }), { numRuns: 4 });
  });
});

it('gives the same verdict and the same message with and without generated code, whatever the bytes', () => {
  const schemas: readonly DescMessage[] = [SampleSchema, proto3.TreeSchema, GroupsSchema, proto2.RequiredSchema, proto3.KnownSchema, proto3.ChoicesSchema];
  fc.assert(fc.property(fc.constantFrom(...schemas), fc.array(fc.oneof(fc.constantFrom(8, 10, 16, 18, 26, 34, 42, 11, 12, 0, 1, 2, 3, 5, 0x80, 0x82, 0xa2), fc.nat(255)), { maxLength: 40 }), (schema, list) => {
    const bytes = Uint8Array.from(list);
    const [one, two] = [true, false].map((generated) => outcome(() => decoded(descriptorCodec(schema, generated), bytes)));
    expect(RpcError.is(one)).toBe(RpcError.is(two));
    expect(difference(RpcError.is(one) ? one.message : one, RpcError.is(two) ? two.message : two)).toBe(undefined);
  }), { numRuns: 2000 });
});
