import { create, createFileRegistry, toBinary } from '@bufbuild/protobuf';
import { FieldDescriptorProto_Label, FieldDescriptorProto_Type, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { createByteWriter } from '@rpcxjs/protocol';
import { describe, expect, it } from 'vitest';
import { descriptorCodec } from '../src/message.ts';
import { difference } from './difference.ts';
import { caught, decoded, encoded } from './encoded.ts';
import { BenchmarkMessageSchema } from './generated/benchmark_pb.js';
import { InheritedSchema } from './generated/names_pb.js';
import * as proto2 from './generated/proto2_pb.js';
import * as proto3 from './generated/proto3_pb.js';

const badPayload = { name: 'RpcError', code: 'invalid_argument', reason: 'BAD_PAYLOAD', sent: false };

describe.each([['generated', true], ['not generated', false]] as const)('code that is %s', (_, generated) => {
  const scalars = descriptorCodec(proto3.ScalarsSchema, generated);
  const optionals = descriptorCodec(proto3.OptionalsSchema, generated);
  const lists = descriptorCodec(proto3.ListsSchema, generated);
  const maps = descriptorCodec(proto3.MapsSchema, generated);
  const choices = descriptorCodec(proto3.ChoicesSchema, generated);
  const tree = descriptorCodec(proto3.TreeSchema, generated);

  it.each([
    ['i32', [2 ** 31, -(2 ** 31) - 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', 1n, true, {}]],
    ['u32', [2 ** 32, -1, 0.5, Number.NaN, '1', 1n]],
    ['s32', [2 ** 31, 1.5, '1']],
    ['x32', [2 ** 32, -1, '1']],
    ['sx32', [2 ** 31, 1.5]],
    ['i64', [2n ** 63n, -(2n ** 63n) - 1n, 2 ** 53, 1.5, '1.5', '0x10', ' 1', '9223372036854775808', true, {}]],
    ['u64', [2n ** 64n, -1n, -1, 2 ** 53, '-1', 'a']],
    ['s64', [2n ** 63n, Number.NaN]],
    ['x64', [2n ** 64n, -1n]],
    ['sx64', [2n ** 63n]],
    ['f64', ['1.5', 1n, true]],
    ['f32', [1e39, -1e39, '1', 1n]],
    ['flag', [1, 'true', 1n, {}]],
    ['text', [1, true, {}, ['a'], '\ud800', 'a\udc00', `${'a'.repeat(50)}\ud800`, `${'许'.repeat(50)}\udc00a`]],
    ['blob', ['AAE=', 5, [256], [-1], [1.5], ['a'], new Uint16Array(2)]],
    ['color', [2 ** 31, 'COLOR_RED', 1.5]],
    ['leaf', ['leaf', 5, { $typeName: 'rpcxjs.test3.Tree' }]],
  ] as const)('A5: refuses in %s what it cannot carry exactly, with the name of the field', (name, values) => {
    for (const value of values) {
      for (const [codec, given] of [[scalars, { [name]: value }], [optionals, { [name]: value }], [lists, { [name]: [value] }]] as const) {
        const error = caught(() => encoded(codec, given));
        expect(error, `${name}: ${String(value)}`).toMatchObject(badPayload);
        expect((error as Error).message).toMatch(new RegExp(`^cannot encode rpcxjs\\.test3\\.\\w+\\.${name}: it takes .+, not `));
      }
    }
  });

  it('A5: carries the limits of every number type exactly', () => {
    for (const given of [
      { i32: 2 ** 31 - 1, u32: 2 ** 32 - 1, s32: 2 ** 31 - 1, x32: 2 ** 32 - 1, sx32: 2 ** 31 - 1, i64: 2n ** 63n - 1n, u64: 2n ** 64n - 1n, s64: 2n ** 63n - 1n, x64: 2n ** 64n - 1n, sx64: 2n ** 63n - 1n, f64: Number.MAX_VALUE, f32: 3.4028234663852886e38 },
      { i32: -(2 ** 31), s32: -(2 ** 31), sx32: -(2 ** 31), i64: -(2n ** 63n), s64: -(2n ** 63n), sx64: -(2n ** 63n), f64: Number.MIN_VALUE, f32: -3.4028234663852886e38 },
      { i64: 2n ** 53n + 1n, u64: 2n ** 53n + 1n, f64: -0, f32: -0 },
      { f64: Number.NaN, f32: Number.NaN },
      { f64: Number.POSITIVE_INFINITY, f32: Number.NEGATIVE_INFINITY },
      { f64: 0.1, f32: 0.5, text: '\0\ufeff\ufffd🚀', blob: new Uint8Array([0, 255]) },
    ]) expect(decoded(scalars, encoded(scalars, given))).toStrictEqual(create(proto3.ScalarsSchema, given));
  });

  it('rounds a float to 32 bits, as every protobuf runtime does', () => {
    expect(decoded(scalars, encoded(scalars, { f32: 0.1 }))).toMatchObject({ f32: Math.fround(0.1) });
  });

  it('takes for 64 bits also a safe integer and a decimal string', () => {
    expect(decoded(scalars, encoded(scalars, { i64: -5, u64: '18446744073709551615', x64: 2 ** 53 - 1, longText: '-7', longNumber: 9 })))
      .toMatchObject({ i64: -5n, u64: 2n ** 64n - 1n, x64: 2n ** 53n - 1n, longText: '-7', longNumber: 9n });
    expect(encoded(scalars, { i64: 0, u64: '0', x64: 0n })).toHaveLength(0);
  });

  it.each([undefined, null, 5, 'text', true, Symbol('a'), () => 1])('refuses %s where a message belongs', (value) => {
    expect(caught(() => encoded(scalars, value))).toMatchObject(badPayload);
  });

  it('refuses containers of another kind', () => {
    for (const [codec, given] of [[lists, { i32: 5 }], [lists, { i32: { length: 1, 0: 1 } }], [lists, { leaf: 'leaves' }], [lists, { text: [undefined] }], [lists, { leaf: [null] }], [lists, { leaf: [5] }],
      [maps, { byText: ['a'] }], [maps, { byText: 'a' }], [maps, { byText: { a: null } }], [choices, { choice: { case: 'text' } }], [choices, { choice: { case: 'leaf', value: null } }],
      [scalars, { $unknown: 5 }], [scalars, { $unknown: [{ no: 1 }] }]] as const) {
      expect(caught(() => encoded(codec, given)), JSON.stringify(given)).toMatchObject(badPayload);
    }
  });

  it('refuses keys that are not the one way to write the key', () => {
    for (const given of [{ byI32: { a: 1 } }, { byI32: { '1.5': 1 } }, { byI32: { '0x1': 1 } }, { byI32: { '4294967296': 1 } }, { byU32: { '-1': 1 } }, { byU64: { '': 1n } }, { byU64: { '99999999999999999999': 1n } }, { byFlag: { yes: true } }]) {
      expect(caught(() => encoded(maps, given)), JSON.stringify(given, (_key, value: unknown) => String(value))).toMatchObject(badPayload);
    }
    expect(decoded(maps, encoded(maps, { byI64: { '-9223372036854775808': 1 }, byU64: { '18446744073709551615': 1n }, byFlag: { true: true, false: false } })))
      .toMatchObject({ byI64: { '-9223372036854775808': 1 }, byU64: { '18446744073709551615': 1n }, byFlag: { true: true, false: false } });
  });

  it('takes undefined and null for an absent field, and an unknown case for none', () => {
    expect(encoded(scalars, { i32: undefined, text: null, leaf: null, blob: undefined, extra: 1 })).toHaveLength(0);
    expect(encoded(optionals, { i32: undefined, leaf: null })).toHaveLength(0);
    expect(encoded(lists, { i32: null, leaf: undefined })).toHaveLength(0);
    expect(encoded(maps, { byText: null })).toHaveLength(0);
    expect(encoded(choices, { choice: { case: undefined }, otherChoice: null })).toHaveLength(0);
    expect(encoded(choices, { choice: { case: 'constructor', value: 1 } })).toHaveLength(0);
  });

  it('writes a field with presence whenever it is set, also to its default, and only then', () => {
    expect(encoded(optionals, { i32: 0, text: '', flag: false })).toHaveLength(6);
    const defaults = descriptorCodec(proto2.DefaultsSchema, generated);
    const message = create(proto2.DefaultsSchema);
    expect(message.i32).toBe(-1);
    expect(encoded(defaults, message)).toHaveLength(0);
    for (const set of [{ i32: -1 }, { flag: true }, { u64: 2n ** 64n - 1n }, { x64: '7' }, { text: message.text }, { blob: message.blob }, { notANumber: Number.NaN }, { level: 5 }]) {
      expect(encoded(defaults, create(proto2.DefaultsSchema, set)), Object.keys(set)[0]).toStrictEqual(toBinary(proto2.DefaultsSchema, create(proto2.DefaultsSchema, set)));
      expect(encoded(defaults, set).length, Object.keys(set)[0]).toBeGreaterThan(0);
    }
  });

  it('refuses to write a message without its required fields, with the name of the first', () => {
    const codec = descriptorCodec(BenchmarkMessageSchema, generated);
    const error = caught(() => encoded(codec, { field1: 'a', field3: 1 }));
    expect(error).toMatchObject(badPayload);
    expect((error as Error).message).toBe('cannot encode rpcxjs.interop.BenchmarkMessage.field2: the field is required and has no value; set it');
  });

  it('refuses a cycle and anything nested deeper than 128 levels', () => {
    const cycle: { only?: unknown } = {};
    cycle.only = cycle;
    const nest = (levels: number): unknown => (levels === 1 ? {} : { only: nest(levels - 1) });
    expect(caught(() => encoded(tree, cycle))).toMatchObject(badPayload);
    expect(caught(() => encoded(tree, nest(129)))).toMatchObject(badPayload);
    expect(decoded(tree, encoded(tree, nest(128)))).toBeTruthy();
    const json: { again?: unknown } = {};
    json.again = json;
    expect(caught(() => encoded(descriptorCodec(proto3.KnownSchema, generated), { struct: json }))).toMatchObject(badPayload);
  });

  it('C3: runs no code of a value but its getters, and turns what those throw into BAD_PAYLOAD', () => {
    const cause = new Error('thrown by a getter');
    const trap = Object.defineProperty({}, 'text', { enumerable: true, get: () => { throw cause; } });
    expect(caught(() => encoded(scalars, trap))).toMatchObject({ ...badPayload, cause });
    expect(caught(() => encoded(scalars, { text: { toString: () => 'text' } }))).toMatchObject(badPayload);
    expect(caught(() => encoded(scalars, { i32: { valueOf: () => 1 } }))).toMatchObject(badPayload);
    expect(caught(() => encoded(scalars, { text: () => 'text' }))).toMatchObject(badPayload);
  });

  it('C1: keeps __proto__ and its like as keys of maps, and touches no prototype', () => {
    const before = [Object.prototype, Array.prototype, Function.prototype].map((object) => Reflect.ownKeys(object));
    const keys = ['__proto__', 'constructor', 'prototype', 'toString', '$typeName'];
    const byText = Object.fromEntries(keys.map((key) => [key, `value of ${key}`]));
    const leaves = Object.fromEntries(keys.map((key) => [key, { name: key }]));
    const structs = Object.fromEntries(keys.map((key) => [key, byText]));
    const back = decoded(maps, encoded(maps, { byText, leaves, structs })) as { byText: object; leaves: object; structs: Record<string, object> };
    for (const map of [back.byText, back.leaves, back.structs, ...Object.values(back.structs)]) {
      expect(Object.keys(map).toSorted()).toStrictEqual(keys.toSorted());
      expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
    }
    expect(Object.getOwnPropertyDescriptor(back.byText, '__proto__')?.value).toBe('value of __proto__');
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect([Object.prototype, Array.prototype, Function.prototype].map((object) => Reflect.ownKeys(object))).toStrictEqual(before);
  });

  it('takes for a Struct what JSON takes, and refuses the rest', () => {
    const known = descriptorCodec(proto3.KnownSchema, generated);
    expect(decoded(known, encoded(known, { struct: { a: [1, null, undefined, { b: 'c' }], left: undefined, out: true } }))).toMatchObject({ struct: { a: [1, null, null, { b: 'c' }], out: true } });
    for (const struct of [5, 'a', [1], { a: 1n }, { a: () => 1 }, { a: [Symbol('a')] }]) expect(caught(() => encoded(known, { struct }))).toMatchObject(badPayload);
  });

  it('does not take what every object inherits for the value of a field of that name', () => {
    const codec = descriptorCodec(InheritedSchema, generated);
    expect(encoded(codec, {})).toHaveLength(0);
    const own = { hasOwnProperty: 'a', isPrototypeOf: 'b', toLocaleString: ['c'], propertyIsEnumerable: { d: 'e' } };
    expect(encoded(codec, own)).toStrictEqual(toBinary(InheritedSchema, create(InheritedSchema, own)));
    expect(difference(decoded(codec, encoded(codec, own)), create(InheritedSchema, own))).toBe(undefined);
  });

  it('writes large bytes and texts, at the top and inside, whatever room there was', () => {
    for (const size of [31, 32, 42, 43, 127, 128, 5461, 16_383, 16_385, 32_767, 32_768, 100_000]) {
      const blob = new Uint8Array(size).fill(7);
      for (const text of ['a'.repeat(size), '许'.repeat(size), `é${'a'.repeat(size)}`, '🚀'.repeat(size)]) {
        expect(difference(decoded(scalars, encoded(scalars, { text, blob, far: text })), create(proto3.ScalarsSchema, { text, blob, far: text }))).toBe(undefined);
        const inside = { blob, name: text, only: { blob, name: text, named: { [text.slice(0, 8)]: { blob } } }, children: [{ blob }, { name: text }] };
        expect(Buffer.compare(encoded(tree, inside), toBinary(proto3.TreeSchema, create(proto3.TreeSchema, inside)))).toBe(0);
      }
    }
  });

  it('writes behind what is there already', () => {
    const writer = createByteWriter();
    for (let index = 0; index < 3000; index++) {
      writer.appendUtf8('|');
      scalars.encode({ text: 'x'.repeat(index % 90), i32: index, blob: new Uint8Array(index % 70) }, writer);
    }
    const expected = Array.from({ length: 3000 }, (_one, index) => [Buffer.from('|'), toBinary(proto3.ScalarsSchema, create(proto3.ScalarsSchema, { text: 'x'.repeat(index % 90), i32: index, blob: new Uint8Array(index % 70) }))]).flat();
    expect(Buffer.concat(expected).equals(writer.finish())).toBe(true);
  });

  it('decodes bytes into memory of their own', () => {
    const bytes = encoded(scalars, { blob: new Uint8Array([1, 2, 3]) });
    const source = Buffer.from(bytes);
    const { blob } = scalars.decode(source, 0, source.length) as { blob: Uint8Array };
    source.fill(9);
    expect(blob).toStrictEqual(new Uint8Array([1, 2, 3]));
    expect(blob.buffer.byteLength).toBe(3);
  });
});

it('reads and writes messages of more fields than are worth a generated function', () => {
  const file = create(FileDescriptorProtoSchema, {
    name: 'wide.proto', syntax: 'proto3',
    messageType: [{ name: 'Wide', field: Array.from({ length: 250 }, (_, index) => ({ name: `f${index}`, number: index + 1, type: FieldDescriptorProto_Type.INT32, label: FieldDescriptorProto_Label.OPTIONAL })) }],
  });
  const schema = createFileRegistry(file, () => undefined).getMessage('Wide');
  if (schema === undefined) throw new Error('the descriptor has no message');
  const value = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`f${index}`, index * 1000]));
  const codec = descriptorCodec(schema, true);
  expect(Buffer.compare(encoded(codec, value), toBinary(schema, create(schema, value)))).toBe(0);
  expect(decoded(codec, encoded(codec, value))).toStrictEqual(create(schema, value));
});
