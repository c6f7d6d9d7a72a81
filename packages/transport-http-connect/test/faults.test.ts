import { transportCases, type TransportCasesOptions } from '@rpcxjs/conformance';
import { faultProxy } from '@rpcxjs/testing';
import { describe, it } from 'vitest';
import { httpConnect } from '../src/index.ts';

/** A line that is slow, uneven, and cuts what is sent where no message ends. */
const through: TransportCasesOptions['through'] = async (target) => {
  const proxy = await faultProxy({ target, seed: 7 });
  for (const way of [proxy.toServer, proxy.toClient]) way.set({ latencyMs: 1, jitterMs: 2, sliceBytes: 1400 });
  return proxy;
};

describe('through a bad line httpConnect conforms', () => {
  for (const one of transportCases({ create: () => httpConnect(), address: 'http@127.0.0.1:0', through })) it(one.name, one.run, 60_000);
});
