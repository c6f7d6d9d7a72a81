import { countCases, transportCases } from '@rpcxjs/conformance';
import { udpFaultProxy } from '@rpcxjs/testing';
import { expect, it } from 'vitest';
import { quic } from '../src/index.ts';
import { describeWithEngine, tls } from './sides.ts';
import { spokenFirst } from './spoken-first.ts';

describeWithEngine('quic conforms on a bad line', () => {
  const cases = transportCases({
    create: () => spokenFirst(quic({ tls, congestionControl: 'bbr' })), address: 'quic@127.0.0.1:0', deadlineMs: 10_000,
    // The one datagram that says so may be the one that is lost.
    supports: { abortIsHeard: false },
    through: async (target) => {
      // With this seed the first datagrams of a handshake go through, for each that is lost costs a second.
      const proxy = await udpFaultProxy({ target, seed: 5 });
      for (const direction of [proxy.toServer, proxy.toClient]) direction.set({ lossRatio: 0.05, duplicateRatio: 0.05, reorderRatio: 0.05 });
      return { address: proxy.address, close: () => proxy.close() };
    },
  });
  for (const one of cases) it(one.name, one.run, 60_000);
});

describeWithEngine('quic conforms', () => {
  // A thousand handshakes are three seconds of computing: the long tests do them.
  const cases = transportCases({ create: () => spokenFirst(quic({ tls })), address: 'quic@127.0.0.1:0', supports: { manyConnections: false } });
  for (const one of cases) it(one.name, one.run, 60_000);
  it('skips one case', () => expect(countCases(cases).skipped).toBe(1));
});
