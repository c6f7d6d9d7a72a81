// What both sides share: names, types and declared errors of one service. Keys are names on the wire.
import { contract, push, type, unary } from '@rpcxjs/rpcx';

export const Orders = contract('Orders', {
  Find: unary<{ Id: number }, { Sku: string; From: string }>({ idempotent: true }),
  Place: unary({
    input: type<{ Sku: string; Count: number }>(),
    output: type<{ Id: number }>(),
    errors: { OutOfStock: type<{ left: number }>() },
  }),
  Pack: unary<{ Ms: number }, string>(),
  Shipped: push<{ Id: number }>(),
});

// A service whose other side is written in Go; its field names are Go's.
export interface Arith {
  Mul(args: { A: number; B: number }): Promise<{ C: number }>;
  Fail(args: { Text: string }): Promise<{ Text: string }>;
}
