import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kcp } from './kcp.ts';
import { kcpDefaults } from './kcp-options.ts';

/** As a caller without types would. */
const given = (options: object): (() => unknown) => () => kcp(options);
const key = new Uint8Array(32);

describe('options of kcp()', () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ cipher: 'aes-256' }, /^kcp: cipher "aes-256" needs a key: its 32 bytes, or \{ password, salt \}$/],
    [{ cipher: 'aes-256', key: new Uint8Array(16) }, /^kcp: the key has 16 bytes; cipher "aes-256" needs 32\. A password becomes a key as \{ password, salt \}$/],
    [{ cipher: 'xor', key: new Uint8Array(0) }, /^kcp: the key has 0 bytes; cipher "xor" needs at least 1/],
    [{ cipher: 'blowfish', key: new Uint8Array(57) }, /^kcp: the key has 57 bytes; cipher "blowfish" takes 1 to 56$/],
    [{ key }, /^kcp: key is set, but cipher "none" has none; set cipher/],
    [{ cipher: 'aes-256', key: 'secret' }, /^kcp: key is string; give the 32 bytes of cipher "aes-256", or \{ password, salt \}$/],
    [{ cipher: 'aes-256', key: null }, /^kcp: key is null/],
    [{ cipher: 'aes-256', key: { password: 'x' } }, /^kcp: key is object; give/],
    [{ cipher: 'aes-256', key: { password: 'x', salt: 'y', iterations: 0 } }, /^kcp: key\.iterations is 0; give a whole number, at least 1$/],
    [{ cipher: 'rot13', key }, /^kcp: cipher "rot13" is no cipher of this transport; take one of none, aes-128, /],
    [{ cipher: 'cast5', key }, /^kcp: cipher "cast5" is one of kcp-go, but neither Node nor this package has it; take one of/],
    [{ cipher: 'toString', key }, /^kcp: cipher "toString" is no cipher/],
    [{ sendWindow: 0 }, /^kcp: sendWindow is 0; give a whole number, 1 to 32768$/],
    [{ receiveWindow: 1.5 }, /^kcp: receiveWindow is 1\.5; give a whole number/],
    [{ mtuBytes: 1501 }, /^kcp: mtuBytes is 1501; give bytes, 256 to 1500$/],
    [{ intervalMs: Number.NaN }, /^kcp: intervalMs is NaN; give milliseconds, 10 to 5000$/],
    [{ keepAliveMs: -1 }, /^kcp: keepAliveMs is -1/],
    [{ fec: 'no' }, /^kcp: fec is string; give true or false$/],
    [{ nodelay: 1 }, /^kcp has no option "nodelay": it takes cipher, fec, noDelay, .*, key$/],
  ];
  for (const [options, sentence] of cases) {
    it(`refuse ${JSON.stringify(options)}`, () => {
      expect(given(options)).toThrow(TypeError);
      expect(given(options)).toThrow(sentence);
    });
  }

  it('take a password of any length, and a key of the right one', () => {
    expect(given({ cipher: '3des', key: { password: 'a', salt: new Uint8Array(3) } })).not.toThrow();
    expect(given({ cipher: 'aes-256', key })).not.toThrow();
    expect(given({ cipher: undefined, key: undefined, sendWindow: undefined })).not.toThrow();
  });

  it('have the defaults that their comments say', () => {
    const source = readFileSync(new URL('kcp-options.ts', import.meta.url), 'utf8');
    for (const [name, value] of Object.entries(kcpDefaults)) {
      const said = new RegExp(`@default (.+) \\*/\\n  readonly ${name}\\?`).exec(source)?.[1];
      expect(said?.replaceAll('\'', ''), name).toBe(String(value));
    }
  });
});
