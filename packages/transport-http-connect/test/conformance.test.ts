import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { countCases, transportCases } from '@rpcxjs/conformance';
import { describe, expect, it } from 'vitest';
import { httpConnect } from '../src/index.ts';

const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');

describe('httpConnect conforms', () => {
  const cases = transportCases({ create: () => httpConnect(), address: 'http@127.0.0.1:0' });
  for (const one of cases) it(one.name, one.run, 60_000);
  it('skips nothing', () => expect(countCases(cases).skipped).toBe(0));
});

describe('httpConnect with TLS conforms', () => {
  const create = (): ReturnType<typeof httpConnect> => httpConnect({ tls: { ca: pem('ca.crt'), cert: pem('server.crt'), key: pem('server.key') } });
  // Node tells an end without TLS's own farewell from one with it nowhere. A thousand handshakes are waited for by the tests of TCP.
  const cases = transportCases({ create, address: 'http@127.0.0.1:0', supports: { abortIsError: false, manyConnections: false } });
  for (const one of cases) it(one.name, one.run, 60_000);
  it('skips two cases', () => expect(countCases(cases).skipped).toBe(2));
});

describe('httpConnect behind an HTTP server conforms', () => {
  const cases = transportCases({ create: () => httpConnect({ server: createServer((_, response) => response.end()) }), address: 'http@127.0.0.1:0' });
  for (const one of cases) it(one.name, one.run, 60_000);
  it('skips nothing', () => expect(countCases(cases).skipped).toBe(0));
});

describe('httpConnect behind an HTTPS server conforms', () => {
  const create = (): ReturnType<typeof httpConnect> => httpConnect({ tls: { ca: pem('ca.crt') }, server: createSecureServer({ cert: pem('server.crt'), key: pem('server.key') }) });
  // As above.
  const cases = transportCases({ create, address: 'http@127.0.0.1:0', supports: { abortIsError: false, manyConnections: false } });
  for (const one of cases) it(one.name, one.run, 60_000);
  it('skips two cases', () => expect(countCases(cases).skipped).toBe(2));
});
