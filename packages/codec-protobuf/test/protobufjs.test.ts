import { fileURLToPath } from 'node:url';
import { create, toBinary } from '@bufbuild/protobuf';
import { type WireType, wire } from '@rpcxjs/core';
import fc from 'fast-check';
import protobufjs from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { descriptorCodec } from '../src/message.ts';
import { protobuf, protobufjsMessage } from '../src/index.ts';
import { initOf } from './arbitrary-message.ts';
import { difference } from './difference.ts';
import { caught, decoded, encoded } from './encoded.ts';
import { BenchmarkMessageSchema } from './generated/benchmark_pb.js';
import { ListsSchema as Proto2ListsSchema } from './generated/proto2_pb.js';
import { ListsSchema, ScalarsSchema, TreeSchema } from './generated/proto3_pb.js';

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const root = protobufjs.loadSync([path('proto/proto3.proto'), path('proto/proto2.proto'), path('../../interop/proto/benchmark.proto')]);
const badPayload = { name: 'RpcError', code: 'invalid_argument', reason: 'BAD_PAYLOAD' };

function codecOf(name: string): NonNullable<ReturnType<NonNullable<typeof protobuf.compile>>> {
  const compiled = protobuf.compile?.((protobufjsMessage(root.lookupType(name)) as WireType<unknown>)[wire]['protobuf']);
  if (compiled === undefined) throw new Error('compile() gave nothing');
  return compiled;
}

describe('a type of protobufjs', () => {
  it('is written and read by its own code', () => {
    const codec = codecOf('rpcxjs.test3.Scalars');
    const bytes = encoded(codec, { i32: -5, text: '服务', flag: true, blob: new Uint8Array([1, 2]) });
    expect(bytes).toStrictEqual(toBinary(ScalarsSchema, create(ScalarsSchema, { i32: -5, text: '服务', flag: true, blob: new Uint8Array([1, 2]) })));
    expect(decoded(codec, bytes)).toMatchObject({ i32: -5, text: '服务', flag: true, blob: new Uint8Array([1, 2]) });
  });

  it('keeps no view of the buffer that it was read from', () => {
    const codec = codecOf('rpcxjs.test3.Scalars');
    const source = Buffer.from(encoded(codec, { blob: new Uint8Array([1, 2, 3]) }));
    const { blob } = codec.decode(source, 0, source.length) as { blob: Uint8Array };
    source.fill(9);
    expect([...blob]).toStrictEqual([1, 2, 3]);
  });

  it('refuses with BAD_PAYLOAD what it cannot write or read', () => {
    const codec = codecOf('rpcxjs.interop.BenchmarkMessage');
    for (const value of [undefined, null, 5, { field1: 5, field2: 1, field3: 1 }, { field1: 'a' }]) {
      const error = caught(() => encoded(codec, value));
      expect(error).toMatchObject({ ...badPayload, sent: false });
      expect((error as Error).message).toMatch(/^cannot encode rpcxjs\.interop\.BenchmarkMessage: /);
    }
    for (const bytes of [[0x0a, 5, 1], [0x0a, 1, 0x61], [0xff], [0x0b], [0x0f]]) {
      const error = caught(() => decoded(codec, Uint8Array.from(bytes)));
      expect(error).toMatchObject(badPayload);
      expect((error as Error).message).toMatch(/^cannot decode rpcxjs\.interop\.BenchmarkMessage: .+check that both sides/);
    }
    expect(caught(() => decoded(codecOf('rpcxjs.test3.Tree'), new Uint8Array(100_000).fill(0x1b)))).toMatchObject(badPayload);
  });

  it('validates as a schema', async () => {
    const schema = protobufjsMessage(root.lookupType('rpcxjs.test3.Scalars'));
    expect(await schema['~standard'].validate({ i32: 5 })).toStrictEqual({ value: { i32: 5 } });
    expect(await schema['~standard'].validate({ i32: 'five' })).toMatchObject({ issues: [{ message: expect.stringContaining('i32') as string }] });
  });
});

// A second opinion besides that of @bufbuild/protobuf.
describe.each([[BenchmarkMessageSchema], [ScalarsSchema], [ListsSchema], [TreeSchema], [Proto2ListsSchema]])('%s', (schema) => {
  it('is read by protobufjs as the same message', () => {
    const type = root.lookupType(schema.typeName);
    const codec = descriptorCodec(schema, true);
    fc.assert(fc.property(initOf(schema), (init) => {
      const bytes = encoded(codec, init);
      const again = type.encode(type.decode(bytes)).finish();
      expect(difference(decoded(codec, again), decoded(codec, bytes))).toBe(undefined);
    }), { numRuns: 60 });
  });
});
