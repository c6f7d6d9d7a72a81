import { seededRandom } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { isConnect, isGob, isHttp, isJson, isRpcx, isTls } from './matchers.ts';
import type { Matcher, Verdict } from './matchers.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const hex = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value, 'hex'));

/** First messages of the protocols; those of Go were written by Go. */
const samples: Readonly<Record<string, Uint8Array>> = {
  rpcx: hex('080000300000000000000001'),
  get: text('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'),
  patch: text('PATCH / HTTP/1.1\r\n'),
  http2: text('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  connect: text('CONNECT /_rpcx_ HTTP/1.0\n\n'),
  tls: hex('16030100c8010000c40303'),
  tlsAlert: hex('15030100020228'),
  json: text(' \r\n\t{"method":"Arith.Mul"}'),
  jsonArray: text('[1]'),
  // The first bytes of net/rpc's client (Go 1.26), and of one whose type has a number of two bytes.
  gob: hex('2e7f030101075265717565737401ff800001'),
  gobOlder: hex('2fff81030101075265717565737401ff820001'),
  smtp: text('EHLO example.org\r\n'),
  nearly: text('GETAWAY '),
};

const expected: Readonly<Record<string, { readonly matcher: Matcher; readonly yes: readonly string[] }>> = {
  isRpcx: { matcher: isRpcx, yes: ['rpcx'] },
  isHttp: { matcher: isHttp, yes: ['get', 'patch', 'http2', 'connect'] },
  isConnect: { matcher: isConnect, yes: ['connect'] },
  isTls: { matcher: isTls, yes: ['tls'] },
  isJson: { matcher: isJson, yes: ['json', 'jsonArray'] },
  isGob: { matcher: isGob, yes: ['gob', 'gobOlder'] },
};

describe.each(Object.entries(expected))('%s', (_, { matcher, yes }) => {
  it.each(Object.entries(samples))('judges %s', (name, bytes) => {
    expect(matcher(bytes)).toBe(yes.includes(name) ? 'yes' : 'no');
  });

  it('waits with none, and never takes back a yes or a no as bytes come in', () => {
    const random = seededRandom(7);
    const drawn = Array.from({ length: 300 }, () => Uint8Array.from({ length: 24 }, () => Math.floor(random() * 256)));
    for (const bytes of [...Object.values(samples), ...drawn]) {
      let last: Verdict = matcher(new Uint8Array(0));
      expect(last).toBe('more');
      for (let length = 1; length <= bytes.length; length++) {
        const verdict = matcher(bytes.subarray(0, length));
        if (last !== 'more') expect(verdict).toBe(last);
        last = verdict;
      }
    }
  });
});

it('decides by the first byte whatever begins in its own way', () => {
  for (const [name, decided] of [['rpcx', [isHttp, isConnect, isTls, isJson, isGob]], ['tls', [isRpcx, isHttp, isJson, isGob]], ['get', [isRpcx, isConnect, isTls, isJson]]] as const) {
    for (const matcher of decided) expect(matcher((samples[name] as Uint8Array).subarray(0, 1))).toBe('no'); // one of the samples
  }
});
