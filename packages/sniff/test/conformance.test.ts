import { readFileSync } from 'node:fs';
import { countCases, transportCases } from '@rpcxjs/conformance';
import type { Connection, ConnectionSink, Transport } from '@rpcxjs/core';
import { httpConnect } from '@rpcxjs/transport-http-connect';
import { tcp } from '@rpcxjs/transport-tcp';
import { describe, expect, it } from 'vitest';
import { acceptTls, isConnect, isRpcx, sniff } from '../src/index.ts';

const magic = Uint8Array.of(8);

/** The byte that tells rpcx is written by the dial and taken off again by the accepting side: all others belong to the cases. */
function sniffed(): Transport {
  const below = tcp();
  const { rpcx } = sniff(below, { connect: isConnect, rpcx: isRpcx });
  return {
    networks: below.networks,
    async dial(address, options) {
      const connection = await below.dial(address, options);
      connection.write(magic);
      return connection;
    },
    listen: (address, options) => rpcx.listen(address, { ...options, accept: (connection) => options.accept(withoutFirst(connection)) }),
  };
}

function withoutFirst(connection: Connection): Connection {
  const start = (sink: ConnectionSink): void => {
    let first = true;
    connection.start({
      data(chunk) {
        const rest = first ? chunk.subarray(1) : chunk;
        first = false;
        if (rest.length > 0) sink.data(rest);
      },
      drain: () => sink.drain(),
      closed: (reason) => sink.closed(reason),
    });
  };
  return new Proxy(connection, {
    get(target, name) {
      if (name === 'start') return start;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
}

describe('tcp behind sniff conforms', () => {
  const cases = transportCases({ create: sniffed, address: 'tcp@127.0.0.1:0' });
  for (const one of cases) it(one.name, one.run, 60_000);
  it('skips nothing', () => expect(countCases(cases).skipped).toBe(0));
});

describe('httpConnect behind sniff conforms', () => {
  const create = (): Transport => httpConnect({ over: sniff(tcp(), { rpcx: isRpcx, connect: isConnect }).connect });
  const cases = transportCases({ create, address: 'http@127.0.0.1:0' });
  for (const one of cases) it(one.name, one.run, 60_000);
  it('skips nothing', () => expect(countCases(cases).skipped).toBe(0));
});

describe('TLS that is ended behind an acceptor conforms', () => {
  const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');
  const create = (): Transport => {
    const below = tcp({ tls: { ca: pem('ca.crt') } });
    const { listen } = acceptTls(tcp(), { cert: pem('server.crt'), key: pem('server.key') });
    return { networks: below.networks, dial: (address, options) => below.dial(address, options), listen };
  };
  const cases = transportCases({ create, address: 'tcp@127.0.0.1:0', supports: { abortIsError: false } });
  for (const one of cases) it(one.name, one.run, 60_000);
});
