import { discoveryCases } from '@rpcxjs/conformance';
import { splitHostPort, parseAddress } from '@rpcxjs/core';
import { it } from 'vitest';
import { dns } from '../src/index.ts';
import { describeWithDnsmasq, Dnsmasq } from './dnsmasq.ts';

const cases = discoveryCases({
  create: async () => {
    const server = await Dnsmasq.start();
    const name = (service: string): string => `${Buffer.from(service).toString('hex')}.internal`;
    return {
      discovery: dns({ name, port: 8972, servers: [server.address], minTtlMs: 50, maxTtlMs: 50, srvMs: 50 }),
      set: (service, instances) => server.set(name(service), ...instances.map(({ address }) => splitHostPort(parseAddress(address).host).host)),
      close: () => server[Symbol.asyncDispose](),
    };
  },
  // A name that never was is an error, not an empty list; addresses have no metadata.
  supports: { metadata: false, services: false },
  deadlineMs: 10_000,
});

describeWithDnsmasq('dns() as a discovery', () => {
  for (const one of cases) it(one.name, one.run, 25_000);
});
