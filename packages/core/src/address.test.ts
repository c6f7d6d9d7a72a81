import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress, splitHostPort } from './address.ts';

describe('parseAddress', () => {
  it('splits at the first @, so that a host may contain one', () => {
    expect(parseAddress('tcp@127.0.0.1:8972')).toEqual({ network: 'tcp', host: '127.0.0.1:8972' });
    expect(parseAddress('ws@user@host/path')).toEqual({ network: 'ws', host: 'user@host/path' });
    expect(parseAddress('unix@/tmp/a.sock')).toEqual({ network: 'unix', host: '/tmp/a.sock' });
  });

  it('takes tcp when no network is named', () => {
    expect(parseAddress('127.0.0.1:8972')).toEqual({ network: 'tcp', host: '127.0.0.1:8972' });
    expect(parseAddress(':8972')).toEqual({ network: 'tcp', host: ':8972' });
  });

  // An environment variable that is not set, and a list within a list.
  it.each(['', '@', 'tcp@', '@127.0.0.1:1', undefined, null, 5, ['tcp@a:1']])('refuses %j and says what an address looks like', (text) => {
    expect(() => parseAddress(text as never)).toThrow(new TypeError(`"${text}" is no address: write network@host, for example tcp@127.0.0.1:8972`));
  });

  it('reads what formatAddress wrote', () => {
    const network = fc.string({ minLength: 1 }).filter((text) => !text.includes('@'));
    fc.assert(fc.property(network, fc.string({ minLength: 1 }), (name, host) => {
      const address = { network: name, host };
      expect(parseAddress(formatAddress(address))).toEqual(address);
    }));
  });
});

describe('splitHostPort', () => {
  it.each([
    ['127.0.0.1:8972', '127.0.0.1', 8972],
    [':8972', '', 8972],
    ['[::1]:8972', '::1', 8972],
    ['[fe80::1%eth0]:0', 'fe80::1%eth0', 0],
    ['localhost:65535', 'localhost', 65_535],
    ['*:80', '*', 80],
  ])('splits %j', (text, host, port) => {
    expect(splitHostPort(text)).toEqual({ host, port });
  });

  it.each(['', '8972', 'localhost', 'localhost:', '::1', '::1:8972', '[::1]8972', '[::1]x:80', 'a:65536', 'a:-1', 'a:-0', 'a:+80', 'a: 80', 'a:80 ', 'a:0x50', 'a:1e3', 'a:8.5', 'a:NaN', 'a:١'])(
    'refuses %j instead of guessing',
    (text) => {
      expect(() => splitHostPort(text)).toThrow(TypeError);
      expect(() => splitHostPort(text)).toThrow('write 127.0.0.1:8972, [::1]:8972 or :8972');
    },
  );
});
