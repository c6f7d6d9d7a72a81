import { describe, expect, it } from 'vitest';
import { blacklist } from './blacklist.ts';
import { whitelist } from './whitelist.ts';

const peer = (host: string) => ({ network: 'tcp', host });
const nobody = undefined;

describe('whitelist', () => {
  it('lets in who is on it and nobody else', () => {
    const list = whitelist(['127.0.0.1', '10.0.0.0/8']);
    expect(['127.0.0.1:5', '10.1.2.3:5', '[::ffff:10.1.2.3]:5', '192.0.2.1:5', '[::1]:5'].map((host) => list.accepts(peer(host)))).toEqual([true, true, true, false, false]);
  });
  it('is for nobody when it is empty', () => {
    expect(whitelist([]).accepts(peer('127.0.0.1:5'))).toBe(false);
  });
  it('refuses who has no IP, unless told otherwise', () => {
    expect(whitelist([]).accepts(nobody)).toBe(false);
    expect(whitelist([], { withoutIp: 'accept' }).accepts(nobody)).toBe(true);
  });
});

describe('blacklist', () => {
  it('keeps out who is on it and nobody else', () => {
    const list = blacklist(['127.0.0.1', '10.0.0.0/8']);
    expect(['127.0.0.1:5', '10.1.2.3:5', '192.0.2.1:5'].map((host) => list.accepts(peer(host)))).toEqual([false, false, true]);
  });
  it('lets in who has no IP, unless told otherwise', () => {
    expect(blacklist([]).accepts(nobody)).toBe(true);
    expect(blacklist([], { withoutIp: 'refuse' }).accepts(nobody)).toBe(false);
  });
});

it.each([whitelist, blacklist])('%o says at once what it cannot take', (list) => {
  expect(() => list('10.0.0.0/8' as never)).toThrow(/takes a list/);
  expect(() => list(['10.0.0.0/99'])).toThrow(/from 0 to 32/);
  expect(() => list(['my.host'])).toThrow(/names are not looked up/);
  expect(() => list([], { withoutIp: 'no' as never })).toThrow(/'accept' or 'refuse'/);
});
