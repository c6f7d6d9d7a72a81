import { type DescMessage, create, toBinary } from '@bufbuild/protobuf';
import { type PayloadCodec, RpcError } from '@rpcxjs/core';
import fc from 'fast-check';
import { descriptorCodec } from '../src/message.ts';
import { initOf } from './arbitrary-message.ts';
import { difference } from './difference.ts';
import { encoded } from './encoded.ts';
import { GroupsSchema } from './generated/groups_pb.js';
import * as proto2 from './generated/proto2_pb.js';
import * as proto3 from './generated/proto3_pb.js';
import { SampleSchema } from './generated/sample_pb.js';

const schemas: readonly DescMessage[] = [
  SampleSchema, GroupsSchema, proto2.DefaultsSchema, proto2.RequiredSchema, proto2.ListsSchema, proto3.ScalarsSchema, proto3.OptionalsSchema, proto3.ListsSchema,
  proto3.MapsSchema, proto3.ChoicesSchema, proto3.KnownSchema, proto3.TreeSchema, proto3.FewerSchema,
];

/** A stream of numbers below 2^31 that one seed repeats. */
function drawing(seed: number): (below: number) => number {
  let state = (seed % 2147483646) + 1;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

function mutated(source: Uint8Array, other: Uint8Array, draw: (below: number) => number): Uint8Array {
  let bytes = new Uint8Array(source);
  for (let change = draw(4); change >= 0; change--) {
    const at = draw(bytes.length + 1);
    const kind = draw(5);
    if (kind === 0 && at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << draw(8));
    else if (kind === 1 && at < bytes.length) bytes[at] = [0, 1, 0x7f, 0x80, 0xff, 8, 10, 11, 12][draw(9)] as number;
    else if (kind === 2) bytes = bytes.slice(0, at);
    else if (kind === 3) bytes = Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(draw(other.length + 1)), ...bytes.subarray(at)]).slice(0, 600);
    else bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(Math.min(bytes.length, at + draw(5)))]);
  }
  return bytes;
}

/** What `runs` mutated messages came to. Throws at the first that gives anything but a message or BAD_PAYLOAD, or differs without generated code. */
export function fuzz(seed: number, runs: number): { messages: number; refused: number; slowestMs: number } {
  const draw = drawing(seed);
  const corpus = schemas.map((schema) => fc.sample(initOf(schema, 2), { numRuns: 40, seed }).map((init) => toBinary(schema, create(schema, init)).slice(0, 300)));
  const codecs = schemas.map((schema) => [true, false].map((generated) => descriptorCodec(schema, generated)));
  const named = (run: number, bytes: Uint8Array, index: number): string => `seed ${seed}, run ${run}: ${Buffer.from(bytes).toString('hex')} as ${schemas[index]?.typeName}`;
  const counts = { messages: 0, refused: 0, slowestMs: 0 };
  for (let run = 0; run < runs; run++) {
    const index = draw(schemas.length);
    const from = corpus[draw(4) === 0 ? draw(schemas.length) : index] as Uint8Array[];
    const bytes = mutated(from[draw(from.length)] as Uint8Array, from[draw(from.length)] as Uint8Array, draw);
    const started = performance.now();
    const outcomes = (codecs[index] ?? []).map((codec) => {
      try {
        return codec.decode(bytes, 0, bytes.length);
      } catch (error) {
        if (RpcError.is(error) && error.reason === 'BAD_PAYLOAD') return error.message;
        throw new Error(named(run, bytes, index), { cause: error });
      }
    });
    counts.slowestMs = Math.max(counts.slowestMs, performance.now() - started);
    if (typeof outcomes[0] === 'string') counts.refused++;
    else counts.messages++;
    // Comparing costs more than decoding, so not every one is; and what was read must be fit to be written and read again.
    if (run % 16 !== 0 && typeof outcomes[0] === typeof outcomes[1]) continue;
    const found = difference(outcomes[0], outcomes[1]) ?? difference(readAgain(codecs[index]?.[0], outcomes[0]), outcomes[1]);
    if (found !== undefined) throw new Error(`${named(run, bytes, index)}: ${found}`);
  }
  return counts;
}

function readAgain(codec: PayloadCodec | undefined, outcome: unknown): unknown {
  if (codec === undefined || typeof outcome === 'string') return outcome;
  const bytes = encoded(codec, outcome);
  return codec.decode(bytes, 0, bytes.length);
}
