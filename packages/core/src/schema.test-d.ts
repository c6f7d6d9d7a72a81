import type { StandardSchemaV1 } from '@standard-schema/spec';
import { expectTypeOf } from 'vitest';
import { type, type SchemaIn, type SchemaOut, type StandardSchema, type WireType } from './schema.ts';

// Any Standard Schema is one of ours, with the same input and output, and the other way round.
declare const theirs: StandardSchemaV1<string, number>;
expectTypeOf(theirs).toExtend<StandardSchema<string, number>>();
expectTypeOf<SchemaIn<typeof theirs>>().toEqualTypeOf<StandardSchemaV1.InferInput<typeof theirs>>();
expectTypeOf<SchemaOut<typeof theirs>>().toEqualTypeOf<StandardSchemaV1.InferOutput<typeof theirs>>();

declare const ours: StandardSchema<string, number>;
expectTypeOf(ours).toExtend<StandardSchemaV1<string, number>>();
expectTypeOf<StandardSchemaV1.InferInput<typeof ours>>().toEqualTypeOf<string>();
expectTypeOf<StandardSchemaV1.InferOutput<typeof ours>>().toEqualTypeOf<number>();

expectTypeOf(type<{ a: 1 }>()).toExtend<StandardSchemaV1<{ a: 1 }>>();
expectTypeOf<SchemaIn<WireType<Date>>>().toEqualTypeOf<Date>();
expectTypeOf<SchemaOut<WireType<Date>>>().toEqualTypeOf<Date>();
// @ts-expect-error a schema of something else
expectTypeOf(theirs).toExtend<StandardSchema<string, string>>();
