import type { PayloadCodec } from '@rpcxjs/core';
import { array, bool, bytes, float32, float64, int32, int64, int8, map, msgpack, msgpackCodec, nullable, optional, string, struct, time, Timestamp, uint16, uint64 } from '../src/index.ts';
import { vectors } from './go-types.ts';
import { encoded, unhex } from './payload.ts';

/** A struct with a field of every kind. */
export const everyKind = struct({
  Id: int64, Small: int8, Unsigned: uint16, Wide: uint64.bigint, Narrow: float32, Float: float64, Name: string, Data: bytes, Ok: bool, At: time, Ids: array(int32), Tags: map(string, string), ById: map(int64, string),
  Inner: struct({ X: int32, Y: optional(string) }), Maybe: nullable(string), Note: optional(string), List: array(struct({ Sku: string, Count: int32 })),
});
export const filled = {
  Id: 1_700_000_000_000, Small: -5, Unsigned: 60_000, Wide: 2n ** 60n, Narrow: 0.5, Float: 0.1, Name: '许多往事在眼前', Data: new Uint8Array([1, 2, 3]), Ok: true, At: new Timestamp(1_700_000_000, 5), Ids: [1, 70_000], Tags: { a: 'b' },
  ById: new Map<number | bigint, string>([[5, 'five']]), Inner: { X: 1, Y: 'y' }, Maybe: null, Note: 'a note that is longer than thirty-one bytes', List: [{ Sku: 'A', Count: 1 }, { Sku: 'B', Count: 2 }],
};

const plainValues: readonly unknown[] = [
  { A: 10, B: 20 }, { A: 10, B: 'x', C: [1, 2, { d: null }] }, { Id: 7, Name: 'a name', Note: '许多往事在眼前一幕一幕', Paid: true, Total: 12.5, At: new Date(1_700_000_000_123), Lines: [{ Sku: 'x', Count: 1 }, { Sku: 'y', Count: 2 }] },
  [[[[]]], [{}], 'x'.repeat(40), new Uint8Array(20)], { __proto__: null, a: { b: { c: { d: 1 } } } }, Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`key${index}`, index])), 'text', -1, 1.5, null,
];

/** Payloads that are right: Go's, and ours. */
export const corpus: readonly Uint8Array[] = [
  ...vectors.map((vector) => unhex(vector.hex)).filter((payload) => payload.length < 400),
  ...plainValues.map((value) => encoded(msgpack, value)),
  encoded(msgpack.compile?.(everyKind) as PayloadCodec, filled),
];

/** Pairs of every sort, with what they learn learned. */
export function warmPairs(): readonly (readonly [string, PayloadCodec])[] {
  const learned = msgpack.compile?.(undefined) as PayloadCodec;
  const typed = msgpack.compile?.(everyKind) as PayloadCodec;
  const payloads = plainValues.map((value) => encoded(msgpack, value));
  const whole = encoded(typed, filled);
  for (let round = 0; round < 1100; round++) {
    for (const payload of round < 20 ? payloads : payloads.slice(0, 3)) learned.decode(payload, 0, payload.length);
    typed.decode(whole, 0, whole.length);
  }
  return [['without learning', msgpack], ['learned', learned], ['typed', typed], ['bigint', msgpackCodec({ int64: 'bigint' })]];
}
