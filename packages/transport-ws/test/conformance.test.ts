import { readFileSync } from 'node:fs';
import { countCases, transportCases } from '@rpcxjs/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { webSocket as pageWebSocket } from '../src/browser.ts';
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

describe('ws dialled as a page does it conforms, but for what a page cannot do', () => {
  const before = (globalThis as { WebSocket?: unknown }).WebSocket;
  // A page's socket throws nothing at nobody.
  class PageSocket extends WebSocket {
    constructor(url: string) {
      super(url);
      this.on('error', () => {});
    }
  }
  beforeAll(() => void Object.assign(globalThis, { WebSocket: PageSocket }));
  afterAll(() => void Object.assign(globalThis, { WebSocket: before }));
  const create = (): ReturnType<typeof webSocket> => ({ ...webSocket(), dial: (address, options) => pageWebSocket().dial(address, options) });
  // It has no way to hold a server back, to cut, or to name its own end.
  const cannot = /holds the writer back|paused reader|an abort from a clean end|the other side hears of it|whatever is queued|both ends/;
  const cases = transportCases({ create, address: 'ws@127.0.0.1:0' });
  for (const one of cases.filter(({ name }) => !cannot.test(name))) it(one.name, one.run, 60_000);
  it('leaves out no more than that', () => expect(cases.filter(({ name }) => cannot.test(name)).length).toBeLessThan(8));
});
