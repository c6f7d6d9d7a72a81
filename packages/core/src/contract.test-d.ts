import { expectTypeOf } from 'vitest';
import type { HandlerCall, ServerCall } from './call.ts';
import { contract, isError, type CallOptions, type Contract, type ContractClient, type ContractHandlers, type DeclaredCode, type InterfaceClient } from './contract.ts';
import { RpcError } from './errors.ts';
import { bidiStream, clientStream, push, serverStream, unary, type Method, type MethodRef, type Methods } from './method.ts';
import { type, type StandardSchema } from './schema.ts';

const Orders = contract('Orders', {
  Place: unary({
    input: type<{ Sku: string }>(),
    output: type<{ Id: number }>(),
    errors: { OutOfStock: type<{ left: number }>(), Closed: type<undefined>() },
  }),
  Find: unary<{ Id: number }, { Sku: string }>({ idempotent: true }),
  Ping: unary<void, string>(),
  Untyped: unary<any, any>(),
  Page: unary<{ From: number } | undefined, string>(),
  Any: unary<unknown, string>(),
  History: serverStream<{ Id: number }, { at: string }>(),
  Upload: clientStream<Uint8Array, { bytes: number }>(),
  Chat: bidiStream<string, string>(),
  Shipped: push<{ Id: number }>(),
});
type OrderMethods = typeof Orders.methods;
declare const orders: ContractClient<OrderMethods>;

// A caller sees each method as a function.
expectTypeOf(orders.Place).parameters.toEqualTypeOf<[input: { Sku: string }, options?: CallOptions]>();
expectTypeOf(orders.Place).returns.toEqualTypeOf<Promise<{ Id: number }>>();
expectTypeOf(orders.Find({ Id: 1 }, { timeoutMs: 5 })).resolves.toEqualTypeOf<{ Sku: string }>();
expectTypeOf(orders.Ping()).resolves.toEqualTypeOf<string>();
expectTypeOf(orders.Ping(undefined, { timeoutMs: 5 })).resolves.toEqualTypeOf<string>();
expectTypeOf(orders.History({ Id: 1 })).toEqualTypeOf<AsyncIterable<{ at: string }>>();
expectTypeOf(orders.Upload).parameter(0).toEqualTypeOf<AsyncIterable<Uint8Array>>();
expectTypeOf(orders.Upload).returns.toEqualTypeOf<Promise<{ bytes: number }>>();
expectTypeOf(orders.Chat).returns.toEqualTypeOf<AsyncIterable<string>>();
// What may be undefined may be left out.
expectTypeOf(orders.Page()).resolves.toEqualTypeOf<string>();
void orders.Page({ From: 1 }, { timeoutMs: 5 });
void orders.Page(undefined, { timeoutMs: 5 });
// @ts-expect-error a wrong input
void orders.Page({ Frm: 1 });
// @ts-expect-error no input, where it may be anything
void orders.Any();
// `any` is not void.
void orders.Untyped({ whatever: 1 });
void orders.Untyped(7, { timeoutMs: 1 });

// @ts-expect-error a misspelt method
void orders.Plce({ Sku: 'A1' });
// @ts-expect-error a wrong input
void orders.Place({ sku: 'A1' });
// @ts-expect-error no input
void orders.Place();
// @ts-expect-error an input where there is none
void orders.Ping('x');
// @ts-expect-error a misspelt option
void orders.Ping(undefined, { timeout: 5 });
// @ts-expect-error a push cannot be called
orders.Shipped;

// A gateway that learns its contracts at run time finds methods by name; any contract's client will do for it.
declare const unknownYet: ContractClient<Methods>;
const found = unknownYet['Find'];
if (found !== undefined) expectTypeOf(found({ Id: 1 }, { timeoutMs: 5 })).toEqualTypeOf<Promise<any>>();
void unknownYet['Ping']?.();
declare const echo: ContractClient<{ Say: Method<'unary', string, string>; Said: Method<'push', string> }>;
export const gateway: readonly ContractClient<Methods>[] = [echo, unknownYet];

class Anything {
  Find(): number {
    return 1;
  }
}
export const implementation: ContractHandlers<Methods> = new Anything();

// Whoever needs some methods of a contract says which; a contract that has more will do. What is generic keeps all of them.
export function pinged(one: ContractClient<{ Ping: Method<'unary', void, string> }>, of: Contract<{ Ping: Method<'unary', void, string> }>): unknown {
  return [one.Ping(), of];
}
pinged(orders, Orders);
declare function clientOf<M extends Methods>(of: Contract<M>): ContractClient<M>;
expectTypeOf(clientOf(Orders)).toEqualTypeOf<typeof orders>();
expectTypeOf(clientOf(Orders).Find({ Id: 1 })).resolves.toEqualTypeOf<{ Sku: string }>();

// A method is known by its shape, so that a contract which was written against another copy of this package keeps its types.
interface OfAnotherCopy {
  readonly kind: 'unary';
  readonly errors?: { readonly Gone: StandardSchema<{ since: string }> } | undefined;
  readonly '~types'?: { in: { Id: number }; out: { Sku: string }; parsedIn: { Id: number }; rawOut: { Sku: string } };
}
expectTypeOf<ContractClient<{ Find: OfAnotherCopy }>['Find']>().toEqualTypeOf<(input: { Id: number }, options?: CallOptions) => Promise<{ Sku: string }>>();
expectTypeOf<DeclaredCode<OfAnotherCopy>>().toEqualTypeOf<'Gone'>();

export function foundBySome(some: ContractClient<Pick<typeof Orders.methods, 'Find'>>): Promise<{ Sku: string }> {
  return some.Find({ Id: 1 });
}
void foundBySome(orders);
// An exported contract of a project with isolatedDeclarations says its type.
export const Annotated: Contract<{ Find: Method<'unary', { Id: number }, { Sku: string }> }> = contract('Annotated', { Find: unary<{ Id: number }, { Sku: string }>() });
expectTypeOf<DeclaredCode<typeof Annotated.methods.Find>>().toEqualTypeOf<never>();

// A bound method carries its names.
expectTypeOf(Orders.methods.Find.service).toEqualTypeOf<string>();
expectTypeOf(Orders.methods.Find.name).toEqualTypeOf<'Find'>();
expectTypeOf(Orders.methods.Shipped).toExtend<MethodRef<'push', { Id: number }>>();
expectTypeOf(Orders.methods.Find).toExtend<MethodRef<'unary', { Id: number }, { Sku: string }>>();
expectTypeOf(Orders.methods.Find).not.toExtend<MethodRef<'push'>>();

// Handlers get what was parsed, and may answer at once or later.
const handlers: ContractHandlers<OrderMethods> = {
  async Place({ Sku }, call) {
    expectTypeOf(call).toExtend<HandlerCall>();
    const log = (_: ServerCall): void => {};
    log(call);
    if (Sku === '') throw call.fail('OutOfStock', { left: 0 });
    if (Sku === 'late') throw call.fail('Closed');
    // @ts-expect-error an error that the method does not declare
    call.fail('OutOfStok', { left: 0 });
    // @ts-expect-error other details than declared
    call.fail('OutOfStock', { lft: 0 });
    // @ts-expect-error no details
    call.fail('OutOfStock');
    await call.peer.push(Orders.methods.Shipped, { Id: 7 });
    // @ts-expect-error a push of something else
    await call.peer.push(Orders.methods.Shipped, { Id: '7' });
    // @ts-expect-error not a push
    await call.peer.push(Orders.methods.Find, { Id: 7 });
    return { Id: 7 };
  },
  Find: ({ Id }, call) => {
    // @ts-expect-error a method that declares none
    if (Id === 0) throw call.fail('OutOfStock', { left: 0 });
    return { Sku: `A${Id}` };
  },
  // One that does not know which method it is for takes any call.
  Ping: (_, call: ServerCall) => call.service,
  Untyped: (input) => input,
  Page: (input) => String(input?.From),
  Any: String,
  async *History() {
    yield { at: 'now' };
  },
  async Upload(chunks) {
    let bytes = 0;
    for await (const chunk of chunks) bytes += chunk.length;
    return { bytes };
  },
  async *Chat(messages) {
    yield* messages;
  },
};
void handlers;
// @ts-expect-error a missing handler
const incomplete: ContractHandlers<{ A: typeof Orders.methods.Find; B: typeof Orders.methods.Find }> = { A: () => ({ Sku: '' }) };
void incomplete;
// @ts-expect-error a wrong answer
const wrong: ContractHandlers<{ Find: typeof Orders.methods.Find }> = { Find: () => ({ sku: '' }) };
void wrong;

// A schema that changes its value: the caller gives and gets the outside, the handler the inside.
declare const trimmed: StandardSchema<string, { text: string }>;
declare const dated: StandardSchema<Date, string>;
const Parsing = contract('Parsing', { Run: unary({ input: trimmed, output: dated, idempotent: true }) });
declare const parsing: ContractClient<typeof Parsing.methods>;
expectTypeOf(parsing.Run).parameter(0).toEqualTypeOf<string>();
expectTypeOf(parsing.Run('x')).resolves.toEqualTypeOf<string>();
const parsed: ContractHandlers<typeof Parsing.methods> = {
  Run(input, call) {
    expectTypeOf(input).toEqualTypeOf<{ text: string }>();
    // @ts-expect-error schemas, and no errors declared
    if (input.text === '') throw call.fail('Empty', { at: 0 });
    return new Date();
  },
};
void parsed;
expectTypeOf<DeclaredCode<typeof Parsing.methods.Run>>().toEqualTypeOf<never>();
// The same when the description of the method is made elsewhere.
const spec = { input: trimmed, output: dated, idempotent: true };
const Elsewhere = contract('Elsewhere', { Run: unary(spec) });
declare const elsewhere: ContractClient<typeof Elsewhere.methods>;
expectTypeOf(elsewhere.Run).parameter(0).toEqualTypeOf<string>();
expectTypeOf<DeclaredCode<typeof Elsewhere.methods.Run>>().toEqualTypeOf<never>();
// @ts-expect-error a misspelt setting of a method
unary<void, void>({ idempotnt: true });

// Declared errors narrow a caught value to code and details.
export function caught(error: unknown): void {
  if (isError(Orders.methods.Place, 'OutOfStock', error)) {
    expectTypeOf(error).toEqualTypeOf<RpcError<'OutOfStock', { left: number }>>();
    expectTypeOf(error.details).toEqualTypeOf<{ left: number } | undefined>();
  }
  // @ts-expect-error an error that the method does not declare
  isError(Orders.methods.Place, 'Misspelt', error);
  // @ts-expect-error a method that declares none
  isError(Orders.methods.Find, 'OutOfStock', error);
  if (RpcError.is(error)) expectTypeOf(error.code).toExtend<string>();
  // @ts-expect-error no such code of rpcx for TypeScript
  if (RpcError.is(error) && error.code === 'deadline_exceded') return;
}

// What `RpcError.is` has seen knows the codes of every call by its type; details are narrowed all the same, and both branches are left.
export function caughtAgain(error: unknown): void {
  if (!RpcError.is(error)) return;
  if (isError(Orders.methods.Place, 'OutOfStock', error)) {
    expectTypeOf(error.details).toEqualTypeOf<{ left: number } | undefined>();
    expectTypeOf(error.sent).toEqualTypeOf<boolean>();
    expectTypeOf(error).toExtend<RpcError>();
  } else expectTypeOf(error).toEqualTypeOf<RpcError>();
  if (isError(Orders.methods.Place, 'Closed', error)) throw error;
  expectTypeOf(error).toEqualTypeOf<RpcError>();
  // @ts-expect-error an error that the method does not declare
  isError(Orders.methods.Place, 'Misspelt', error);
}
type Out = RpcError<'OutOfStock', { left: number }>;
export function caughtOthers(any: any, text: RpcError<string>, plain: Error, maybe: RpcError<'OutOfStock' | 'Gone', { left: number }> | undefined): void {
  if (isError(Orders.methods.Place, 'OutOfStock', any)) expectTypeOf(any).toEqualTypeOf<Out>();
  if (isError(Orders.methods.Place, 'OutOfStock', text)) expectTypeOf(text).toEqualTypeOf<Out>();
  if (isError(Orders.methods.Place, 'OutOfStock', plain)) expectTypeOf(plain).toEqualTypeOf<Out>();
  if (isError(Orders.methods.Place, 'OutOfStock', maybe)) expectTypeOf(maybe).toEqualTypeOf<Out>();
}

// A plain interface is the contract of a service written in Go.
interface GoStock {
  Take(args: { Sku: string; N: number }): Promise<{ Left: number }>;
  Flush(): Promise<void>;
  Maybe(args?: { N: number }): Promise<number>;
  Watch(args: { Sku: string }): AsyncIterable<number>;
  Sync(args: string): number;
  readonly version: string;
}
declare const stock: InterfaceClient<GoStock>;
expectTypeOf(stock.Take({ Sku: 'a', N: 1 })).resolves.toEqualTypeOf<{ Left: number }>();
expectTypeOf(stock.Take).parameters.toEqualTypeOf<[input: { Sku: string; N: number }, options?: CallOptions]>();
expectTypeOf(stock.Flush()).resolves.toEqualTypeOf<void>();
expectTypeOf(stock.Maybe()).resolves.toEqualTypeOf<number>();
expectTypeOf(stock.Maybe({ N: 1 }, { timeoutMs: 1 })).resolves.toEqualTypeOf<number>();
expectTypeOf(stock.Watch({ Sku: 'a' })).toEqualTypeOf<AsyncIterable<number>>();
expectTypeOf(stock.Sync('x')).resolves.toEqualTypeOf<number>();
expectTypeOf<keyof InterfaceClient<GoStock>>().toEqualTypeOf<'Take' | 'Flush' | 'Maybe' | 'Watch' | 'Sync'>();
// @ts-expect-error a misspelt method of an interface
void stock.Tke({ Sku: 'a', N: 1 });
// @ts-expect-error a wrong input of an interface
void stock.Take({ Sku: 'a' });
