// Encodes and decodes rpcx's benchmark message (581 bytes, 40 fields) with this package, @bufbuild/protobuf and protobufjs, each in a process of
// its own, in turns; prints the median ns of processor time and the ratio to @bufbuild/protobuf. Run: node_modules/.bin/tsx packages/codec-protobuf/bench/protobuf.ts
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createByteWriter } from '@rpcxjs/protocol';
import protobufjs from 'protobufjs';
import { descriptorCodec } from '../src/message.ts';
import { BenchmarkMessageSchema } from '../test/generated/benchmark_pb.js';

const text = '许多往事在眼前一幕一幕，变的那麼模糊';
const number = 100_000;
// A literal, as a caller writes it: an object that is filled by name is slower to read for everybody.
const filled = {
  field1: text, field2: number, field3: number, field4: text, field6: number, field7: text, field9: text, field12: true, field13: true, field14: true,
  field16: number, field17: true, field18: text, field22: 100_000n, field23: number, field24: true, field25: number, field29: number, field30: true,
  field59: true, field60: number, field67: number, field68: number, field78: true, field80: true, field81: true, field100: number, field101: number,
  field102: text, field103: text, field104: number, field128: number, field129: text, field130: number, field131: number, field150: number,
  field271: number, field272: number, field280: number,
};
const bytes = toBinary(BenchmarkMessageSchema, create(BenchmarkMessageSchema, filled));
const copies = 64;

interface Candidate {
  encode(): number;
  decode(at: number): unknown;
}

/** Sixty-four messages behind each other, as in a connection's buffer, so that nothing is learnt from an address. */
function source(): Buffer {
  const all = Buffer.allocUnsafeSlow(copies * bytes.length);
  for (let index = 0; index < copies; index++) all.set(bytes, index * bytes.length);
  return all;
}

function ours(generated: boolean, value: unknown): Candidate {
  const codec = descriptorCodec(BenchmarkMessageSchema, generated);
  const writer = createByteWriter();
  writer.reserve(64 * 1024);
  const all = source();
  return {
    encode() {
      writer.offset = 0;
      codec.encode(value, writer);
      return writer.offset;
    },
    decode: (at) => codec.decode(all, at, at + bytes.length),
  };
}

const candidates: Record<string, () => Candidate> = {
  'this package': () => ours(true, filled),
  'this package, messages made by create': () => ours(true, create(BenchmarkMessageSchema, filled)),
  'this package, messages it decoded': () => {
    const codec = descriptorCodec(BenchmarkMessageSchema, true);
    return ours(true, codec.decode(bytes, 0, bytes.length));
  },
  'this package, no code generation': () => ours(false, filled),
  '@bufbuild/protobuf': () => {
    const message = create(BenchmarkMessageSchema, filled);
    const all = source();
    return {
      encode: () => toBinary(BenchmarkMessageSchema, message).length,
      decode: (at) => fromBinary(BenchmarkMessageSchema, all.subarray(at, at + bytes.length)),
    };
  },
  'protobufjs, reflection': () => {
    const file = fileURLToPath(new URL('../../interop/proto/benchmark.proto', import.meta.url));
    const type = protobufjs.loadSync(file).lookupType('rpcxjs.interop.BenchmarkMessage');
    const message = type.fromObject({ ...filled, field22: 100_000 });
    const all = source();
    return {
      encode: () => type.encode(message).finish().length,
      decode: (at) => type.decode(all.subarray(at, at + bytes.length)),
    };
  },
};

function nanoseconds(run: (at: number) => unknown): number {
  const rounds: number[] = [];
  let sink = 0;
  for (let round = 0; round < 40; round++) {
    const calls = 10_000;
    const start = process.cpuUsage();
    for (let call = 0; call < calls; call++) sink += run((call % copies) * bytes.length) === undefined ? 1 : 0;
    const { user, system } = process.cpuUsage(start);
    rounds.push(((user + system) * 1000) / calls);
  }
  if (sink > 0) throw new Error('a run returned nothing');
  // The lower quartile of the warm rounds: whatever else the machine does only ever adds.
  return rounds.slice(16).toSorted((a, b) => a - b)[6] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const own = process.argv[2];
if (own !== undefined) {
  const candidate = candidates[own]?.();
  if (candidate === undefined) throw new Error(`there is no candidate ${own}`);
  if (candidate.encode() !== 581) throw new Error(`${own} writes ${candidate.encode()} bytes instead of 581`);
  process.stdout.write(JSON.stringify({ encode: nanoseconds(() => candidate.encode()), decode: nanoseconds((at) => candidate.decode(at)) }));
} else {
  const results = new Map<string, { encode: number[]; decode: number[] }>();
  for (let round = 0; round < 5; round++) {
    for (const name of Object.keys(candidates)) {
      const output = execFileSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), name], { encoding: 'utf8' });
      const measured = JSON.parse(output) as { encode: number; decode: number };
      const all = results.get(name) ?? { encode: [], decode: [] };
      all.encode.push(measured.encode);
      all.decode.push(measured.decode);
      results.set(name, all);
    }
  }
  const base = results.get('@bufbuild/protobuf') ?? { encode: [], decode: [] };
  const lines = [...results].map(([name, { encode, decode }]) => {
    const cell = (values: number[], against: number[]): string => `${median(values).toFixed(0)} · ${(median(against) / median(values)).toFixed(2)}x`;
    return `| ${name} | ${cell(encode, base.encode)} | ${cell(decode, base.decode)} |`;
  });
  process.stdout.write(`| 581 bytes, ns of processor time · times as fast as @bufbuild/protobuf | encode | decode |\n|---|---|---|\n${lines.join('\n')}\n`);
}
