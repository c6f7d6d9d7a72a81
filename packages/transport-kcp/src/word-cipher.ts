import { initialVector } from './datagram-cipher.ts';
import type { DatagramCipher } from './datagram-cipher.ts';

/** A block cipher over 32-bit words, for the few that the system does not have. */
export interface WordCipher {
  readonly words: 2 | 4;
  readonly littleEndian: boolean;
  /** Encrypts one block in place. */
  encryptBlock(block: Int32Array): void;
}

/** kcp-go's CFB over a cipher of our own, from the fixed vector on. */
export function wordFeedbackCipher(cipher: WordCipher): DatagramCipher {
  const { words, littleEndian } = cipher;
  const blockBytes = words * 4;
  const state = new Int32Array(words);
  const first = new Int32Array(words);
  for (let word = 0; word < words; word++) first[word] = littleEndian ? initialVector.readInt32LE(word * 4) : initialVector.readInt32BE(word * 4);
  cipher.encryptBlock(first);
  const read = (bytes: Buffer, at: number): number => (littleEndian ? bytes.readInt32LE(at) : bytes.readInt32BE(at));
  const write = (bytes: Buffer, value: number, at: number): number => (littleEndian ? bytes.writeInt32LE(value, at) : bytes.writeInt32BE(value, at));
  const run = (bytes: Buffer, length: number, encrypting: boolean): void => {
    state.set(first);
    let at = 0;
    for (; at + blockBytes <= length; at += blockBytes) {
      for (let word = 0; word < words; word++) {
        const before = read(bytes, at + word * 4);
        const after = before ^ (state[word] ?? 0);
        write(bytes, after, at + word * 4);
        state[word] = encrypting ? after : before;
      }
      cipher.encryptBlock(state);
    }
    for (let index = 0; at + index < length; index++) {
      const shift = littleEndian ? 8 * (index & 3) : 24 - 8 * (index & 3);
      bytes[at + index] = (bytes[at + index] ?? 0) ^ ((state[index >> 2] ?? 0) >>> shift);
    }
  };
  return {
    encrypt(datagram, length) {
      run(datagram, length, true);
      return datagram;
    },
    decrypt(datagram) {
      run(datagram, datagram.length, false);
      return datagram;
    },
  };
}
