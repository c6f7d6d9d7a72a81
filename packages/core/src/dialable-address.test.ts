import { describe, expect, it } from 'vitest';
import { parseAddress } from './address.ts';
import { dialableAddress } from './dialable-address.ts';

describe('dialableAddress', () => {
  it('wants a host and a port behind tcp, and leaves what other networks call a host to them', () => {
    for (const text of ['tcp@127.0.0.1:8972', 'tcp6@[::1]:1', ':8972', 'unix@/run/a', 'memory@a', 'tcpish@a']) expect(dialableAddress(text)).toEqual(parseAddress(text));
    for (const text of ['tcp@127.0.0.1', 'tcp4@a:65536', '127.0.0.1', 'tcp6@::1', '']) expect(() => dialableAddress(text)).toThrow(TypeError);
  });
});
