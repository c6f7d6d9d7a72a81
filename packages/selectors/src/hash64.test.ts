import { seededRandom } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { Hash64, jump } from './hash64.ts';

const mask = (1n << 64n) - 1n;
const big = ({ high, low }: Hash64): bigint => (BigInt(high) << 32n) | BigInt(low);
const from = (value: bigint): Hash64 => Object.assign(new Hash64(), { high: Number(value >> 32n), low: Number(value & 0xffff_ffffn) });

function fnv(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & mask;
  return hash;
}

function bigJump(key: bigint, buckets: number): number {
  let [bucket, next, state] = [-1, 0, key];
  while (next < buckets) {
    bucket = next;
    state = (state * 2862933555777941757n + 1n) & mask;
    next = Math.floor((bucket + 1) * (2 ** 31 / Number((state >> 33n) + 1n)));
  }
  return bucket;
}

describe('Hash64', () => {
  it('is FNV-1a over UTF-8, surrogates and halves of them too', () => {
    const random = seededRandom(1);
    const texts = ['', 'a', 'ß', '€', '😀', '\ud800', 'x\udc00y', '\ud83d😀'];
    for (let count = 0; count < 500; count++) texts.push(String.fromCharCode(...Array.from({ length: count % 20 }, () => Math.floor(random() * (count % 2 === 0 ? 0x80 : 0x10000)))));
    for (const text of texts) expect(big(new Hash64().reset().add(text)), JSON.stringify(text)).toBe(fnv(text));
  });

  it('multiplies as 64-bit integers do', () => {
    const random = seededRandom(2);
    const draw = (): number => [0, 1, 0xffff, 0x10000, 0xffff_ffff, Math.floor(random() * 2 ** 32)][Math.floor(random() * 6)]!;
    for (let count = 0; count < 5000; count++) {
      const [a, b, c, d] = [draw(), draw(), draw(), draw()];
      const value = (BigInt(a) << 32n) | BigInt(b);
      expect(big(from(value).multiply(c, d, 1))).toBe((value * ((BigInt(c) << 32n) | BigInt(d)) + 1n) & mask);
    }
  });

  it('jumps as Go does', () => {
    expect(jump(from(0x20fe73eb7bd50f79n), 4)).toBe(1);
    expect(jump(from(1n), 19)).toBe(17);
    const random = seededRandom(3);
    for (let count = 0; count < 2000; count++) {
      const key = (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32));
      const buckets = 1 + Math.floor(random() * 2000);
      expect(jump(from(key), buckets)).toBe(bigJump(key, buckets));
    }
  });
});
