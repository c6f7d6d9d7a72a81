import { describe, expect, it } from 'vitest';
import { RetryTokens } from './retry-token.ts';

const here = { host: '10.0.0.1', port: 4000 };
const id = Buffer.from('0102030405060708', 'hex');

describe('a retry token', () => {
  it('brings the first id back, at the address that it was given to, as long as it lives', () => {
    const tokens = new RetryTokens(1000);
    const token = tokens.issue(id, here, 50_000);
    expect(tokens.check(token, here, 51_000)?.equals(id)).toBe(true);
    expect(tokens.check(token, here, 51_001), 'too late').toBeUndefined();
    expect(tokens.check(token, { ...here, port: 4001 }, 50_001), 'another port').toBeUndefined();
    expect(tokens.check(token, { ...here, host: '10.0.0.2' }, 50_001), 'another host').toBeUndefined();
    expect(new RetryTokens(1000).check(token, here, 50_001), 'another secret').toBeUndefined();
  });

  it('of which any bit was turned, or that was cut, is none', () => {
    const tokens = new RetryTokens(1000);
    const token = tokens.issue(id, here, 0);
    for (let bit = 0; bit < token.length * 8; bit++) {
      const forged = Buffer.from(token);
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(tokens.check(forged, here, 0)).toBeUndefined();
    }
    for (let length = 0; length < token.length; length++) expect(tokens.check(token.subarray(0, length), here, 0)).toBeUndefined();
  });

  it('is nothing that is too short, whatever length it claims to have', () => {
    const tokens = new RetryTokens(1000);
    for (let length = 0; length < 40; length++) {
      for (let claimed = 0; claimed < 40; claimed++) {
        expect(tokens.check(Buffer.alloc(length, claimed), here, 0), `${length} bytes that claim an id of ${claimed}`).toBeUndefined();
      }
    }
  });
});
