import { describe, expect, it } from 'vitest';
import { IpList, ipOf, originOf } from './ip-list.ts';

function has(entries: readonly string[], host: string): boolean {
  const ip = ipOf({ network: 'tcp', host });
  return ip !== undefined && new IpList(entries).has(ip);
}

describe('a list of addresses', () => {
  it.each([
    [['192.0.2.7'], '192.0.2.7:1', true],
    [['192.0.2.7'], '192.0.2.8:1', false],
    [['192.0.2.0/24'], '192.0.2.255:1', true],
    [['192.0.2.0/24'], '192.0.3.0:1', false],
    [['192.0.2.77/24'], '192.0.2.1:1', true],
    [['0.0.0.0/0'], '203.0.113.9:1', true],
    [['192.0.2.7/32'], '192.0.2.7:1', true],
    [['192.0.2.7'], '[::ffff:192.0.2.7]:1', true],
    [['192.0.2.0/24'], '[::ffff:c000:0207]:1', true],
    [['::ffff:192.0.2.7'], '192.0.2.7:1', true],
    [['::ffff:192.0.2.0/120'], '192.0.2.9:1', true],
    [['::ffff:192.0.2.0/120'], '[::ffff:192.0.3.9]:1', false],
    [['2001:db8::1'], '[2001:DB8:0:0::1]:1', true],
    [['2001:DB8:0::/32'], '[2001:db8:ffff::1]:1', true],
    [['2001:db8::/32'], '[2001:db9::1]:1', false],
    [['fe80::1'], '[fe80::1%eth0]:1', true],
    [['::/0'], '[2001:db8::1]:1', true],
    // Each family by itself.
    [['::/0'], '192.0.2.7:1', false],
    [['0.0.0.0/0'], '[2001:db8::1]:1', false],
    [['0.0.0.0/0'], '[::ffff:192.0.2.7]:1', true],
    [['192.0.2.7'], '192.0.2.7', true],
    [['2001:db8::1'], '2001:db8::1', true],
  ])('%j has %s: %s', (entries, host, expected) => {
    expect(has(entries, host)).toBe(expected);
  });

  it.each(['', 'localhost', 'example.org', '192.0.2', '192.0.2.256', '192.0.2.7/', '192.0.2.7/33', '192.0.2.7/-1', '192.0.2.7/8/8', '192.0.2.7/8.5', '2001:db8::/129', '::ffff:192.0.2.7/32', '192.0.2.7:80', '*', 7, null])('refuses %j and adds nothing', (entry) => {
    const list = new IpList(['192.0.2.1']);
    expect(() => list.add(['192.0.2.2', entry as string])).toThrow(TypeError);
    expect(list.entries).toEqual(['192.0.2.1']);
  });

  it('changes at any time, in whatever spelling', () => {
    const list = new IpList([]);
    const ip = ipOf({ network: 'tcp', host: '192.0.2.7:1' });
    if (ip === undefined) throw new Error('it is an address');
    list.add(['192.0.2.0/24', '::ffff:192.0.2.7', '2001:DB8:0::1']);
    expect(list.entries).toEqual(['192.0.2.0/24', '192.0.2.7', '2001:db8::1']);
    list.delete(['192.0.2.0/24']);
    expect(list.has(ip)).toBe(true);
    list.delete(['192.0.2.7', '203.0.113.1']);
    expect(list.has(ip)).toBe(false);
    list.delete(['2001:db8::1']);
    expect(list.entries).toEqual([]);
  });

  it.each([undefined, { network: 'unix', host: '/run/a.sock' }, { network: 'memory', host: 'pair:1' }, { network: 'tcp', host: 'example.org:80' }, { network: 'tcp', host: '' }])('%j has no IP', (remote) => {
    expect(ipOf(remote)).toBeUndefined();
  });
});

describe('who is counted as one', () => {
  it.each([
    ['192.0.2.7:80', '192.0.2.7'],
    ['[::ffff:192.0.2.7]:80', '192.0.2.7'],
    ['[2001:db8:1:2::5]:80', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2:3:4:5:6]:1', '2001:db8:1:2::/64'],
    ['[2001:DB8:1:2:ffff::]:9', '2001:db8:1:2::/64'],
    ['[2001:db8::7]:1', '2001:db8:0:0::/64'],
    ['[2001:db8::1:2:3:4]:1', '2001:db8:0:0::/64'],
    ['[3fff::]:1', '3fff:0:0:0::/64'],
    // Of networks of one's own each address is one.
    ['[fd00::1:2]:1', 'fd00::1:2'],
    ['[fe80::1%eth0]:1', 'fe80::1'],
    ['[::1]:1', '::1'],
    ['[2::1]:1', '2::1'],
    ['[4000::1]:1', '4000::1'],
    ['@abstract', ''],
  ])('of %s is %s', (host, origin) => {
    expect(originOf({ network: 'tcp', host })).toBe(origin);
  });
  it('of nothing is nobody', () => expect(originOf(undefined)).toBe(''));
});
