import type { ExtensionCodec } from '@msgpack/msgpack';
import { type ContractClient, contract, type SchemaOut, type StandardSchema, unary, type WireType } from '@rpcxjs/core';
import { expectTypeOf, test } from 'vitest';
import { any, array, bool, bytes, float32, int32, int64, map, nullable, optional, string, struct, time, type MsgpackExtensions } from './index.ts';

const line = struct({ Sku: string, Count: int32 });
const order = struct({
  Id: int64, Exact: int64.bigint, Near: int64.number, Total: float32.as('total'), Name: string, Paid: bool, At: time, Data: bytes, Lines: array(line), ByName: map(string, int32), ById: map(int32, line),
  First: nullable(line), Note: optional(string), Last: optional(line).as('last'), Other: any,
});
type Line = { Sku: string; Count: number };

test('a struct has the type of its fields', () => {
  expectTypeOf<SchemaOut<typeof order>>().toEqualTypeOf<{
    Id: number | bigint; Exact: bigint; Near: number; Total: number; Name: string; Paid: boolean; At: Date; Data: Uint8Array; Lines: Line[]; ByName: Record<string, number>; ById: Map<number, Line>;
    First: Line | null; Note?: string | undefined; Last?: Line | undefined; Other: unknown;
  }>();
  expectTypeOf(order).toExtend<WireType<SchemaOut<typeof order>>>();
  expectTypeOf(order).toExtend<StandardSchema<SchemaOut<typeof order>>>();
});

test('an embedded struct lends its fields', () => {
  const more = struct({ ...line.fields, Extra: bool });
  expectTypeOf<SchemaOut<typeof more>>().toEqualTypeOf<{ Sku: string; Count: number; Extra: boolean }>();
});

test('float32 is a type and a marker', () => {
  expectTypeOf(float32(0.5).value).toEqualTypeOf<number>();
  expectTypeOf<SchemaOut<typeof float32>>().toEqualTypeOf<number>();
});

test('a contract takes them, and wrong arguments do not compile', () => {
  const orders = contract('Orders', { Place: unary({ input: line, output: order }) });
  const use = (client: ContractClient<typeof orders.methods>): void => {
    expectTypeOf(client.Place({ Sku: 'a', Count: 1 }).then((placed) => placed.Lines)).toExtend<Promise<Line[]>>();
    // @ts-expect-error Count is a number
    void client.Place({ Sku: 'a', Count: '1' });
    // @ts-expect-error Count is missing
    void client.Place({ Sku: 'a' });
    // @ts-expect-error there is no Price
    void client.Place({ Sku: 'a', Count: 1, Price: 1 });
  };
  expectTypeOf(use).toBeFunction();
});

test('what is no type is refused', () => {
  // @ts-expect-error a number is no type
  struct({ A: 5 });
  // @ts-expect-error a string is no type
  array('string');
  // @ts-expect-error a float is no key
  map(time, string);
});

// Extensions are those of @msgpack/msgpack, or made by hand.
declare const theirs: ExtensionCodec;
expectTypeOf(theirs).toExtend<MsgpackExtensions>();
export const own: MsgpackExtensions = {
  tryToEncode: (value) => (value instanceof URL ? { type: 1, data: new TextEncoder().encode(value.href) } : null),
  decode: (data, type) => (type === 1 ? new URL(new TextDecoder().decode(data)) : undefined),
};
