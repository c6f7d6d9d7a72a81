import { countCases, transportCases } from '@rpcxjs/conformance';
import type { TransportWay } from '@rpcxjs/conformance';
import type { Address } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { udpFaultProxy } from '@rpcxjs/testing';
import { kcp } from '../src/index.ts';
import type { KcpOptions } from '../src/index.ts';
import { badPath, fast } from './faults.ts';

const setups: Readonly<Record<string, KcpOptions>> = {
  'kcp as it is': {},
  'kcp with a cipher, as the rpcx example sets it up': { cipher: 'aes-256', key: { password: 'rpcx-key', salt: 'rpcx-salt' }, ackNoDelay: true },
};
for (const [name, options] of Object.entries(setups)) {
  describe(`${name} conforms`, () => {
    const cases = transportCases({ create: () => kcp(options), address: 'kcp@127.0.0.1:0' });
    // What a cipher does not change, and what takes longest, is tried once.
    for (const one of cases) if (options.cipher === undefined || !/64 MiB against|a thousand/.test(one.name)) it(one.name, one.run, 60_000);
    it('skips nothing', () => expect(countCases(cases).skipped).toBe(0));
  });
}

describe('kcp conforms through a path that loses every tenth datagram, doubles some and mixes them up', () => {
  const lossy = (target: Address): Promise<TransportWay> => udpFaultProxy({ target }).then((proxy) => {
    proxy.toServer.set(badPath);
    proxy.toClient.set(badPath);
    return proxy;
  });
  const cases = transportCases({ create: () => kcp(fast), address: 'kcp@127.0.0.1:0', through: lossy, deadlineMs: 10_000, supports: { abortIsHeard: false } });
  for (const one of cases) it(one.name, one.run, 60_000);
});
