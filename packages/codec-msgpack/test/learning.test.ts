import type { PayloadCodec } from '@rpcxjs/core';
import { createByteWriter } from '@rpcxjs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { msgpack, msgpackCodec } from '../src/index.ts';
import { decoded, encoded, encodedTightly, hex, unhex } from './payload.ts';

function learning(): PayloadCodec {
  const pair = msgpack.compile?.(undefined);
  if (pair === undefined) throw new Error('msgpack learns nothing');
  return pair;
}

/** What the pair writes and reads must be what the codec without learning does, each time. */
function same(pair: PayloadCodec, value: unknown): void {
  const payload = encoded(msgpack, value);
  expect(hex(encoded(pair, value))).toBe(hex(payload));
  expect(hex(encodedTightly(pair, value))).toBe(hex(payload));
  expect(decoded(pair, payload)).toStrictEqual(decoded(msgpack, payload));
}

/** Until every tier is in use; without comparing, which is slow. */
function warm(pair: PayloadCodec, values: readonly unknown[], times = 3000): void {
  const payloads = values.map((value) => encoded(msgpack, value));
  const writer = createByteWriter();
  for (let round = 0; round < times; round++) {
    const index = round % values.length;
    pair.encode(values[index], writer);
    writer.finish();
    pair.decode(payloads[index] as Uint8Array, 0, (payloads[index] as Uint8Array).length);
  }
}

const order = {
  Id: 7, Name: 'a name', Note: '许多往事在眼前一幕一幕', Paid: true, Total: 12.5, At: new Date(1_700_000_000_123), Big: 2n ** 60n, Minus: -5, Wide: 1_700_000_000_000,
  Blob: new Uint8Array([1, 2, 3]), Nothing: null, Lines: [{ Sku: 'x', Count: 1 }, { Sku: 'y', Count: 2 }], Address: { City: 'Bonn', Zip: '53111', Geo: { Lat: 50.7, Lon: 7.1 } },
};

describe('a pair that learns', () => {
  it('writes and reads the same in every tier', () => {
    const pair = learning();
    for (let round = 0; round < 40; round++) same(pair, order);
    warm(pair, [order]);
    for (let round = 0; round < 40; round++) same(pair, order);
  });

  it('keeps up when a field changes its type', () => {
    const pair = learning();
    warm(pair, [order]);
    const others = [0, -1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -(2 ** 31), -(2 ** 31) - 1, 0.5, NaN, -0, 'text', 'x'.repeat(31), 'x'.repeat(32), 'é'.repeat(300), 'y'.repeat(70_000),
      true, false, null, undefined, 2n ** 63n, -1n, [], {}, [1, 'a'], { a: 1 }, new Date(0), new Uint8Array(300)];
    for (const key of Object.keys(order)) for (const other of others) same(pair, { ...order, [key]: other });
    same(pair, order);
  });

  it('keeps up when keys come, go and change their order', () => {
    const pair = learning();
    warm(pair, [order]);
    const entries = Object.entries(order);
    for (let index = 0; index < entries.length; index++) {
      same(pair, Object.fromEntries(entries.filter((_, at) => at !== index)));
      same(pair, Object.fromEntries([...entries.slice(index), ...entries.slice(0, index)]));
      same(pair, Object.fromEntries([...entries.slice(0, index), ['New', index], ...entries.slice(index)]));
      same(pair, Object.fromEntries(entries.map(([key, value], at) => [at === index ? `${key}?` : key, value])));
    }
    same(pair, order);
  });

  it('holds 30 shapes at one place', () => {
    const pair = learning();
    const shapes = Array.from({ length: 30 }, (_, shape) => Object.fromEntries(Array.from({ length: 12 }, (_unused, key) => [`k${(key * 7 + shape) % 40}`, key % 3 === 0 ? `v${key}` : key])));
    warm(pair, shapes, 60_000);
    for (const shape of shapes) same(pair, shape);
  });

  it('stays right with maps that are dictionaries', () => {
    const pair = learning();
    for (let round = 0; round < 300; round++) {
      const words = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`word ${(round * 31 + index * 17) % 5000}`, { count: index }]));
      same(pair, { fixed: true, words });
    }
  });

  it('reads keys that are equal, empty, long or no strings at all', () => {
    const pair = learning();
    const payloads = [
      '82a14101a14102', '81a001', '81a0a0', `81bf${'61'.repeat(31)}01`, `81d920${'61'.repeat(32)}01`, '810102', '81c40161ff', '82a1310131a1', '81c3a161', '83a16101a1ff02a1fe03', '80', '81a16180',
    ].filter((payload) => payload !== '82a1310131a1');
    for (let round = 0; round < 40; round++) for (const payload of payloads) expect(decoded(pair, unhex(payload))).toStrictEqual(decoded(msgpack, unhex(payload)));
  });

  it('tells keys apart whose bytes are equal as numbers', () => {
    const pair = learning();
    const key = (bytes: string): Uint8Array => unhex(`81${(0xa0 + bytes.length / 2).toString(16)}${bytes}05`);
    const [zeros, minus, odd] = [key('00'.repeat(9)), key(`${'00'.repeat(8)}80`), key(`${'61'.repeat(6)}f07f`)] as const;
    for (let round = 0; round < 1100; round++) for (const payload of [zeros, odd]) pair.decode(payload, 0, payload.length);
    expect(Object.keys(decoded(pair, zeros) as object)).toEqual(['\0'.repeat(9)]);
    expect(Object.keys(decoded(pair, minus) as object)).toEqual([`${'\0'.repeat(8)}\ufffd`]);
    expect(Object.keys(decoded(pair, odd) as object)).toEqual(['aaaaaa\ufffd\x7f']);
    const other = learning();
    for (let round = 0; round < 20; round++) for (const payload of [zeros, minus]) expect(decoded(other, payload)).toStrictEqual(decoded(msgpack, payload));
    for (let round = 0; round < 20; round++) same(other, { ['\0'.repeat(9)]: 1, ['\0'.repeat(7)]: 2, '\x7f🚀🚀\x7f': 3 });
  });

  it('C1: an attacker\'s keys stay own data in every tier', () => {
    const before = Object.getOwnPropertyNames(Object.prototype).join();
    const pair = learning();
    const nasty = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'then', '"];throw 1;["', '\u2028', '\\', '${x}', '\'', '0', '-1', '4294967294', ''];
    const value = Object.fromEntries(nasty.map((key, index) => [key, index % 2 === 0 ? { isAdmin: true } : index]));
    const payload = encoded(msgpack, value);
    for (let round = 0; round < 2500; round++) pair.decode(payload, 0, payload.length);
    for (const keys of [nasty, ...nasty.map((key) => ['a', key]), ...nasty.map((key) => [key])]) {
      const one = Object.fromEntries(keys.map((key) => [key, { isAdmin: true }]));
      const bytes = encoded(msgpack, one);
      const mine = learning();
      for (let round = 0; round < 1100; round++) mine.decode(bytes, 0, bytes.length);
      // `as`: a map was encoded.
      const read = decoded(mine, bytes) as Record<string, unknown>;
      expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
      expect(Reflect.ownKeys(read)).toEqual(Reflect.ownKeys(one));
      expect((read as { isAdmin?: boolean }).isAdmin).toBeUndefined();
      for (let round = 0; round < 20; round++) expect(hex(encoded(mine, one))).toBe(hex(bytes));
    }
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before);
  });

  it('writes own properties only, whatever the prototype holds', () => {
    const pair = learning();
    warm(pair, [{ a: 1, b: 2 }]);
    class Point { a = 1; b = 2; get c(): number { return 3; } }
    const inherits: unknown = Object.assign(Object.create({ b: 2 }), { a: 1 });
    same(pair, new Point());
    expect(decoded(msgpack, encoded(pair, inherits))).toEqual({ a: 1 });
    same(pair, Object.assign(Object.create(null), { a: 1, b: 2 }));
  });

  it('hands out objects that are nobody else\'s', () => {
    const pair = learning();
    const payload = encoded(msgpack, { a: 1, b: [1], c: { d: 1 } });
    for (let round = 0; round < 2500; round++) {
      // `as`: a map was encoded.
      const read = pair.decode(payload, 0, payload.length) as Record<string, unknown>;
      expect(read).toStrictEqual({ a: 1, b: [1], c: { d: 1 } });
      read['a'] = 'changed';
      read['e'] = 1;
      (read['b'] as number[]).push(2);
      (read['c'] as Record<string, unknown>)['d'] = 2;
    }
  });

  it('reads 64-bit integers as the codec\'s options say, in every tier', () => {
    for (const int64 of ['auto', 'bigint', 'number'] as const) {
      const codec = msgpackCodec({ int64 });
      const pair = codec.compile?.(undefined) as PayloadCodec;
      const payload = unhex('82a16ad3000000000000000aa16bcf00000000000000ff');
      for (let round = 0; round < 2500; round++) pair.decode(payload, 0, payload.length);
      expect(decoded(pair, payload)).toStrictEqual(int64 === 'bigint' ? { j: 10n, k: 255n } : { j: 10, k: 255 });
      const wide = unhex('82a16ad30020000000000001a16bcfffffffffffffffff');
      if (int64 === 'number') expect(() => decoded(pair, wide)).toThrow(/9007199254740993 is no exact number/);
      else expect(decoded(pair, wide)).toStrictEqual({ j: 9007199254740993n, k: 18446744073709551615n });
      const below = unhex('82a16ad3ffe0000000000000a16bcf0020000000000000');
      if (int64 === 'number') expect(() => decoded(pair, below)).toThrow(/is no exact number/);
      else expect(decoded(pair, below)).toStrictEqual({ j: -(2n ** 53n), k: 2n ** 53n });
      const edges = unhex('82a16ad3ffe0000000000001a16bcf001fffffffffffff');
      expect(decoded(pair, edges)).toStrictEqual(int64 === 'bigint' ? { j: -9007199254740991n, k: 9007199254740991n } : { j: -9007199254740991, k: 9007199254740991 });
    }
  });

  it('does the same as the generic path for arbitrary sequences of messages', () => {
    const value = fc.oneof(fc.integer(), fc.double(), fc.string({ maxLength: 40 }), fc.boolean(), fc.constant(null), fc.constant([{ x: 1 }]), fc.constant({ y: { z: '' } }), fc.maxSafeInteger(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
    const shape = fc.dictionary(fc.constantFrom('a', 'bb', 'ccc', 'dddd', 'eeeee', 'ffffff', 'ggggggg', 'hhhhhhhh', 'iiiiiiiii', 'jjjjjjjjjjjjjjjj', '__proto__', 'ключ'), value, { maxKeys: 6 });
    fc.assert(fc.property(fc.array(shape, { minLength: 1, maxLength: 4 }), (shapes) => {
      const pair = learning();
      for (let round = 0; round < 20; round++) for (const one of shapes) same(pair, one);
      warm(pair, shapes, 1100 * shapes.length);
      for (const one of shapes) same(pair, one);
    }), { numRuns: 25 });
  });
});
