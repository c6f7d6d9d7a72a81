import { RpcError, type Codec, type PayloadCodec } from '@rpcxjs/core';
import { runInNewContext, runInThisContext } from 'node:vm';
import { ExtData, ExtensionCodec, decode as oracleDecode, encode as oracleEncode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import { decoded, encoded, hex, unhex } from '../test/payload.ts';
import { Extension } from './extension.ts';
import { Float32, Float64 } from './float-marker.ts';
import { msgpack, msgpackCodec } from './msgpack-codec.ts';
import { map, struct } from './composed-types.ts';
import { float32, float64, int64, int8 } from './scalar-types.ts';
import { Timestamp } from './timestamp.ts';

function written(value: unknown, codec: Codec = msgpack): string {
  return hex(encoded(codec, value));
}

function refusal(run: () => unknown): RpcError {
  try {
    run();
  } catch (thrown) {
    if (RpcError.is(thrown)) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

class Later {
  then(): void {}
}

describe('msgpack', () => {
  it('is rpcx\'s serialize type 3', () => {
    expect([msgpack.id, msgpack.name]).toEqual([3, 'msgpack']);
  });

  it('writes whole numbers as integers of the least width, and never as floats', () => {
    const cases: [number, string][] = [
      [0, '00'], [-0, '00'], [127, '7f'], [128, 'cc80'], [255, 'ccff'], [256, 'cd0100'], [65_535, 'cdffff'], [65_536, 'ce00010000'], [2 ** 31 - 1, 'ce7fffffff'], [2 ** 31, 'ce80000000'], [2 ** 32 - 1, 'ceffffffff'],
      [2 ** 32, 'cf0000000100000000'], [1_700_000_000_000, 'cf0000018bcfe56800'], [2 ** 53 - 1, 'cf001fffffffffffff'], [2 ** 53, 'cf0020000000000000'], [2 ** 62, 'cf4000000000000000'],
      [-1, 'ff'], [-32, 'e0'], [-33, 'd0df'], [-128, 'd080'], [-129, 'd1ff7f'], [-32_768, 'd18000'], [-32_769, 'd2ffff7fff'], [-(2 ** 31), 'd280000000'], [-(2 ** 31) - 1, 'd3ffffffff7fffffff'],
      [-(2 ** 53), 'd3ffe0000000000000'], [-(2 ** 63), 'd38000000000000000'],
    ];
    for (const [value, expected] of cases) expect([value, written(value)]).toEqual([value, expected]);
  });

  it('writes what no int64 holds as a float64', () => {
    const cases: [number, string][] = [[0.5, 'cb3fe0000000000000'], [2 ** 63, 'cb43e0000000000000'], [1e300, 'cb7e37e43c8800759c'], [Infinity, 'cb7ff0000000000000'], [-Infinity, 'cbfff0000000000000'], [NaN, 'cb7ff8000000000000']];
    for (const [value, expected] of cases) expect([value, written(value)]).toEqual([value, expected]);
  });

  it('writes a bigint in 64 bits and refuses one that does not fit', () => {
    expect([5n, -5n, 2n ** 64n - 1n, -(2n ** 63n)].map((value) => written(value))).toEqual(['cf0000000000000005', 'd3fffffffffffffffb', 'cfffffffffffffffff', 'd38000000000000000']);
    for (const value of [2n ** 64n, -(2n ** 63n) - 1n]) expect(() => written(value)).toThrow(/does not fit 64 bits; send it as text or bytes/);
  });

  it('writes float32(…) and float64(…) as they say', () => {
    expect([written(float32(5)), written(float32(0.1)), written(float64(5)), written(float64(-0)), written([float32(0.5)])])
      .toEqual(['ca40a00000', 'ca3dcccccd', 'cb4014000000000000', 'cb8000000000000000', '91ca3f000000']);
    expect(decoded(msgpack, encoded(msgpack, float64(-0)))).toBe(-0);
    expect([float32(0.1), float64(2)]).toEqual([new Float32(Math.fround(0.1)), new Float64(2)]);
    expect(+float32(0.5) + +float64(2)).toBe(2.5);
    for (const value of ['5', undefined, null, 5n]) for (const make of [float32, float64]) expect(() => make(value as never)).toThrow(/takes a number, not/);
  });

  it('writes undefined as nil, and reads an empty payload as undefined', () => {
    expect([written(undefined), written({ a: undefined }), written([undefined, null])]).toEqual(['c0', '81a161c0', '92c0c0']);
    expect(msgpack.decode(new Uint8Array(4), 2, 2)).toBeUndefined();
  });

  it('writes bytes as bin and reads a copy', () => {
    for (const size of [0, 1, 255, 256, 65_535, 65_536]) {
      const bytes = new Uint8Array(size).fill(9);
      expect(decoded(msgpack, encoded(msgpack, bytes))).toStrictEqual(bytes);
      expect(written(bytes)).toBe(hex(oracleEncode(bytes)));
    }
    expect([written(Buffer.from([1])), written(new Uint8ClampedArray([1])), written(new Uint8Array([1]).buffer), written(new DataView(new ArrayBuffer(1)))]).toEqual(['c40101', 'c40101', 'c40101', 'c40100']);
    const source = Buffer.from('c40101', 'hex');
    const read = msgpack.decode(source, 0, 3);
    source.fill(7);
    expect(read).toStrictEqual(new Uint8Array([1]));
  });

  it('writes arrays of numbers as arrays, float32 ones in that width', () => {
    expect([written(new Int8Array([-1, 5])), written(new Uint32Array([7])), written(new Float32Array([0.5])), written(new Float64Array([1])), written(new BigInt64Array([1n]))])
      .toEqual(['92ff05', '9107', '91ca3f000000', '91cb3ff0000000000000', '91cf0000000000000001']);
  });

  it('writes bytes and arrays of another realm, such as a test runner makes, as its own', () => {
    for (const made of ['new Uint8Array([1, 2])', 'new Uint8ClampedArray([1, 2])', 'new DataView(new Uint8Array([1, 2]).buffer)', 'new Float32Array([1, 2])', 'new Float64Array([1, 2])', 'new Int8Array([1, 2])', 'new Date(1)', 'new Map([[1, 2]])']) {
      expect(`${made} ${written(runInNewContext(made))}`).toBe(`${made} ${written(runInThisContext(made))}`);
    }
  });

  it('writes a Map with keys of any type', () => {
    expect(written(new Map<unknown, unknown>([[1, 'a'], ['b', new Map()]]))).toBe('8201a161a16280');
    expect(decoded(msgpack, unhex('8201a161a16280'))).toStrictEqual({ 1: 'a', b: {} });
  });

  it('refuses a Map that a getter changes while it is written', () => {
    const growing = new Map<number, unknown>();
    growing.set(1, { get a(): number { return growing.set(growing.size + 1, 1).size; } });
    expect(() => written(growing)).toThrow(/a Map changed while it was being written/);
    const typed = map(int8, struct({ a: int8 }));
    expect(() => encoded(msgpack.compile?.(typed) as PayloadCodec, new Map([[1, { get a(): number { return growing.size; } }], [2, { get a(): number { return 1; } }]]))).not.toThrow();
    const shrinking = new Map([[1, { get a(): number { shrinking.delete(2); return 1; } }], [2, { a: 1 }]]);
    expect(() => encoded(msgpack.compile?.(typed) as PayloadCodec, shrinking)).toThrow(/cannot be written/);
  });

  it('reads map keys that are numbers, booleans and binary as text, and refuses others', () => {
    expect(decoded(msgpack, unhex('84ff01cfffffffffffffffff02c303c4016104'))).toStrictEqual({ '-1': 1, '18446744073709551615': 2, true: 3, a: 4 });
    for (const key of ['c0', '90', '80', 'd6ff00000000', 'c1']) expect(() => decoded(msgpack, unhex(`81${key}01`))).toThrow(/cannot be read/);
  });

  it('writes own enumerable properties of any object of data, with any text as key', () => {
    class Order { id = 1; #secret = 2; get total(): number { return this.#secret; } }
    expect(decoded(msgpack, encoded(msgpack, new Order()))).toStrictEqual({ id: 1 });
    for (const size of [0, 1, 7, 8, 31, 32, 40, 41, 255, 256, 65_535, 65_536, 100_000]) {
      const object = { ['k'.repeat(size)]: 'v'.repeat(size), ['é'.repeat(size)]: '服'.repeat(size) };
      expect(decoded(msgpack, encoded(msgpack, object))).toStrictEqual(object);
      expect(written(object)).toBe(hex(oracleEncode(object)));
    }
    expect(written({ a: 1, [Symbol('b')]: 2 })).toBe('81a16101');
  });

  it('writes half a surrogate pair as U+FFFD and reads malformed UTF-8 the same way', () => {
    for (const text of ['\ud800', 'a\udc00b', '\ud83d'.repeat(3), `${'服'.repeat(40)}\ud800`, '🚀\ud83d']) expect(decoded(msgpack, encoded(msgpack, text))).toBe(new TextDecoder().decode(new TextEncoder().encode(text)));
    const malformed = ['ff', 'c0af', 'e080af', 'eda080', 'f08080af', 'f4908080', 'e6', 'f09f', '61c3', 'f5808080', 'e38080ff', '80', `${'e69c8d'.repeat(5)}eda080`, `${'e69c8d'.repeat(4)}e0809f`];
    for (const bad of ['eda080', 'edbfbf', 'e0809f', 'e09f', 'e6ff8d', 'e69cff']) for (let at = 0; at < 6; at++) malformed.push(`${'e69c8d'.repeat(at)}${bad}${'e69c8d'.repeat(5 - at)}`);
    for (const bytes of malformed) {
      const payload = Buffer.concat([Buffer.from([0xa0 + bytes.length / 2]), Buffer.from(bytes, 'hex')]);
      expect([bytes, decoded(msgpack, payload)]).toEqual([bytes, new TextDecoder().decode(payload.subarray(1))]);
    }
  });

  it('keeps nanoseconds: a date with finer digits is a Timestamp', () => {
    const read = decoded(msgpack, unhex('d7ff1d6f34546553f100'));
    expect(read).toBeInstanceOf(Timestamp);
    expect(read).toMatchObject({ nanoseconds: 123_456_789 });
    expect((read as Date).toISOString()).toBe('2023-11-14T22:13:20.123Z');
    expect(written(read)).toBe('d7ff1d6f34546553f100');
    (read as Date).setUTCFullYear(2024);
    expect((decoded(msgpack, encoded(msgpack, read)) as Timestamp).nanoseconds).toBe(123_456_789);
    (read as Date).setUTCMilliseconds(5);
    expect(decoded(msgpack, encoded(msgpack, read))).toStrictEqual(new Date((read as Date).getTime()));
    expect(() => new Timestamp(1, 1e9)).toThrow(TypeError);
    expect(() => new Timestamp(0.5, 0)).toThrow(TypeError);
    expect(() => new Timestamp(9e12, 0)).toThrow(TypeError);
  });

  it('refuses timestamps that are none, and an invalid Date', () => {
    for (const payload of ['d7ffee6b28006553f100', 'd5ff0000', 'c70cff000000007fffffffffffffff', 'c703ff000000']) expect(() => decoded(msgpack, unhex(payload))).toThrow(/a timestamp/);
    expect(() => written(new Date(NaN))).toThrow(/a Date is invalid/);
    // The number under which other libraries wrote it before -1 was assigned.
    expect(decoded(msgpack, unhex('d60d6553f100'))).toStrictEqual(new Date(1_700_000_000_000));
  });

  it('C3: writes data only', () => {
    const kinds: [unknown, RegExp][] = [
      [() => 1, /a function/], [Symbol('x'), /a symbol/], [Promise.resolve(1), /a promise \(is an await missing\?\)/], [{ then: () => 1 }, /a function/], [new Later(), /a promise/],
      [new Set([1]), /kind Set/], [/x/, /kind RegExp/], [new Error('x'), /kind Error/], [new WeakMap(), /kind WeakMap/], [Object(1), /kind Number/], [Object('x'), /kind String/], [Object(1n), /kind BigInt/],
    ];
    for (const [value, reason] of kinds) {
      for (const inside of [value, { a: [value] }]) {
        const error = refusal(() => written(inside));
        expect(error).toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD', sent: false });
        expect(error.message).toMatch(reason);
      }
    }
  });

  it('names the path of what it refuses', () => {
    const paths: [unknown, RegExp][] = [
      [{ lines: [1, 2, { run: () => 1 }] }, /as msgpack: lines\[2\]\.run: it contains a function/], [[[Promise.resolve(1)]], /as msgpack: \[0\]\[0\]: it contains a promise/], [() => 1, /as msgpack: it contains a function/],
      [{ a: 1, big: 2n ** 64n }, /as msgpack: big: the bigint/], [{ at: new Date(NaN) }, /as msgpack: at: a Date is invalid/], [{ a: { get b(): never { throw new Error('no b'); } } }, /as msgpack: a\.b: no b/],
    ];
    const pair = msgpack.compile?.(undefined) as PayloadCodec;
    for (const [value, reason] of paths) for (let round = 0; round < 20; round++) expect(() => encoded(round % 2 === 0 ? pair : msgpack, value)).toThrow(reason);
  });

  it('C3: revives nothing: class tags are data, unknown extensions are bytes', () => {
    const value = { '@type': 'Function', constructor: { name: 'Date' }, $ref: '#', toString: 'x', __proto__: null };
    expect(JSON.stringify(decoded(msgpack, encoded(msgpack, { ...value })))).toBe(JSON.stringify({ ...value }));
    expect(decoded(msgpack, unhex('c70301616263'))).toStrictEqual(new Extension(1, new Uint8Array([0x61, 0x62, 0x63])));
    expect(written(new Extension(1, new Uint8Array([0x61, 0x62, 0x63])))).toBe('c70301616263');
    expect(() => written(new Extension(200, new Uint8Array(1)))).toThrow(/extension type 200/);
    expect(() => written(new Extension(1, 'x' as never))).toThrow(/the data of extension type 1 is no Uint8Array/);
  });

  it('C1: keys like __proto__ are own data and change no prototype', () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      const payload = encoded(msgpack, { outer: { [key]: { isAdmin: true } } });
      const { outer } = decoded(msgpack, payload) as { readonly outer: object };
      expect(Object.getPrototypeOf(outer)).toBe(Object.prototype);
      expect(Object.hasOwn(outer, key)).toBe(true);
      expect('isAdmin' in outer).toBe(false);
    }
  });

  it('tells keys apart that differ in the middle only', () => {
    for (let round = 0; round < 4; round++) {
      for (const key of ['aaaaXbbbb', 'aaaaYbbbb', 'aaaaXbbbbbbbbbbbbbbbbbbbbbbbbbb', 'aaaaXbbbbbbbbbbYbbbbbbbbbbbbbbb', 'ab', 'ac', 'a', '']) expect(decoded(msgpack, encoded(msgpack, [{ [key]: 1 }, { [key]: 1 }]))).toStrictEqual([{ [key]: 1 }, { [key]: 1 }]);
    }
  });

  it('lets the last of equal keys win', () => {
    expect(decoded(msgpack, unhex('82a16101a16102'))).toStrictEqual({ a: 2 });
    expect(decoded(msgpack, unhex('82aa5f5f70726f746f5f5f5f01aa5f5f70726f746f5f5f5f02'))).toStrictEqual({ ['__proto___']: 2 });
  });

  it('refuses to nest deeper than 128, both ways, cycles included', () => {
    const nest = (depth: number): unknown => Array.from({ length: depth }).reduce<unknown>((inner, _, index) => (index % 2 === 0 ? [inner] : { a: inner }), 1);
    expect(decoded(msgpack, encoded(msgpack, nest(128)))).toStrictEqual(nest(128));
    expect(() => written(nest(129))).toThrow(/nests deeper than 128 levels/);
    const cycle: unknown[] = [];
    cycle.push({ cycle });
    expect(() => written(cycle)).toThrow(/does it contain itself/);
    for (const payload of ['91'.repeat(129), '81a161'.repeat(129), '91'.repeat(200_000), 'dc0001'.repeat(129), '81a0'.repeat(100_000)]) {
      expect(refusal(() => decoded(msgpack, unhex(`${payload}01`)))).toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD' });
    }
    const flat = msgpackCodec({ maxDepth: 1 });
    expect(decoded(flat, unhex('9101'))).toEqual([1]);
    expect(() => decoded(flat, unhex('919101'))).toThrow(/deeper than 1/);
    const wide = { lists: Array.from({ length: 300 }, () => [1]), maps: Array.from({ length: 300 }, () => ({ a: 1 })) };
    expect(decoded(msgpack, encoded(msgpack, wide))).toStrictEqual(wide);
    // A refusal leaves no depth behind.
    expect(decoded(flat, unhex('9101'))).toEqual([1]);
  });

  it('refuses counts and lengths beyond what is there', () => {
    for (const payload of ['92', '9201', 'dcffff', 'ddffffffff', '81', '81a161', 'deffff', 'dfffffffff', 'a5', 'd9ff61', 'dbffffffff', 'c4ff', 'c6ffffffff', 'c9ffffffff01', 'd8', 'c1', 'cc', 'cf00000000000000', 'cb000000', 'd6ff0000']) {
      const error = refusal(() => decoded(msgpack, unhex(payload)));
      expect(error).toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD', remote: false });
      expect(error.message).toMatch(/^the msgpack payload cannot be read: /);
    }
  });

  it('refuses bytes behind the value', () => {
    expect(() => decoded(msgpack, unhex('0101'))).toThrow('1 bytes follow its end at byte 1');
  });

  it('says at which byte of the payload a fault is, wherever the payload begins', () => {
    const typed = msgpack.compile?.(struct({ A: int64 })) as PayloadCodec;
    const faults: [PayloadCodec, string, string][] = [
      [msgpack, '91c1', 'byte 1 is 0xc1'], [msgpack, '9205', 'at byte 1,'], [msgpack, '91a561', 'at byte 2 and 1 are left'], [msgpack, '819001', 'map key at byte 1 '],
      [msgpack, '0101', 'at byte 1'], [typed, '81a141a161', 'byte 3 is 0xa1'],
    ];
    for (const [codec, payload, place] of faults) {
      const frame = unhex(`${'00'.repeat(34)}${payload}`);
      expect(refusal(() => codec.decode(frame, 34, frame.length)).message).toContain(place);
    }
  });

  it('turns whatever a getter throws into one error and goes on working', () => {
    for (const thrown of [new Error('no'), undefined, { toString() { throw new Error('worse'); } }, new RpcError('not_found', 'other')]) {
      const value = { get a(): never { throw thrown; } };
      expect(refusal(() => written(value))).toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD', sent: false });
      expect(written({ a: 1 })).toBe('81a16101');
    }
    const nested = { get a(): string { return written({ b: [1] }); } };
    expect(decoded(msgpack, encoded(msgpack, [nested, nested]))).toEqual([{ a: '81a1629101' }, { a: '81a1629101' }]);
  });

  it('reads 64-bit integers as the option says', () => {
    const read = (int64: 'auto' | 'bigint' | 'number', payload: string): unknown => decoded(msgpackCodec({ int64 }), unhex(payload));
    expect(read('auto', 'd30000000000000005')).toBe(5);
    expect(read('auto', 'cf0020000000000000')).toBe(2n ** 53n);
    expect(read('auto', 'cf001fffffffffffff')).toBe(2 ** 53 - 1);
    expect(read('auto', 'd3ffe0000000000000')).toBe(-(2n ** 53n));
    expect(read('auto', 'd3ffe0000000000001')).toBe(-(2 ** 53 - 1));
    expect(read('bigint', 'd30000000000000005')).toBe(5n);
    expect(read('bigint', '05')).toBe(5);
    expect(read('number', 'd30000000000000005')).toBe(5);
    expect(() => read('number', 'cf0020000000000001')).toThrow(/9007199254740993 is no exact number; set int64/);
  });

  it('refuses options that mean nothing', () => {
    expect(() => msgpackCodec({ int64: 'big' as never })).toThrow(TypeError);
    expect(() => msgpackCodec({ maxDepth: 0 })).toThrow(TypeError);
    expect(() => msgpackCodec({ depth: 5 } as object)).toThrow(new TypeError('msgpackCodec has no option "depth": it takes int64, maxDepth, learn, extensionCodec'));
    expect(() => msgpackCodec({ maxDepth: 1e6 })).toThrow(TypeError);
  });
});

class Money {
  readonly cents: number;

  constructor(cents: number) {
    this.cents = cents;
  }
}

describe('an ExtensionCodec of @msgpack/msgpack', () => {
  const extensionCodec = new ExtensionCodec();
  extensionCodec.register({
    type: 7,
    encode: (value) => (value instanceof Money ? oracleEncode(value.cents) : null),
    decode: (data) => new Money(oracleDecode(data) as number),
  });
  const codec = msgpackCodec({ extensionCodec });

  it('is asked first, and reads back', () => {
    const value = { price: new Money(500), list: [new Money(1)], at: new Date(5) };
    expect(hex(encoded(codec, value))).toBe(hex(oracleEncode(value, { extensionCodec })));
    expect(decoded(codec, encoded(codec, value))).toStrictEqual(value);
    const pair = codec.compile?.(undefined);
    for (let round = 0; round < 1500; round++) if (pair) expect(pair.decode(encoded(pair, value), 0, encoded(pair, value).length)).toStrictEqual(value);
  });

  it('leaves unknown extensions alone', () => {
    expect(decoded(codec, unhex('d42a01'))).toStrictEqual(new ExtData(42, new Uint8Array([1])));
    expect(written(decoded(codec, unhex('d42a01')), codec)).toBe('d42a01');
    expect(decoded(codec, unhex('d7ff1d6f34546553f100'))).toBeInstanceOf(Timestamp);
  });

  it('may use this codec itself, and may fail', () => {
    const inner = new ExtensionCodec();
    inner.register({ type: 1, encode: () => null, decode: (data) => ({ inside: msgpack.decode(data, 0, data.length) }) });
    inner.register({ type: 2, encode: (value) => { if (Array.isArray(value)) return null; throw new Error('cannot'); }, decode: () => { throw new Error('cannot either'); } });
    const own = msgpackCodec({ extensionCodec: inner });
    expect(decoded(own, unhex('92c70301920102a161'))).toEqual([{ inside: [1, 2] }, 'a']);
    expect(refusal(() => decoded(own, unhex('d40200')))).toMatchObject({ reason: 'BAD_PAYLOAD', message: expect.stringContaining('refused type 2 with 1 bytes: cannot either') });
    expect(refusal(() => written({}, own))).toMatchObject({ reason: 'BAD_PAYLOAD', message: expect.stringContaining('the extension codec failed: cannot') });
  });
});
