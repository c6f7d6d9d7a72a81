import { Blowfish } from 'egoroof-blowfish';
import type { WordCipher } from './word-cipher.ts';

// Node's own needs a provider of OpenSSL that is off by default.
const longestKey = 56;

/** Blowfish, a block at a time. Throws TypeError for a key that is too long, as kcp-go does. */
export function blowfish(key: Uint8Array): WordCipher {
  if (key.length > longestKey) throw new TypeError(`kcp: the key has ${key.length} bytes; cipher "blowfish" takes 1 to ${longestKey}`);
  const cipher = new Blowfish(key, Blowfish.MODE.ECB, Blowfish.PADDING.NULL);
  const plain = new Uint8Array(8);
  const view = new DataView(plain.buffer);
  return {
    words: 2,
    littleEndian: false,
    encryptBlock(block) {
      view.setInt32(0, block[0] ?? 0);
      view.setInt32(4, block[1] ?? 0);
      const { buffer, byteOffset } = cipher.encode(plain);
      const encrypted = new DataView(buffer, byteOffset, 8);
      block[0] = encrypted.getInt32(0);
      block[1] = encrypted.getInt32(4);
    },
  };
}
