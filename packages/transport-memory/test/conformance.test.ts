import { countCases, transportCases } from '@rpcxjs/conformance';
import { describe, expect, it } from 'vitest';
import { memory, memoryNetwork } from '../src/index.ts';

describe('a memory network conforms', () => {
  const cases = transportCases({ create: () => memoryNetwork(), address: 'memory@conformance' });
  for (const one of cases) it(one.name, one.run, 60_000);
  it('skips nothing', () => expect(countCases(cases).skipped).toBe(0));
});

describe('the network of the process conforms', () => {
  for (const one of transportCases({ create: memory, address: 'memu@conformance:0' })) it(one.name, one.run, 60_000);
});

describe('a memory network that is slow and cuts what is sent conforms', () => {
  // A way of its own, the straight one: so the 64 MiB and the thousand connections are not waited for again.
  const cases = transportCases({ create: () => memoryNetwork({ delayMs: 2, chunkBytes: 700 }), address: 'memory@conformance', through: async (address) => ({ address, close: async () => {} }) });
  for (const one of cases) it(one.name, one.run, 60_000);
});
