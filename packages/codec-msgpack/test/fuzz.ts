import type { Decoder } from '@msgpack/msgpack';
import { RpcError, type PayloadCodec } from '@rpcxjs/core';
import { corpus, warmPairs } from './corpus.ts';
import { mutate, randomOf } from './mutation.ts';
import { hex } from './payload.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly count: number;
  /** Compared with, if given: it reads and refuses the same, but for `differs`. */
  readonly oracle?: Decoder;
  /** Called now and then. */
  readonly progress?: (done: number) => void;
}

/** Feeds damaged payloads to pairs of every sort. Throws, with the payload, at the first misbehaviour. */
export function fuzz({ seed, count, oracle, progress }: FuzzOptions): { reads: number; refusals: number; slowestMs: number } {
  const random = randomOf(seed);
  const pairs = warmPairs();
  const target = Buffer.alloc(1024);
  const result = { reads: 0, refusals: 0, slowestMs: 0 };
  for (let index = 0; index < count; index++) {
    const length = mutate(target, corpus, random);
    const [name, pair] = pairs[index % pairs.length] as readonly [string, PayloadCodec];
    const from = performance.now();
    const refusal = refusalOf(pair, target, length);
    const elapsed = performance.now() - from;
    if (elapsed > result.slowestMs) result.slowestMs = Math.max(result.slowestMs, Math.min(elapsed, again(pair, target, length)));
    if (refusal === undefined) result.reads++;
    else result.refusals++;
    if (oracle !== undefined && name !== 'typed') compare(oracle, target.subarray(0, length), refusal);
    if (index % 100_000 === 0) progress?.(index);
  }
  return result;
}

/** The best of a few more times: another process may have had the core, but a payload that takes long takes long each time. */
function again(pair: PayloadCodec, source: Uint8Array, length: number): number {
  let best = Infinity;
  for (let round = 0; round < 5; round++) {
    const from = performance.now();
    refusalOf(pair, source, length);
    best = Math.min(best, performance.now() - from);
  }
  return best;
}

function refusalOf(pair: PayloadCodec, source: Uint8Array, length: number): string | undefined {
  try {
    pair.decode(source, 0, length);
    return undefined;
  } catch (thrown) {
    if (RpcError.is(thrown) && thrown.code === 'invalid_argument' && thrown.reason === 'BAD_PAYLOAD') return thrown.message;
    throw new Error(`${hex(source.subarray(0, length))} threw ${String(thrown)}`, { cause: thrown });
  }
}

// What is refused here and read there: a date beyond Date, nanoseconds beyond a second; there they become an invalid or wrong Date.
const stricter = /nanoseconds; there are at most|beyond what a Date can hold/;
// What is read here and refused there.
const looserThere = /The type of key must be string or number|The key __proto__ is not allowed/;

function compare(oracle: Decoder, payload: Uint8Array, refusal: string | undefined): void {
  // No value and an empty payload are the same to rpcx; nesting is limited here only.
  if (payload.length === 0 || (refusal !== undefined && (stricter.test(refusal) || refusal.includes('nests deeper')))) return;
  let there: string | undefined;
  try {
    oracle.decode(payload);
  } catch (thrown) {
    there = String(thrown);
  }
  if ((there === undefined) === (refusal === undefined)) return;
  if (refusal === undefined && there !== undefined && looserThere.test(there)) return;
  // A key that is a map, an array or nil is refused in both, but there a float, a bigint or a date may stand for one.
  if (refusal?.includes('the map key')) return;
  throw new Error(`${hex(payload)}: here ${refusal ?? 'read'}, there ${there ?? 'read'}`);
}
