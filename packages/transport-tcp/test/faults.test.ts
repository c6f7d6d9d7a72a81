import { readFileSync } from 'node:fs';
import { transportCases } from '@rpcxjs/conformance';
import type { TransportCasesOptions } from '@rpcxjs/conformance';
import { faultProxy } from '@rpcxjs/testing';
import { describe, it } from 'vitest';
import { tcp } from '../src/index.ts';

const pem = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');

/** A line that is slow, uneven, and cuts what is sent where no message ends. */
const through: TransportCasesOptions['through'] = async (target) => {
  const proxy = await faultProxy({ target, seed: 7 });
  for (const way of [proxy.toServer, proxy.toClient]) way.set({ latencyMs: 1, jitterMs: 2, sliceBytes: 1400 });
  return proxy;
};

describe('through a bad line tcp conforms', () => {
  for (const one of transportCases({ create: () => tcp(), address: 'tcp@127.0.0.1:0', through })) it(one.name, one.run, 60_000);
});

describe('through a bad line tcp with TLS conforms', () => {
  const create = (): ReturnType<typeof tcp> => tcp({ tls: { ca: pem('ca.crt'), cert: pem('server.crt'), key: pem('server.key') } });
  for (const one of transportCases({ create, address: 'tcp@127.0.0.1:0', through, supports: { abortIsError: false, manyConnections: false } })) it(one.name, one.run, 60_000);
});
