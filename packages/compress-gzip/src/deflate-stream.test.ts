import { transportCases } from '@rpcxjs/conformance';
import type { Connection, Transport } from '@rpcxjs/core';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import { deflateStream } from './deflate-stream.ts';
import { gzip } from './gzip.ts';

/** The memory network with the plugin on both sides, as if it were a transport. */
function wrapped(): Transport {
  const network = memoryNetwork();
  const plugin = deflateStream();
  return {
    networks: network.networks,
    dial: async (address, options) => (await plugin.connectionOpened?.(await network.dial(address, options))) as Connection, // it always wraps
    listen: (address, { accept, ...options }) => network.listen(address, { ...options, accept: (connection) => accept(plugin.acceptConnection?.(connection) as Connection) }), // likewise, at once
  };
}

describe('a deflated connection', () => {
  for (const one of transportCases({ create: wrapped, address: 'memory@deflated' })) it(one.name, one.run, 60_000);
});

it.each([0, 10, 1.5, Number.NaN])('level %d is refused', (level) => {
  expect(() => deflateStream({ level })).toThrow(TypeError);
});

it('a misspelt option is a TypeError that says what there is', () => {
  expect(() => deflateStream({ lvl: 5 } as object)).toThrow(new TypeError('deflateStream has no option "lvl": it takes level'));
  expect(() => gzip({ lvl: 5 } as object)).toThrow(new TypeError('gzip has no option "lvl": it takes level, asyncAboveBytes'));
});
