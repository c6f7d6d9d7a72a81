// Runs in a process of its own, with and without leave to generate code; prints what differed from the generic path.
import type { PayloadCodec } from '@rpcxjs/core';
import { createByteWriter } from '@rpcxjs/protocol';
import { isDeepStrictEqual } from 'node:util';
import { array, int32, msgpack, optional, string, struct } from '../src/index.ts';
import { corpus, everyKind, filled } from './corpus.ts';
import { randomOf } from './mutation.ts';

const random = randomOf(7);
const differences: string[] = [];
let compared = 0;

function encode(pair: PayloadCodec, value: unknown): Uint8Array {
  const writer = createByteWriter();
  pair.encode(value, writer);
  return writer.finish();
}

function check(what: string, same: boolean): void {
  compared++;
  if (!same) differences.push(what);
}

function generates(): boolean {
  try {
    return (Reflect.construct(Function, ['return true']) as () => boolean)();
  } catch {
    return false;
  }
}

function plain(depth: number): unknown {
  const kinds: (() => unknown)[] = [() => random(1 << 30), () => -random(1 << 30), () => `text ${random(50)}`, () => null, () => undefined, () => random(2) === 0, () => random(1000) / 7, () => 2n ** 60n, () => '服'.repeat(random(30))];
  if (depth > 0) kinds.push(() => Array.from({ length: random(4) }, () => plain(depth - 1)), () => object(depth - 1));
  return (kinds[random(kinds.length)] as () => unknown)();
}

function object(depth: number): object {
  return Object.fromEntries(Array.from({ length: random(8) }, () => [['a', 'bb', 'ccc', 'dddd', 'a key of twelve', 'ключ', '__proto__', 'constructor', '7'][random(9)], plain(depth)]));
}

// Many shapes at one place, a few hot ones among them; more hot ones than there are fast makers.
const hot = Array.from({ length: 8 }, () => object(2));
const learned = Array.from({ length: 6 }, () => msgpack.compile?.(undefined) as PayloadCodec);
for (let round = 0; round < 12_000; round++) {
  const value = random(4) === 0 ? object(2) : hot[round % hot.length];
  const pair = learned[round % learned.length] as PayloadCodec;
  const payload = encode(msgpack, value);
  const written = encode(pair, value);
  const read = pair.decode(payload, 0, payload.length);
  if (round % 5 !== 0) continue;
  check(`wrote ${Buffer.from(payload).toString('hex')}`, Buffer.compare(written, payload) === 0);
  check(`read ${Buffer.from(payload).toString('hex')}`, isDeepStrictEqual(read, msgpack.decode(payload, 0, payload.length)));
}
const hottest = Array.from({ length: 60 }, (_, index) => [`Field${index}`, index] as const);
for (const size of [1, 2, 40, 60]) {
  const pair = msgpack.compile?.(undefined) as PayloadCodec;
  const value = Object.fromEntries(hottest.slice(0, size));
  const payload = encode(msgpack, value);
  for (let round = 0; round < 2100; round++) {
    const read = pair.decode(payload, 0, payload.length);
    if (round % 100 === 0) check(`a hot map of ${size}`, isDeepStrictEqual(read, value) && isDeepStrictEqual(Object.keys(read as object), Object.keys(value)));
  }
}

const typed = msgpack.compile?.(everyKind) as PayloadCodec;
const payload = encode(typed, filled);
for (let round = 0; round < 2000; round++) {
  const read = typed.decode(payload, 0, payload.length);
  const back = encode(typed, round % 2 === 0 ? read : Object.fromEntries(Object.entries(filled).reverse()));
  if (round % 20 < 2) check('typed', isDeepStrictEqual(read, filled) && Buffer.compare(back, payload) === 0);
}
const loose = struct({ A: optional(int32), B: string, C: optional(array(int32)), D: optional(string) });
const loosePair = msgpack.compile?.(loose) as PayloadCodec;
for (let round = 0; round < 400; round++) {
  const value = { ...(random(2) === 0 ? { A: 1 } : {}), B: 'b', ...(random(2) === 0 ? { C: [1] } : {}), ...(random(2) === 0 ? { D: 'd' } : {}) };
  const bytes = encode(loosePair, value);
  check('optional fields', Buffer.compare(bytes, encode(msgpack, value)) === 0);
  check('optional fields back', isDeepStrictEqual(loosePair.decode(bytes, 0, bytes.length), { A: undefined, C: undefined, D: undefined, ...value, B: 'b' }));
}
for (const bytes of corpus) {
  const pair = msgpack.compile?.(undefined) as PayloadCodec;
  for (let round = 0; round < 10; round++) check('corpus', isDeepStrictEqual(pair.decode(bytes, 0, bytes.length), msgpack.decode(bytes, 0, bytes.length)));
}

process.stdout.write(JSON.stringify({ generates: generates(), compared, differences: differences.slice(0, 5) }));
