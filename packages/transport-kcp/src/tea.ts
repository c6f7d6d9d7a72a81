import type { WordCipher } from './word-cipher.ts';

const delta = 0x9e37_79b9;

function keyWords(key: Uint8Array): Int32Array {
  const bytes = Buffer.from(key);
  return Int32Array.from({ length: 4 }, (_, index) => bytes.readInt32BE(index * 4));
}

/** TEA with kcp-go's 16 rounds, that is 8 cycles (`NewTEABlockCrypt`). */
export function tea(key: Uint8Array): WordCipher {
  const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = keyWords(key);
  return {
    words: 2,
    littleEndian: false,
    encryptBlock(block) {
      let [left = 0, right = 0] = block;
      for (let cycle = 0, sum = 0; cycle < 8; cycle++) {
        sum = (sum + delta) | 0;
        left = (left + (((right << 4) + k0) ^ (right + sum) ^ ((right >>> 5) + k1))) | 0;
        right = (right + (((left << 4) + k2) ^ (left + sum) ^ ((left >>> 5) + k3))) | 0;
      }
      block[0] = left;
      block[1] = right;
    },
  };
}

/** XTEA with its 64 rounds. */
export function xtea(key: Uint8Array): WordCipher {
  const words = keyWords(key);
  const schedule = new Int32Array(64);
  for (let cycle = 0, sum = 0; cycle < 32; cycle++) {
    schedule[2 * cycle] = sum + (words[sum & 3] ?? 0);
    sum = (sum + delta) | 0;
    schedule[2 * cycle + 1] = sum + (words[(sum >>> 11) & 3] ?? 0);
  }
  return {
    words: 2,
    littleEndian: false,
    encryptBlock(block) {
      let [left = 0, right = 0] = block;
      for (let round = 0; round < 64; round += 2) {
        left = (left + ((((right << 4) ^ (right >>> 5)) + right) ^ (schedule[round] ?? 0))) | 0;
        right = (right + ((((left << 4) ^ (left >>> 5)) + left) ^ (schedule[round + 1] ?? 0))) | 0;
      }
      block[0] = left;
      block[1] = right;
    },
  };
}
