import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { initialVector, scratchBytes } from './datagram-cipher.ts';
import type { DatagramCipher } from './datagram-cipher.ts';

/**
 * kcp-go's CFB (`crypt.go`, encrypt and decrypt) by the system's ciphers. In CFB a block depends on the key and the block before it alone, so one
 * cipher object serves all datagrams: to encrypt it just goes on, because the nonce at the beginning of a datagram makes up for any state that the
 * receiver does not have; to decrypt, the fixed vector is fed to it before each datagram. Making a cipher object costs more than the encryption.
 */
export function feedbackCipher(algorithm: string, key: Uint8Array, blockBytes: 8 | 16): DatagramCipher {
  const encipher = createCipheriv(algorithm, key, randomBytes(blockBytes));
  const decipher = createDecipheriv(algorithm, key, randomBytes(blockBytes));
  const scratch = Buffer.alloc(scratchBytes);
  initialVector.copy(scratch, 0, 0, blockBytes);
  const padded = (length: number): number => Math.ceil(length / blockBytes) * blockBytes;
  return {
    encrypt: (datagram, length) => encipher.update(datagram.subarray(0, padded(length))),
    decrypt(datagram) {
      datagram.copy(scratch, blockBytes);
      const plain = decipher.update(scratch.subarray(0, blockBytes + padded(datagram.length)));
      return plain.subarray(blockBytes, blockBytes + datagram.length);
    },
  };
}
