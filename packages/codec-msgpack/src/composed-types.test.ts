import { RpcError, wire, type PayloadCodec } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { decoded, encoded, encodedTightly, hex, unhex } from '../test/payload.ts';
import { array, map, nullable, optional, struct } from './composed-types.ts';
import { msgpack, msgpackCodec } from './msgpack-codec.ts';
import { any, bool, bytes, duration, float32, float64, int16, int32, int64, int8, string, time, uint16, uint32, uint64, uint8 } from './scalar-types.ts';
import { Timestamp } from './timestamp.ts';
import type { MsgpackType } from './wire-kind.ts';

function pairOf(type: unknown): PayloadCodec {
  const pair = msgpack.compile?.(type);
  if (pair === undefined) throw new Error('that is no wire type');
  return pair;
}

/** Both before and after the pair has made functions of its own. */
const rounds = 70;

function refusal(run: () => unknown): RpcError {
  try {
    run();
  } catch (thrown) {
    if (RpcError.is(thrown)) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

/** The value goes there and back, in every tier, and the type finds it right. */
function exact(type: MsgpackType<unknown>, value: unknown, expected: unknown = value): void {
  const holder = struct({ Before: string, Value: type, After: int32 });
  const pair = pairOf(holder);
  const alone = pairOf(type);
  for (let round = 0; round < rounds; round++) {
    const inside = decoded(pair, encoded(pair, { Before: 'b', Value: value, After: -1 }));
    // Comparing costs far more than the rest.
    if (round % 23 !== 0) continue;
    expect(inside).toStrictEqual({ Before: 'b', Value: expected, After: -1 });
    expect(decoded(alone, encoded(alone, value))).toStrictEqual(expected);
  }
  expect(type['~standard'].validate(value)).toEqual({ value });
}

/** The value is refused before anything is sent, by the pair in every tier and by the type, and the error names the field. */
function refused(type: MsgpackType<unknown>, value: unknown, reason: RegExp, good: unknown): void {
  const holder = struct({ Before: string, Value: type });
  const pair = pairOf(holder);
  const bad = { Before: 'b', Value: value };
  for (let round = 0; round < 20; round++) {
    const error = refusal(() => encoded(pair, bad));
    expect(error).toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD', sent: false });
    expect(error.message).toMatch(/: Value/);
    expect(error.message).toMatch(reason);
    encoded(pair, { Before: 'b', Value: good });
  }
  const verdict = holder['~standard'].validate(bad);
  expect(verdict).toMatchObject({ issues: [{ message: expect.stringMatching(reason) }] });
}

const limits: readonly (readonly [string, MsgpackType<unknown>, bigint, bigint])[] = [
  ['int8', int8, -128n, 127n], ['int16', int16, -32_768n, 32_767n], ['int32', int32, -(2n ** 31n), 2n ** 31n - 1n], ['int64', int64, -(2n ** 63n), 2n ** 63n - 1n],
  ['uint8', uint8, 0n, 255n], ['uint16', uint16, 0n, 65_535n], ['uint32', uint32, 0n, 2n ** 32n - 1n], ['uint64', uint64, 0n, 2n ** 64n - 1n], ['duration', duration, -(2n ** 63n), 2n ** 63n - 1n],
];

/** As a number where that is exact. */
function natural(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

describe('A5: integers', () => {
  for (const [name, type, low, high] of limits) {
    it(`${name} holds ${low} to ${high} exactly and refuses what lies beyond`, () => {
      const inside = [low, low + 1n, -1n, 0n, 1n, 31n, 127n, 128n, 255n, 256n, 65_535n, 65_536n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 1_763_683_200_123n, high - 1n, high];
      for (const value of inside.filter((one) => one >= low && one <= high)) {
        exact(type, natural(value));
        exact(type, value, natural(value));
      }
      for (const value of [low - 1n, high + 1n]) {
        refused(type, value, /does not fit/, 0);
        refused(type, Number(value), /does not fit|beyond 2\^53/, 0);
      }
    });

    it(`${name} refuses what is no integer`, () => {
      for (const value of [0.5, NaN, Infinity, '5', true, null, undefined, {}, [1], new Date(), { valueOf: () => 1 }]) refused(type, value, /a whole number/, 1);
      exact(type, -0, 0);
    });

    it(`${name} reads any width, and refuses a value that does not fit`, () => {
      const pair = pairOf(struct({ V: type }));
      for (const payload of ['05', 'cc05', 'cd0005', 'ce00000005', 'cf0000000000000005', 'd005', 'd10005', 'd200000005', 'd30000000000000005', 'ca40a00000', 'cb4014000000000000']) {
        for (let round = 0; round < rounds; round++) expect(decoded(pair, unhex(`81a156${payload}`))).toStrictEqual({ V: 5 });
      }
      expect(decoded(pair, unhex('81a156c0'))).toStrictEqual({ V: 0 });
      for (const payload of ['a135', 'c3', '90', '80', 'c400', 'cb3fe0000000000000', 'cb7ff8000000000000', 'd6ff00000000']) expect(refusal(() => decoded(pair, unhex(`81a156${payload}`))).reason).toBe('BAD_PAYLOAD');
      if (low === 0n) for (const payload of ['ff', 'd0ff', 'd1ffff', 'd2ffffffff', 'd3ffffffffffffffff']) expect(() => decoded(pair, unhex(`81a156${payload}`))).toThrow(/-1 does not fit/);
      else if (high === 2n ** 63n - 1n) expect(() => decoded(pair, unhex('81a156cfffffffffffffffff'))).toThrow(/18446744073709551615 does not fit/);
      if (high < 2n ** 53n) for (let round = 0; round < rounds; round++) expect(() => decoded(pair, unhex('81a156cf0000000100000000'))).toThrow(/4294967296 does not fit/);
    });
  }

  it('unsigned forms of a signed field are checked after learning too', () => {
    for (const [type, good, bad] of [[int8, 'cc7f', 'cc80'], [int16, 'cd7fff', 'cd8000'], [int32, 'ce7fffffff', 'ce80000000']] as const) {
      const pair = pairOf(struct({ V: type }));
      for (let round = 0; round < rounds; round++) decoded(pair, unhex(`81a156${good}`));
      expect(() => decoded(pair, unhex(`81a156${bad}`))).toThrow(/does not fit/);
    }
  });

  it('64 bits are read as the field says', () => {
    const pair = pairOf(struct({ A: int64, B: int64.bigint, C: int64.number }));
    for (let round = 0; round < rounds; round++) expect(decoded(pair, unhex('83a141d30000000000000005a142d30000000000000005a143d30000000000000005'))).toStrictEqual({ A: 5, B: 5n, C: 5 });
    expect(decoded(pair, unhex('82a141d37fffffffffffffffa142d37fffffffffffffff'))).toStrictEqual({ A: 2n ** 63n - 1n, B: 2n ** 63n - 1n, C: 0 });
    expect(() => decoded(pair, unhex('81a143d30020000000000000'))).toThrow(/9007199254740992 is no exact number; declare the field as int64 or int64\.bigint/);
    expect(decoded(pair, unhex('80'))).toStrictEqual({ A: 0, B: 0n, C: 0 });
    // The codec's own option is for messages without a type.
    expect(decoded(msgpackCodec({ int64: 'bigint' }).compile?.(int64) as PayloadCodec, unhex('d30000000000000005'))).toBe(5);
  });
});

describe('A5: floats', () => {
  it('float64 keeps whole numbers, -0, NaN and infinities as floats', () => {
    for (const value of [0, -0, 1, -1, 0.1, 5, 2 ** 53, 1e300, Number.MIN_VALUE, Infinity, -Infinity, NaN]) {
      exact(float64, value);
      expect(hex(encoded(pairOf(float64), value))).toMatch(/^cb/);
    }
    for (const value of ['1', 1n, null, undefined, true]) refused(float64, value, /a number is expected/, 1);
  });

  it('float32 takes what a float32 equals and refuses the rest; rounded takes the nearest', () => {
    for (const value of [0, -0, 1, 0.5, 16_777_216, 3.4028234663852886e38, 1.401298464324817e-45, Infinity, -Infinity, NaN, Math.fround(0.1)]) exact(float32, value);
    for (const value of [0.1, 16_777_217, 1e-46]) {
      refused(float32, value, /no float32; pass Math\.fround/, 1);
      exact(float32.rounded, value, Math.fround(value));
    }
    refused(float32, 1e39, /is no float32/, 1);
    refused(float32.rounded, 1e39, /beyond what a float32 can hold/, 1);
    for (const value of ['1', 1n, null, undefined]) for (const type of [float32, float32.rounded]) refused(type, value, /a number is expected/, 1);
    expect(hex(encoded(pairOf(float32), 1))).toBe('ca3f800000');
  });

  it('both read integers and each other\'s form, as long as nothing is rounded', () => {
    for (const type of [float32, float64]) {
      const pair = pairOf(type);
      expect(['05', 'ff', 'cd0100', 'ca3f000000', 'cb3fe0000000000000', 'c0', 'cf0020000000000000'].map((payload) => decoded(pair, unhex(payload)))).toEqual([5, -1, 256, 0.5, 0.5, 0, 2 ** 53]);
      expect(() => decoded(pair, unhex('cf0020000000000001'))).toThrow(/9007199254740993 is no exact/);
      for (const payload of ['a131', 'c3', '90']) expect(() => decoded(pair, unhex(payload))).toThrow(/is expected; do both sides declare the same type/);
    }
  });
});

describe('A5: other values', () => {
  it('times keep nanoseconds', () => {
    for (const value of [new Date(0), new Date(1_700_000_000_123), new Date(-1), new Date(-62_135_596_800_000), new Date(8.64e15), new Timestamp(1_700_000_000, 123_456_789), new Timestamp(-1, 999_999_999), new Timestamp(2 ** 34, 1)]) exact(time, value);
    for (const value of ['2023-11-14', 5, null, undefined]) refused(time, value, /a valid Date is expected/, new Date());
    refused(time, new Date(NaN), /a valid Date is expected, not one without a time/, new Date());
    expect(decoded(pairOf(time), unhex('c0'))).toStrictEqual(new Date('0001-01-01T00:00:00Z'));
    expect(() => decoded(pairOf(time), unhex('d40105'))).toThrow(/extension type 1 is no timestamp/);
  });

  it('strings, bytes and booleans are what they are', () => {
    for (const value of ['', 'a', 'é'.repeat(31), '服务'.repeat(50), '🚀', 'x'.repeat(70_000)]) exact(string, value);
    for (const value of [new Uint8Array(0), new Uint8Array(300).fill(1), new Uint8Array(33_000)]) exact(bytes, value);
    for (const value of [true, false]) exact(bool, value);
    for (const value of [5, null, undefined, new String('x')]) refused(string, value, /a string is expected/, '');
    for (const value of [1n, -(2n ** 70n)]) refused(float64, value, new RegExp(`a number is expected, not the bigint ${value}`), 1);
    for (const value of ['x', [1], null, new ArrayBuffer(1)]) refused(bytes, value, /a Uint8Array is expected/, new Uint8Array(0));
    for (const value of [0, 'true', null, undefined]) refused(bool, value, /a boolean is expected/, true);
    expect([decoded(pairOf(string), unhex('c40161')), decoded(pairOf(bytes), unhex('a161')), decoded(pairOf(string), unhex('c0')), decoded(pairOf(bytes), unhex('c0')), decoded(pairOf(bool), unhex('c0'))])
      .toStrictEqual(['a', new Uint8Array([0x61]), '', new Uint8Array(0), false]);
    for (const [type, payload] of [[string, '05'], [bytes, '90'], [bool, '01']] as const) expect(() => decoded(pairOf(type), unhex(payload))).toThrow(/is expected; do both sides/);
  });

  it('text with half of a surrogate pair cannot arrive as it is, and is refused', () => {
    for (const value of ['\ud800', 'a\udc00b', '🚀\ud83d', `${'服'.repeat(40)}\ud800`, `${'x'.repeat(40_000)}\udfff`]) {
      refused(string, value, /well-formed text is expected, not a string with half of a surrogate pair/, '');
      refused(nullable(string), value, /well-formed text/, null);
      refused(array(string), ['a', value], /Value\[1\]: well-formed text/, []);
      refused(map(string, int8), { [value]: 1 }, /Value\(key\): well-formed text/, {});
    }
    for (const value of ['🚀', '\ud83d\ude80'.repeat(20), '\ufffd', `${'x'.repeat(40_000)}服🚀`]) exact(string, value);
  });

  it('arrays and maps hold their type', () => {
    for (const value of [[], [1, -2], Array.from({ length: 300 }, (_, index) => index)]) exact(array(int32), value);
    expect(encoded(pairOf(array(int8)), new Array(70_000).fill(1)).subarray(0, 6)).toStrictEqual(new Uint8Array(unhex('dd0001117001')));
    exact(array(array(string)), [['a'], []]);
    exact(map(string, array(int8)), { a: [1], b: [] });
    exact(map(int64, string), new Map<number | bigint, string>([[1, 'a'], [2n ** 60n, 'b']]));
    exact(map(uint8, bool), new Map([[255, true]]));
    for (const [type, payload, empty] of [[array(int32), 'c0', []], [map(string, int8), 'c0', {}], [map(int8, int8), 'c0', new Map()]] as const) expect(decoded(pairOf(type), unhex(payload))).toStrictEqual(empty);
    refused(array(int8), [1, 300], /Value\[1\]: 300 does not fit int8/, []);
    refused(array(int8), 'ab', /an array is expected/, []);
    refused(map(string, int8), { a: 1, b: 300 }, /Value\["b"\]: 300/, {});
    for (const value of [new Map(), new Set([1]), new Date(), Promise.resolve(), new Uint8Array(2)]) refused(map(string, int8), value, /an object is expected/, {});
    for (const value of [Object.create(null) as object, new (class Tags { a = 1; })(), { constructor: 1 }]) encoded(pairOf(map(string, int8)), value);
    refused(map(int8, int8), { a: 1 }, /a Map is expected/, new Map());
    refused(map(int8, int8), new Map([[300, 1]]), /Value\(key\): 300/, new Map());
    expect(() => map(float64 as never, int8)).toThrow(/a key cannot be float64/);
    for (const payload of ['05', 'dd7fffffff', '9305']) expect(() => decoded(pairOf(array(int32)), unhex(payload))).toThrow(/cannot be read/);
    for (const payload of ['05', 'df7fffffff', '82a161']) expect(() => decoded(pairOf(map(string, int8)), unhex(payload))).toThrow(/cannot be read/);
  });

  it('C1: keys of a map like __proto__ are own data', () => {
    const read = decoded(pairOf(map(string, any)), encoded(msgpack, Object.fromEntries([['__proto__', { isAdmin: true }]]))) as object;
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(Object.keys(read)).toEqual(['__proto__']);
    const odd = struct(Object.fromEntries([['__proto__', int8], ['constructor', int8], ['"]', int8], ['\u2028', int8]]) as { readonly constructor: typeof int8 });
    const pair = pairOf(odd);
    const value = Object.fromEntries([['__proto__', 1], ['constructor', 2], ['"]', 3], ['\u2028', 4]]);
    for (let round = 0; round < rounds; round++) {
      const back = decoded(pair, encoded(pair, value)) as object;
      expect([Object.getPrototypeOf(back) === Object.prototype, Object.entries(back)]).toEqual([true, Object.entries(value)]);
    }
  });

  it('C1: a field that is called like what every object has is missing where the object has none of its own', () => {
    const odd = struct({ constructor: optional(string), toString: optional(int8), ['__proto__']: nullable(int8), valueOf: optional(bool), a: int8 } as unknown as { readonly a: typeof int8 });
    const pair = pairOf(odd);
    const value = Object.fromEntries([['__proto__', null], ['a', 1]]) as { a: number };
    expect(odd['~standard'].validate(value)).toEqual({ value });
    for (let round = 0; round < rounds; round++) {
      expect(Object.entries(decoded(pair, encoded(pair, value)) as object).filter(([, one]) => one !== undefined)).toEqual([['__proto__', null], ['a', 1]]);
      expect(encoded(pair, value).slice(0, 11)).toEqual(encoded(msgpack, value).slice(0, 11));
    }
    refused(struct({ constructor: string } as unknown as { readonly a: typeof string }), {}, /constructor: a string is expected, not undefined/, Object.fromEntries([['constructor', 'x']]) as { a: string });
  });
});

describe('struct', () => {
  const inner = struct({ X: int32, Y: optional(string) });
  const type = struct({ Id: int64, name: string.as('Name'), Inner: inner, Maybe: nullable(inner), Note: optional(string), List: array(inner), Any: any });
  const full = { Id: 1, name: 'n', Inner: { X: 1, Y: 'y' }, Maybe: { X: 2, Y: undefined }, Note: 'note', List: [{ X: 3, Y: 'z' }], Any: { a: [1] } };

  it('writes its fields in their order under their wire names', () => {
    const pair = pairOf(type);
    const expected = hex(encoded(msgpack, { Id: 1, Name: 'n', Inner: { X: 1, Y: 'y' }, Maybe: { X: 2 }, Note: 'note', List: [{ X: 3, Y: 'z' }], Any: { a: [1] } }));
    const { Any: last, Id: first, ...others } = full;
    for (let round = 0; round < rounds; round++) {
      expect(hex(encoded(pair, full))).toBe(expected);
      expect(hex(encoded(pair, { Any: last, ...others, Id: first }))).toBe(expected);
      expect(hex(encoded(pair, { Id: first, Any: last, ...others, more: 1 }))).toBe(expected);
      expect(decoded(pair, encoded(pair, full))).toStrictEqual(full);
      expect(hex(encodedTightly(pair, full))).toBe(expected);
    }
  });

  it('gives absent fields Go\'s zero value, optional ones undefined and nullable ones null', () => {
    const zero = { Id: 0, name: '', Inner: { X: 0, Y: undefined }, Maybe: null, Note: undefined, List: [], Any: null };
    const pair = pairOf(type);
    const nils = hex(encoded(msgpack, { Id: null, Name: null, Inner: null, Maybe: null, Note: null, List: null, Any: null }));
    for (let round = 0; round < rounds; round++) {
      expect(decoded(pair, unhex('80'))).toStrictEqual(zero);
      expect(decoded(pair, unhex('c0'))).toStrictEqual(zero);
      expect(decoded(pair, unhex(nils))).toStrictEqual(zero);
      expect(decoded(pair, unhex('81a2496405'))).toStrictEqual({ ...zero, Id: 5 });
    }
    const first = decoded(pair, unhex('80')) as { List: number[] };
    first.List.push(1);
    expect(decoded(pair, unhex('80'))).toStrictEqual(zero);
  });

  it('reads fields in any order, skips unknown ones and lets the last of equal ones win', () => {
    const pair = pairOf(inner);
    const orders = ['82a15805a159a161', '82a159a161a15805', '83a15a81a16190a15805a159a161', '83a15801a159a161a15805', '82d90158d30000000000000005c40159c40161'];
    for (let round = 0; round < rounds; round++) for (const payload of orders) expect(decoded(pair, unhex(payload))).toStrictEqual({ X: 5, Y: 'a' });
    expect(() => decoded(pair, unhex('82a15a05a1'))).toThrow(/cannot be read/);
    expect(() => decoded(pair, unhex('81a15ac1'))).toThrow(/0xc1/);
  });

  it('is right when the order, the keys or the forms of values change after learning', () => {
    const pair = pairOf(inner);
    for (let round = 0; round < 200; round++) decoded(pair, unhex('82a15805a159a161'));
    for (let round = 0; round < 5; round++) {
      expect(decoded(pair, unhex('82a158d200000009a159d90162'))).toStrictEqual({ X: 9, Y: 'b' });
      expect(decoded(pair, unhex('82a159a161a15805'))).toStrictEqual({ X: 5, Y: 'a' });
      expect(decoded(pair, unhex('82a15805a157a161'))).toStrictEqual({ X: 5, Y: undefined });
      expect(decoded(pair, unhex('82a158c0a159c0'))).toStrictEqual({ X: 0, Y: undefined });
      expect(() => decoded(pair, unhex('82a15805a15905'))).toThrow(/string is expected/);
      expect(() => decoded(pair, unhex('82a158a161a159a161'))).toThrow(/int32 is expected/);
      expect(() => decoded(pair, unhex('82a15805a159a261'))).toThrow(/cannot be read/);
    }
  });

  it('reads Go\'s as_array form', () => {
    expect(decoded(pairOf(inner), unhex('9205a161'))).toStrictEqual({ X: 5, Y: 'a' });
    expect(() => decoded(pairOf(inner), unhex('9105'))).toThrow(/a struct of 2 fields is expected/);
  });

  it('names the path of what does not fit, and refuses what is no object', () => {
    const pair = pairOf(type);
    const cases: [object, RegExp][] = [
      [{ ...full, Inner: { X: 2 ** 31 } }, /Inner\.X: 2147483648 does not fit int32 \(-2147483648 to 2147483647\)/], [{ ...full, List: [{ X: 1 }, { X: 'a' }] }, /List\[1\]\.X: a whole number is expected, not the string "a"/],
      [{ ...full, Id: undefined }, /Id: a whole number is expected, not undefined/], [{ ...full, Note: null }, /Note: a string is expected, not null/], [{ ...full, Maybe: undefined }, /Maybe: an object is expected, not undefined/],
      [{ ...full, Inner: [] }, /Inner: an object is expected, not Array/], [{ ...full, Any: () => 1 }, /a function/], [{ ...full, name: 'x'.repeat(100) + 1, Id: 'x'.repeat(100) }, /x{40}…/],
    ];
    for (let round = 0; round < 12; round++) {
      for (const [value, reason] of cases) expect(() => encoded(pair, value)).toThrow(reason);
      encoded(pair, full);
    }
    for (const value of [null, undefined, 5, 'x', []]) expect(() => encoded(pair, value)).toThrow(/an object is expected/);
    for (const payload of ['05', 'a161', '91']) expect(() => decoded(pair, unhex(payload))).toThrow(/cannot be read/);
  });

  it('reads each property of an optional field once, so that its count never lies', () => {
    const pair = pairOf(struct({ A: optional(int8), B: int8 }));
    for (let round = 0; round < 20; round++) {
      let reads = 0;
      const value = { get A() { return reads++ % 2 === 0 ? undefined : 1; }, B: 2 };
      let payload: Uint8Array | undefined;
      try {
        payload = encoded(pair, value);
      } catch (thrown) {
        expect(thrown).toMatchObject({ reason: 'BAD_PAYLOAD' });
      }
      if (payload !== undefined) expect(decoded(pair, payload)).toHaveProperty('B', 2);
    }
  });

  it('holds more fields than are ever compiled', () => {
    const wide = struct(Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`Field${index}`, index % 2 === 0 ? optional(int32) : string])));
    const pair = pairOf(wide);
    const value = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`Field${index}`, index % 2 === 0 ? index : `v${index}`]));
    for (let round = 0; round < rounds; round++) expect(decoded(pair, encoded(pair, value))).toStrictEqual(value);
  });

  it('nests no deeper than the codec allows', () => {
    const shallow = msgpackCodec({ maxDepth: 2 });
    const pair = shallow.compile?.(struct({ A: struct({ B: struct({ C: int8 }) }) })) as PayloadCodec;
    for (let round = 0; round < 20; round++) {
      expect(() => encoded(pair, { A: { B: { C: 1 } } })).toThrow(/deeper than 2/);
      expect(() => decoded(pair, unhex('81a14181a14281a14301'))).toThrow(/deeper than 2/);
    }
  });

  it('refuses fields that are none, and two of one wire name', () => {
    expect(() => struct({ A: 5 as never })).toThrow(/struct: the field "A" is no type of @rpcxjs\/codec-msgpack/);
    expect(() => struct({ A: int8, B: int8.as('A') })).toThrow(/two fields are called "A"/);
    expect(() => int8.as('')).toThrow(TypeError);
    expect(() => array(undefined as never)).toThrow(TypeError);
    for (const nothing of [undefined, null, 5, 'int8', [int8]]) expect(() => struct(nothing as never)).toThrow(/struct: it takes an object of fields/);
    expect(() => struct({ '': int8 })).toThrow(/struct: a field needs a name that is not empty/);
    expect(() => array(optional(int8))).toThrow(/array: the element cannot be left out; use nullable/);
    expect(() => map(string, optional(int8))).toThrow(/map: the value cannot be left out; use nullable/);
    expect(() => nullable(optional(int8))).toThrow(/nullable: the type cannot be left out; write optional\(nullable\(…\)\)/);
  });

  it('is found by the codec in a schema that carries it, and nothing else is', () => {
    const schema = { '~standard': {}, [wire]: inner[wire] };
    expect(decoded(pairOf(schema), unhex('81a15805'))).toStrictEqual({ X: 5, Y: undefined });
    expect(decoded(pairOf(inner[wire]['msgpack']), unhex('81a15805'))).toStrictEqual({ X: 5, Y: undefined });
    for (const other of [{}, null, 5, 'x', { [wire]: { protobuf: {} } }]) expect(msgpack.compile?.(other)).toBeUndefined();
    expect(msgpackCodec({ learn: false }).compile?.(undefined)).toBeUndefined();
  });

  it('keeps a new name under optional and nullable', () => {
    const pair = pairOf(struct({ a: optional(int8.as('A')), b: nullable(int8.as('B')), c: optional(int8).as('C') }));
    expect(hex(encoded(pair, { a: 1, b: null, c: 2 }))).toBe('83a14101a142c0a14302');
  });
});
