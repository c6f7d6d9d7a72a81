import { type DescMessage, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { descriptorCodec } from '../src/message.ts';
import { initOf } from './arbitrary-message.ts';
import { difference } from './difference.ts';
import { decoded, encoded } from './encoded.ts';
import { BenchmarkMessageSchema } from './generated/benchmark_pb.js';
import { MixedSchema } from './generated/edition2023_pb.js';
import { GroupsSchema } from './generated/groups_pb.js';
import { AwkwardSchema } from './generated/names_pb.js';
import * as proto2 from './generated/proto2_pb.js';
import * as proto3 from './generated/proto3_pb.js';
import { SampleSchema } from './generated/sample_pb.js';

const schemas: readonly DescMessage[] = [
  SampleSchema, BenchmarkMessageSchema, MixedSchema, AwkwardSchema,
  proto3.ScalarsSchema, proto3.OptionalsSchema, proto3.ListsSchema, proto3.MapsSchema, proto3.ChoicesSchema, proto3.KnownSchema, proto3.TreeSchema, proto3.EmptySchema,
  proto2.DefaultsSchema, proto2.RequiredSchema, proto2.ListsSchema, GroupsSchema,
];

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

describe.each([['generated', true], ['not generated', false]] as const)('code that is %s', (_, generated) => {
  describe.each(schemas.map((schema) => [schema.typeName, schema] as const))('%s', (_name, schema) => {
    const codec = descriptorCodec(schema, generated);
    const runs = { numRuns: 60 };

    it('writes the bytes that @bufbuild/protobuf writes', () => {
      fc.assert(fc.property(initOf(schema), (init) => {
        const message = create(schema, init);
        expect(hexOf(encoded(codec, message))).toBe(hexOf(toBinary(schema, message)));
      }), runs);
    });

    it('writes a plain object as the message that it would become', () => {
      fc.assert(fc.property(initOf(schema), (init) => {
        expect(hexOf(encoded(codec, init))).toBe(hexOf(toBinary(schema, create(schema, init))));
      }), runs);
    });

    it('reads the message that @bufbuild/protobuf reads', () => {
      fc.assert(fc.property(initOf(schema), (init) => {
        const bytes = toBinary(schema, create(schema, init));
        expect(difference(decoded(codec, bytes), fromBinary(schema, bytes))).toBe(undefined);
      }), runs);
    });

    it('merges what comes twice as @bufbuild/protobuf does', () => {
      fc.assert(fc.property(initOf(schema), initOf(schema), (one, two) => {
        const bytes = new Uint8Array(Buffer.concat([toBinary(schema, create(schema, one)), toBinary(schema, create(schema, two))]));
        expect(difference(decoded(codec, bytes), fromBinary(schema, bytes))).toBe(undefined);
      }), runs);
    });
  });
});
