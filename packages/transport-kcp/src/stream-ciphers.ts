import { pbkdf2Sync } from 'node:crypto';
import type { DatagramCipher } from './datagram-cipher.ts';

/** kcp-go's "simple xor": no protection against anybody who sees two datagrams (`NewSimpleXORBlockCrypt`). */
export function simpleXor(key: Uint8Array): DatagramCipher {
  const table = pbkdf2Sync(key, 'sH3CIVoF#rWLtJo6', 32, 1500, 'sha1');
  const apply = (bytes: Buffer, length: number): Buffer => {
    for (let index = 0; index < length; index++) bytes[index] = (bytes[index] ?? 0) ^ (table[index] ?? 0);
    return bytes;
  };
  return { encrypt: apply, decrypt: (datagram) => apply(datagram, datagram.length) };
}

/** Salsa20 with 20 rounds; the first 8 bytes of the datagram are its nonce and stay as they are (`salsa20BlockCrypt`). */
export function salsa20(key: Uint8Array): DatagramCipher {
  const input = new Int32Array(16);
  const bytes = Buffer.from(key);
  const constants = Buffer.from('expand 32-byte k');
  for (let index = 0; index < 4; index++) {
    input[5 * index] = constants.readInt32LE(4 * index);
    input[1 + index] = bytes.readInt32LE(4 * index);
    input[11 + index] = bytes.readInt32LE(16 + 4 * index);
  }
  const stream = new Int32Array(16);
  const apply = (datagram: Buffer, length: number): Buffer => {
    input[6] = datagram.readInt32LE(0);
    input[7] = datagram.readInt32LE(4);
    for (let at = 8, counter = 0; at < length; at += 64, counter++) {
      input[8] = counter;
      salsaBlock(input, stream);
      const count = Math.min(64, length - at);
      for (let index = 0; index < count; index++) {
        datagram[at + index] = (datagram[at + index] ?? 0) ^ ((stream[index >> 2] ?? 0) >>> (8 * (index & 3)));
      }
    }
    return datagram;
  };
  return { encrypt: apply, decrypt: (datagram) => apply(datagram, datagram.length) };
}

// Columns, then rows; each names the four words of a quarter round.
const quarters = [[0, 4, 8, 12], [5, 9, 13, 1], [10, 14, 2, 6], [15, 3, 7, 11], [0, 1, 2, 3], [5, 6, 7, 4], [10, 11, 8, 9], [15, 12, 13, 14]] as const;

function salsaBlock(input: Int32Array, output: Int32Array): void {
  output.set(input);
  for (let round = 0; round < 10; round++) {
    for (const [a, b, c, d] of quarters) {
      output[b] = (output[b] ?? 0) ^ rotated((output[a] ?? 0) + (output[d] ?? 0), 7);
      output[c] = (output[c] ?? 0) ^ rotated((output[b] ?? 0) + (output[a] ?? 0), 9);
      output[d] = (output[d] ?? 0) ^ rotated((output[c] ?? 0) + (output[b] ?? 0), 13);
      output[a] = (output[a] ?? 0) ^ rotated((output[d] ?? 0) + (output[c] ?? 0), 18);
    }
  }
  for (let index = 0; index < 16; index++) output[index] = (output[index] ?? 0) + (input[index] ?? 0);
}

function rotated(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
