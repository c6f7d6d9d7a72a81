import { codecCases } from '@rpcxjs/conformance';
import { it } from 'vitest';
import { float32, int8, msgpack, struct } from '../src/index.ts';
import { everyKind, filled } from './corpus.ts';

const cycle: { self?: unknown } = {};
cycle.self = cycle;

const cases = codecCases({
  codec: msgpack,
  samples: [
    { name: 'a plain object', value: { A: 10, B: -1.5, C: '服务🚀', D: [true, null, { E: new Uint8Array([0, 255]) }], F: new Date(5), G: 2n ** 60n } },
    { name: 'undefined', value: undefined, becomes: null },
    { name: 'a number', value: 1_700_000_000_000 },
    { name: 'long text', value: { text: 'é'.repeat(40_000), ascii: 'a'.repeat(40_000) } },
    { name: 'large bytes', value: { bytes: new Uint8Array(100_000).fill(3), after: 1 } },
    { name: 'a wire type of every kind', value: filled, wireType: everyKind },
    { name: 'an empty struct', value: {}, wireType: struct({}) },
  ],
  refused: [
    { name: 'a cycle', value: cycle },
    { name: 'a function', value: { run: () => 1 } },
    { name: 'a bigint beyond 64 bits', value: 2n ** 64n },
    { name: 'an integer out of its type\'s range', value: { A: 128 }, wireType: struct({ A: int8 }) },
    { name: 'a number that no float32 equals', value: { A: 0.1 }, wireType: struct({ A: float32 }) },
    { name: 'a field that is missing', value: {}, wireType: struct({ A: int8 }) },
  ],
  nestedPayload: (depth) => new Uint8Array(depth + 1).fill(0x91, 0, depth),
  supports: { detectsTruncation: true },
});
for (const { name, run } of cases) it(name, run);
