import { type MessageShape, create } from '@bufbuild/protobuf';
import { type ContractClient, type ContractHandlers, contract, unary } from '@rpcxjs/core';
import protobufjs from 'protobufjs';
import { expectTypeOf, test } from 'vitest';
import { type ArithArgs, ArithArgsSchema, type ArithReply, ArithReplySchema, SampleSchema } from '../test/generated/sample_pb.js';
import { message, protobufjsMessage } from './index.ts';

const arith = contract('Arith', {
  Mul: unary({ input: message(ArithArgsSchema), output: message(ArithReplySchema) }),
  Echo: unary({ input: message(SampleSchema), output: message(SampleSchema) }),
});
declare const client: ContractClient<typeof arith.methods>;

test('a call takes a plain object or a message and gives a message', () => {
  expectTypeOf(client.Mul({ a: 1, b: 2 })).toEqualTypeOf<Promise<ArithReply>>();
  expectTypeOf(client.Mul(create(ArithArgsSchema))).toEqualTypeOf<Promise<ArithReply>>();
  expectTypeOf(client.Mul({ a: 1 })).toEqualTypeOf<Promise<ArithReply>>();
  expectTypeOf(client.Echo({ choice: { case: 'choiceText', value: 'a' }, i64: 5n, counts: { a: 1n } })).toEqualTypeOf<Promise<MessageShape<typeof SampleSchema>>>();
});

test('wrong fields, types and messages do not compile', () => {
  // @ts-expect-error a is a number
  void client.Mul({ a: '1' });
  // @ts-expect-error there is no field c
  void client.Mul({ c: 1 });
  // @ts-expect-error a reply is no argument
  void client.Mul(create(ArithReplySchema));
  // @ts-expect-error 64-bit integers are bigint
  void client.Echo({ i64: 5 });
});

test('a handler gets a message and may give a plain object', () => {
  const handlers: ContractHandlers<typeof arith.methods> = {
    Mul: (args) => {
      expectTypeOf(args).toEqualTypeOf<ArithArgs>();
      return { c: args.a * args.b };
    },
    Echo: (sample) => sample,
  };
  expectTypeOf(handlers.Mul).parameter(0).toEqualTypeOf<ArithArgs>();
});

test('a type of protobufjs is typed by its message', () => {
  interface Point { x: number }
  class PointMessage {
    declare x: number;
    static encode: (message: Point) => protobufjs.Writer;
    static decode: (bytes: Uint8Array) => Point;
    static verify: (value: Record<string, unknown>) => string | null;
  }
  const service = contract('Points', { Move: unary({ input: protobufjsMessage(PointMessage), output: protobufjsMessage(new protobufjs.Type('Any')) }) });
  expectTypeOf<Parameters<ContractClient<typeof service.methods>['Move']>[0]>().toEqualTypeOf<Point>();
});
