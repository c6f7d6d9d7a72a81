import { countCases, transportCases } from '@rpcxjs/conformance';
import { describe, expect, it } from 'vitest';
import { kcp } from '../src/index.ts';
import type { KcpOptions } from '../src/index.ts';

const setups: Readonly<Record<string, KcpOptions>> = {
  'kcp as it is': {},
  'kcp with a cipher, as the rpcx example sets it up': { cipher: 'aes-256', key: { password: 'rpcx-key', salt: 'rpcx-salt' }, ackNoDelay: true },
};
for (const [name, options] of Object.entries(setups)) {
  describe(`${name} conforms`, () => {
    const cases = transportCases({ create: () => kcp(options), address: 'kcp@127.0.0.1:0' });
    for (const one of cases) it(one.name, one.run, 60_000);
    it('skips nothing', () => expect(countCases(cases).skipped).toBe(0));
  });
}
