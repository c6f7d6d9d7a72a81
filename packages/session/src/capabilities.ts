import type { Clock } from '@rpcxjs/core';

// Peers offer words and use those that both know. The answer hashes the question's nonce, because a Go server echoes heartbeats whole.
const version = '1';
const mask = (1n << 64n) - 1n;

/** FNV-1a over the text's code units, sixteen hex digits. */
export function fnv1a64(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let index = 0; index < text.length; index++) {
    hash = ((hash ^ BigInt(text.charCodeAt(index))) * 0x100000001b3n) & mask;
  }
  return hash.toString(16).padStart(16, '0');
}

export function createNonce(clock: Clock): string {
  const half = () => Math.floor(clock.random() * 2 ** 32).toString(16).padStart(8, '0');
  return half() + half();
}

/** `1;n=<nonce>;cancel.1,errors.1`: what a client puts into the metadata of its first frame, a heartbeat. */
export function formatOffer(nonce: string, words: readonly string[]): string {
  return `${version};n=${nonce};${words.join(',')}`;
}

export interface Offer {
  readonly nonce: string;
  readonly words: readonly string[];
}
/** Undefined for anything that is not an offer of our version. */
export function parseOffer(text: string): Offer | undefined {
  const parts = text.split(';');
  const [first, nonce, words] = parts;
  if (first !== version || nonce === undefined || words === undefined || !nonce.startsWith('n=') || nonce.length !== 18) return undefined;
  return { nonce: nonce.slice(2), words: words.split(',').slice(0, 64) };
}

/** The answer to an offer, in the same form under another key. */
export function formatAnswer(nonce: string, words: readonly string[]): string {
  return formatOffer(fnv1a64(nonce), words);
}

/** The words that both know, if the answer belongs to the nonce. */
export function acceptAnswer(text: string, nonce: string, words: readonly string[]): ReadonlySet<string> | undefined {
  const answer = parseOffer(text);
  if (answer === undefined || answer.nonce !== fnv1a64(nonce)) return undefined;
  return common(words, answer.words);
}

export function common(ours: readonly string[], theirs: readonly string[]): ReadonlySet<string> {
  return new Set(ours.filter((word) => theirs.includes(word)));
}
