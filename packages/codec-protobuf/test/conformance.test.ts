import { create } from '@bufbuild/protobuf';
import { codecCases } from '@rpcxjs/conformance';
import { wire } from '@rpcxjs/core';
import { it } from 'vitest';
import { message, protobuf } from '../src/index.ts';
import { BenchmarkMessageSchema } from './generated/benchmark_pb.js';
import { MapsSchema, ScalarsSchema, TreeSchema } from './generated/proto3_pb.js';
import { SampleSchema } from './generated/sample_pb.js';

const wireType = message(SampleSchema)[wire].protobuf;
const scalars = create(ScalarsSchema, { i64: -1n, u64: 2n ** 64n - 1n, text: '服务🚀', blob: new Uint8Array([0, 255]), f64: -0, leaf: { name: 'a' } });
const required = { field1: '许多往事在眼前一幕一幕', field2: 100_000, field3: -1 };

const cases = codecCases({
  codec: protobuf,
  samples: [
    { name: 'a message of all scalars', value: scalars, wireType: message(ScalarsSchema)[wire].protobuf },
    { name: 'a plain object', value: { text: 'a', packed: [1, -1, 300] }, becomes: create(SampleSchema, { text: 'a', packed: [1, -1, 300] }), wireType },
    { name: 'an empty message', value: create(SampleSchema), wireType },
    { name: 'a message with required fields', value: required, becomes: create(BenchmarkMessageSchema, required), wireType: message(BenchmarkMessageSchema)[wire].protobuf },
    { name: 'maps', value: create(MapsSchema, { byText: { a: 'b' }, leaves: { x: { value: -5n } } }), wireType: message(MapsSchema)[wire].protobuf },
    { name: 'a tree', value: create(TreeSchema, { children: [{ children: [{ name: 'x' }], named: { y: { name: 'z'.repeat(5000) } } }] }), wireType: message(TreeSchema)[wire].protobuf },
    { name: 'no value', value: undefined },
  ],
  refused: [
    { name: 'a number out of range', value: { i32: 2 ** 31 }, wireType },
    { name: 'text where a number belongs', value: { i32: '1' }, wireType },
    { name: 'no object', value: 5, wireType },
    { name: 'a value without a type', value: { a: 1 } },
  ],
});
for (const { name, run } of cases) it(name, run);
