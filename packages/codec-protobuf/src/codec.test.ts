import { create } from '@bufbuild/protobuf';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import { type PayloadCodec, wire } from '@rpcxjs/core';
import { createByteWriter } from '@rpcxjs/protocol';
import { expect, it } from 'vitest';
import { protobuf } from './codec.ts';
import { type MessageOptions, message } from './message.ts';
import { protobufjsMessage } from './protobufjs.ts';

const bytes = Uint8Array.of(0x08, 0x01);

it('is serialize type 2 of rpcx', () => {
  expect([protobuf.id, protobuf.name]).toStrictEqual([2, 'protobuf']);
});

it('compiles wire types and nothing else', () => {
  expect(protobuf.compile?.(message(TimestampSchema)[wire].protobuf)?.decode(bytes, 0, 2)).toMatchObject({ seconds: 1n });
  for (const other of [undefined, null, {}, TimestampSchema, 5, () => 1]) expect(protobuf.compile?.(other)).toBe(undefined);
});

it('keeps unknown fields unless told not to', () => {
  const unknown = Uint8Array.of(0x08, 0x01, 0x78, 0x05);
  const read = (options?: MessageOptions): unknown => protobuf.compile?.(message(TimestampSchema, options)[wire].protobuf)?.decode(unknown, 0, 4);
  expect(read()).toStrictEqual({ $typeName: 'google.protobuf.Timestamp', seconds: 1n, nanos: 0, $unknown: [{ no: 15, wireType: 0, data: Uint8Array.of(5) }] });
  expect(read({ keepUnknown: false })).toStrictEqual({ $typeName: 'google.protobuf.Timestamp', seconds: 1n, nanos: 0 });
});

it('refuses what is no schema where the type is made, a message above all', () => {
  for (const [given, words] of [[undefined, 'a value of the type undefined'], [null, 'a value of the type object'], [{}, 'a value of the type object'], ['Timestamp', 'a value of the type string'], [create(TimestampSchema), 'a google.protobuf.Timestamp']] as const) {
    expect(() => message(given as never)).toThrow(new TypeError(`message() takes the schema of a message, for example TimestampSchema, not ${words}`));
    expect(() => protobufjsMessage(given as never)).toThrow(new TypeError(`protobufjsMessage() takes a Type or a static class of protobufjs, with encode, decode and verify, not ${words}`));
  }
});

it('takes a wire type that somebody else made', () => {
  const pair: PayloadCodec = { encode: (_value, writer) => { writer.append(bytes); }, decode: (source, start, end) => source.slice(start, end) };
  expect(protobuf.compile?.({ typeName: 'Other', compile: () => pair })).toBe(pair);
});

it('without a type carries no value, and says what to do about any other', () => {
  const writer = createByteWriter();
  protobuf.encode(undefined, writer);
  expect(writer.offset).toBe(0);
  expect(protobuf.decode(bytes, 1, 1)).toBe(undefined);
  const refused = { code: 'invalid_argument', reason: 'BAD_PAYLOAD', message: expect.stringContaining('message(Schema)') as string };
  expect(() => { protobuf.encode({ seconds: 1n }, writer); }).toThrow(expect.objectContaining({ ...refused, sent: false }));
  expect(() => protobuf.decode(bytes, 0, 2)).toThrow(expect.objectContaining(refused));
});

it('a message is a Standard Schema that takes messages and plain objects, and nothing else', () => {
  const { validate } = message(TimestampSchema)['~standard'];
  const plain = { seconds: 1n };
  expect(validate(plain)).toStrictEqual({ value: plain });
  expect(validate({ $typeName: 'google.protobuf.Timestamp' })).toHaveProperty('value');
  for (const value of [undefined, null, 5, 'a', { $typeName: 'google.protobuf.Duration' }]) {
    expect(validate(value)).toMatchObject({ issues: [{ message: expect.stringMatching(/^expected a google\.protobuf\.Timestamp, not /) as string }] });
  }
});

it('a misspelt option is a TypeError that says what there is', () => {
  expect(() => message(TimestampSchema, { keepUnknwon: false } as object)).toThrow(new TypeError('message has no option "keepUnknwon": it takes keepUnknown'));
});
