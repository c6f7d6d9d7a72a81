import { fileURLToPath } from 'node:url';
import { contract, unary } from '@rpcxjs/core';
import { message, protobufjsMessage } from '@rpcxjs/codec-protobuf';
import protobufjs from 'protobufjs';
import { BenchmarkMessageSchema } from './generated/benchmark_pb.js';
import { ArithArgsSchema, ArithReplySchema, SampleSchema } from './generated/sample_pb.js';

/** `Proto` of `go/services/payloads.go`, with the types of @bufbuild/protobuf. */
export const Proto = contract('Proto', {
  Mul: unary({ input: message(ArithArgsSchema), output: message(ArithReplySchema) }),
  Echo: unary({ input: message(SampleSchema), output: message(SampleSchema) }),
});

/** The service of rpcx's benchmark. */
export const Hello = contract('Hello', { Say: unary({ input: message(BenchmarkMessageSchema), output: message(BenchmarkMessageSchema) }) });

const root = protobufjs.loadSync(['benchmark.proto', 'sample.proto'].map((name) => fileURLToPath(new URL(`../proto/${name}`, import.meta.url))));

/** The same services with the types of protobufjs. */
export const ProtobufjsProto = contract('Proto', {
  Mul: unary({ input: protobufjsMessage(root.lookupType('ArithArgs')), output: protobufjsMessage(root.lookupType('ArithReply')) }),
  Echo: unary({ input: protobufjsMessage(root.lookupType('Sample')), output: protobufjsMessage(root.lookupType('Sample')) }),
});
export const ProtobufjsHello = contract('Hello', {
  Say: unary({ input: protobufjsMessage(root.lookupType('BenchmarkMessage')), output: protobufjsMessage(root.lookupType('BenchmarkMessage')) }),
});

/** What the filled benchmark message holds, field by field. */
export const benchmarkText = '许多往事在眼前一幕一幕，变的那麼模糊';
export const benchmarkNumber = 100_000;

/** The benchmark message with every field but the repeated one: 581 bytes. */
export function filledBenchmark(long: (value: number) => unknown): Record<string, unknown> {
  const filled: Record<string, unknown> = {};
  for (const field of BenchmarkMessageSchema.fields) {
    if (field.fieldKind !== 'scalar') continue;
    const kind = typeof field.getDefaultValue();
    filled[field.localName] = field.name === 'field22' ? long(benchmarkNumber) : field.scalar === 9 ? benchmarkText : field.scalar === 8 ? true : benchmarkNumber;
    if (kind === 'bigint') filled[field.localName] = long(benchmarkNumber);
  }
  return filled;
}
