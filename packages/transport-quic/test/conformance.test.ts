import type { Connection, ConnectionSink, Transport } from '@rpcxjs/core';
import { countCases, transportCases } from '@rpcxjs/conformance';
import { udpFaultProxy } from '@rpcxjs/testing';
import { expect, it } from 'vitest';
import { quic } from '../src/index.ts';
import { describeWithEngine, tls } from './sides.ts';

/** As rpcx does, the dialling side speaks first: the stream is there for the other side when its first byte has come. The cases let either side begin. */
function spokenFirst(transport: Transport): Transport {
  return {
    networks: transport.networks,
    async dial(address, options) {
      const connection = await transport.dial(address, options);
      connection.write(Uint8Array.of(0));
      return connection;
    },
    listen: (address, options) => transport.listen(address, { ...options, accept: (connection) => options.accept(withoutFirstByte(connection)) }),
  };
}

function withoutFirstByte(connection: Connection): Connection {
  const start = connection.start.bind(connection);
  connection.start = (sink: ConnectionSink): void => {
    let first = true;
    start({
      data(chunk) {
        const rest = first ? chunk.subarray(1) : chunk;
        first = false;
        if (rest.length > 0) sink.data(rest);
      },
      drain: () => sink.drain(),
      closed: (reason) => sink.closed(reason),
    });
  };
  return connection;
}

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
  const cases = transportCases({ create: () => spokenFirst(quic({ tls })), address: 'quic@127.0.0.1:0' });
  for (const one of cases) it(one.name, one.run, 60_000);
  it('skips nothing', () => expect(countCases(cases).skipped).toBe(0));
});
