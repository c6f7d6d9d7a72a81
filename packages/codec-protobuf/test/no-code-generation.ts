// Run by no-code-generation.test.ts, with and without --disallow-code-generation-from-strings.
import { readFileSync } from 'node:fs';
import { wire } from '@rpcxjs/core';
import { canGenerate } from '../src/code-generation.ts';
import { message, protobuf } from '../src/index.ts';
import { encoded } from './encoded.ts';
import { BenchmarkMessageSchema } from './generated/benchmark_pb.js';
import { ScalarsSchema } from './generated/proto3_pb.js';

const golden = JSON.parse(readFileSync(new URL('fixtures/golden-protobuf.json', import.meta.url), 'utf8')) as { vectors: { hex: string }[] };
const bytes = Buffer.from(golden.vectors[0]?.hex ?? '', 'hex');
const codec = protobuf.compile?.(message(BenchmarkMessageSchema)[wire].protobuf);
const scalars = protobuf.compile?.(message(ScalarsSchema)[wire].protobuf);
if (codec === undefined || scalars === undefined) throw new Error('compile() gave nothing');
const again = encoded(codec, codec.decode(bytes, 0, bytes.length));
const texts = ['许多往事在眼前', '许'.repeat(1000)].map((text) => {
  const payload = encoded(scalars, { text });
  return (scalars.decode(payload, 0, payload.length) as { text: string }).text;
});
process.stdout.write(JSON.stringify({ canGenerate: canGenerate(), bytes: again.length, same: bytes.equals(again), text: texts[0], long: texts[1] === '许'.repeat(1000) }));
