import { contract, push, type, unary } from '@rpcxjs/core';

export const Shop = contract('Shop', {
  Add: unary<{ A: number; B: number }, number>({ idempotent: true }),
  Echo: unary<string, string>(),
  Buy: unary({ input: type<{ Sku: string }>(), output: type<number>(), errors: { OutOfStock: type<{ left: number }>() } }),
  Watch: unary<null, null>(),
  Never: unary<null, null>(),
  Sold: push<{ Sku: string }>(),
});
