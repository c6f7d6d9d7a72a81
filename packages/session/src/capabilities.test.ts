import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { acceptAnswer, common, createNonce, fnv1a64, formatAnswer, formatOffer, parseOffer } from './capabilities.ts';

describe('the offer', () => {
  it('is version, nonce and words', () => {
    expect(formatOffer('0123456789abcdef', ['cancel.1', 'errors.1'])).toBe('1;n=0123456789abcdef;cancel.1,errors.1');
    expect(parseOffer('1;n=0123456789abcdef;cancel.1,errors.1')).toEqual({ nonce: '0123456789abcdef', words: ['cancel.1', 'errors.1'] });
  });

  it('is read leniently behind the words, so that later versions can add to it', () => {
    expect(parseOffer('1;n=0123456789abcdef;cancel.1;more;and more')?.words).toEqual(['cancel.1']);
  });

  it.each(['', ';', ';;', '1', '1;;', '0;n=0123456789abcdef;a', '1;n=0123456789abcde;a', '1;n=0123456789abcdef0;a', '1;m=0123456789abcdef;a', ' 1;n=0123456789abcdef;a'])(
    'is nothing else: %j', (text) => expect(parseOffer(text)).toBeUndefined(),
  );

  it('has 64 words at most', () => {
    expect(parseOffer(`1;n=0123456789abcdef;${'w,'.repeat(10_000)}`)?.words).toHaveLength(64);
  });

  it('has a nonce of sixteen hex digits that differs each time', () => {
    const clock = manualClock();
    const nonces = new Set(Array.from({ length: 1000 }, () => createNonce(clock)));
    expect(nonces.size).toBe(1000);
    for (const nonce of nonces) expect(nonce).toMatch(/^[0-9a-f]{16}$/);
    expect(createNonce({ ...clock, random: () => 0 })).toBe('0'.repeat(16));
  });
});

describe('the answer', () => {
  it('carries FNV-1a 64 of the nonce: the values of the published algorithm', () => {
    expect(fnv1a64('')).toBe('cbf29ce484222325');
    expect(fnv1a64('a')).toBe('af63dc4c8601ec8c');
    expect(fnv1a64('foobar')).toBe('85944171f73967e8');
  });

  it('is taken for the nonce that was asked, and for no other', () => {
    const answer = formatAnswer('0123456789abcdef', ['errors.1', 'cancel.1', 'other.2']);
    expect([...(acceptAnswer(answer, '0123456789abcdef', ['cancel.1', 'errors.1']) ?? [])]).toEqual(['cancel.1', 'errors.1']);
    expect(acceptAnswer(answer, '0123456789abcdee', ['cancel.1'])).toBeUndefined();
    expect(acceptAnswer(formatOffer('0123456789abcdef', ['cancel.1']), '0123456789abcdef', ['cancel.1']), 'an echo').toBeUndefined();
    expect(acceptAnswer('', '0123456789abcdef', ['cancel.1'])).toBeUndefined();
  });

  it('keeps to the words that both know', () => {
    expect([...common(['a', 'b'], ['b', 'c'])]).toEqual(['b']);
    expect(common(['a'], ['constructor', '__proto__']).size).toBe(0);
  });
});
