import { getCiphers } from 'node:crypto';
import { blowfish } from './blowfish.ts';
import { plainCipher } from './datagram-cipher.ts';
import type { DatagramCipher } from './datagram-cipher.ts';
import { feedbackCipher } from './feedback-cipher.ts';
import { salsa20, simpleXor } from './stream-ciphers.ts';
import { tea, xtea } from './tea.ts';
import { wordFeedbackCipher } from './word-cipher.ts';

/** kcp-go's ciphers by name. */
export type KcpCipher = 'none' | 'aes-128' | 'aes-192' | 'aes-256' | 'salsa20' | 'tea' | 'xtea' | 'blowfish' | '3des' | 'sm4' | 'xor';

interface CipherKind {
  /** Undefined: any length above 0. */
  readonly keyBytes: number | undefined;
  /** What node:crypto calls it, where it does the work. */
  readonly algorithm?: string;
  make(key: Uint8Array): DatagramCipher;
}

function bySystem(algorithm: string, keyBytes: number, blockBytes: 8 | 16): CipherKind {
  return { keyBytes, algorithm, make: (key) => feedbackCipher(algorithm, key, blockBytes) };
}

const kinds: Readonly<Record<KcpCipher, CipherKind>> = {
  none: { keyBytes: 0, make: () => plainCipher },
  'aes-128': bySystem('aes-128-cfb', 16, 16),
  'aes-192': bySystem('aes-192-cfb', 24, 16),
  'aes-256': bySystem('aes-256-cfb', 32, 16),
  '3des': bySystem('des-ede3-cfb', 24, 8),
  sm4: bySystem('sm4-cfb', 16, 16),
  salsa20: { keyBytes: 32, make: salsa20 },
  tea: { keyBytes: 16, make: (key) => wordFeedbackCipher(tea(key)) },
  xtea: { keyBytes: 16, make: (key) => wordFeedbackCipher(xtea(key)) },
  blowfish: { keyBytes: undefined, make: (key) => wordFeedbackCipher(blowfish(key)) },
  xor: { keyBytes: undefined, make: simpleXor },
};

export const cipherNames: readonly KcpCipher[] = Object.keys(kinds) as KcpCipher[]; // the record has exactly these

/** The kind of a cipher. Throws TypeError for one that is not supported, and says what to take instead. */
export function cipherKind(name: string): CipherKind {
  const known = Object.hasOwn(kinds, name) ? kinds[name as KcpCipher] : undefined; // just checked
  if (known === undefined) {
    const legacy = ['cast5', 'twofish'].includes(name) ? ' is one of kcp-go, but neither Node nor this package has it' : ' is no cipher of this transport';
    throw new TypeError(`kcp: cipher "${name}"${legacy}; take one of ${cipherNames.join(', ')} on both sides`);
  }
  if (known.algorithm !== undefined && !getCiphers().includes(known.algorithm)) {
    throw new TypeError(`kcp: cipher "${name}" needs ${known.algorithm}, which this Node was built without; take another on both sides, for example aes-256`);
  }
  return known;
}
