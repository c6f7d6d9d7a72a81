import { Decoder } from '@msgpack/msgpack';
import { RpcError, type PayloadCodec } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { msgpack } from '../src/index.ts';
import { corpus, warmPairs } from './corpus.ts';
import { fuzz } from './fuzz.ts';
import { decoded, hex } from './payload.ts';

/** Reads; what is thrown must be the one error that callers are promised. */
function verdict(pair: PayloadCodec, payload: Uint8Array): 'read' | 'refused' {
  try {
    decoded(pair, payload);
    return 'read';
  } catch (thrown) {
    if (!RpcError.is(thrown) || thrown.code !== 'invalid_argument' || thrown.reason !== 'BAD_PAYLOAD') throw new Error(`${hex(payload)} threw ${String(thrown)}`, { cause: thrown });
    return 'refused';
  }
}

describe('B13: hostile payloads', () => {
  it('refuses every truncation of every payload', () => {
    for (const [name, pair] of warmPairs()) {
      for (const payload of corpus) {
        if (name === 'typed' && verdict(pair, payload) === 'refused') continue;
        for (let length = 1; length < payload.length; length++) expect([name, hex(payload), length, verdict(pair, payload.subarray(0, length))]).toEqual([name, hex(payload), length, 'refused']);
      }
    }
  });

  it('reads or refuses every payload with one bit flipped, and the learned pair reads what the generic one reads', () => {
    const [, [, learned], [, typed]] = warmPairs() as [never, [string, PayloadCodec], [string, PayloadCodec]];
    for (const payload of corpus) {
      const copy = payload.slice();
      for (let bit = 0; bit < payload.length * 8; bit++) {
        copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
        const plain = verdict(msgpack, copy);
        if (verdict(learned, copy) !== plain) throw new Error(`learned and generic disagree on ${hex(copy)}`);
        if (plain === 'read' && JSON.stringify(decoded(learned, copy), text) !== JSON.stringify(decoded(msgpack, copy), text)) throw new Error(`learned and generic read ${hex(copy)} differently`);
        verdict(typed, copy);
        copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      }
    }
  });

  it('never throws anything but BAD_PAYLOAD on damaged payloads, and agrees with @msgpack/msgpack but for the listed differences', () => {
    const oracle = new Decoder({ maxStrLength: 1e6 });
    const { reads, refusals, slowestMs } = fuzz({ seed: 20_261_121, count: 60_000, oracle });
    expect(reads).toBeGreaterThan(5000);
    expect(refusals).toBeGreaterThan(5000);
    expect(slowestMs).toBeLessThan(10);
  });
});

function text(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}
