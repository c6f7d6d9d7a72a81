import { type, wire, type Codec, type PayloadCodec, type StandardSchema } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { MethodEntry } from './method-entry.ts';

const pair: PayloadCodec = { encode: () => {}, decode: () => undefined };
const compiling: Codec = { id: 3, name: 'compiling', ...pair, compile: (wireType) => (wireType === undefined ? undefined : pair) };
const generic: Codec = { id: 1, name: 'generic', ...pair };
const eager: Codec = { id: 5, name: 'eager', ...pair, compile: () => pair };

const schema: StandardSchema = { '~standard': { version: 1, vendor: 'somebody', validate: (value) => ({ value }) } };
const wireType: StandardSchema = Object.assign({ '~standard': schema['~standard'] }, { [wire]: { compiling: {} } });

function entryOf(both: StandardSchema): MethodEntry {
  return new MethodEntry({ service: 'S', method: 'M', run: () => undefined, input: both, output: both });
}

describe('what a server checks', () => {
  it('is nothing where a pair compiled from the wire type reads and writes', () => {
    const { inputSchema, outputSchema } = entryOf(wireType).binding(compiling);
    expect([inputSchema, outputSchema]).toEqual([undefined, undefined]);
  });

  it('is everything where another codec carries the same contract', () => {
    const { inputSchema, outputSchema } = entryOf(wireType).binding(generic);
    expect([inputSchema, outputSchema]).toEqual([wireType, wireType]);
  });

  it('is everything where the codec makes a pair without a wire type', () => {
    const { inputSchema, outputSchema } = entryOf(schema).binding(eager);
    expect([inputSchema, outputSchema]).toEqual([schema, schema]);
  });

  it('is nothing for type<T>()', () => {
    const { inputSchema, outputSchema } = entryOf(type<string>()).binding(generic);
    expect([inputSchema, outputSchema]).toEqual([undefined, undefined]);
  });
});
