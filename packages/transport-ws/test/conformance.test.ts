import { readFileSync } from 'node:fs';
import { countCases, transportCases } from '@rpcxjs/conformance';
import { describe, expect, it } from 'vitest';
import { webSocket } from '../src/index.ts';

const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');

describe('ws conforms', () => {
  const cases = transportCases({ create: () => webSocket(), address: 'ws@127.0.0.1:0' });
  for (const one of cases) it(one.name, one.run, 60_000);
  it('skips nothing', () => expect(countCases(cases).skipped).toBe(0));
});

describe('wss conforms', () => {
  const create = (): ReturnType<typeof webSocket> => webSocket({ tls: { ca: pem('ca.crt'), cert: pem('server.crt'), key: pem('server.key') } });
  const cases = transportCases({ create, address: 'wss@127.0.0.1:0' });
  for (const one of cases) it(one.name, one.run, 60_000);
  it('skips nothing', () => expect(countCases(cases).skipped).toBe(0));
});
