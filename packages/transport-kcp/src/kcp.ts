import type { Transport } from '@rpcxjs/core';
import { dialKcp } from './dial.ts';
import { resolveKcpOptions } from './kcp-options.ts';
import type { KcpOptions } from './kcp-options.ts';
import { listenKcp } from './listen.ts';
import type { BoundSockets } from './listen.ts';

/**
 * The transport of `kcp@host:port`: a reliable stream over UDP as kcp-go v5 speaks it, with FEC 10/3 and a block cipher, as rpcx sets them up.
 * Port 0 listens on a free port, an empty host on every interface. Throws TypeError for invalid options.
 */
export function kcp(options: KcpOptions = {}): Transport {
  const resolved = resolveKcpOptions(options);
  const bound: BoundSockets = new Map();
  return {
    networks: ['kcp'],
    dial: async (address, dialOptions) => dialKcp(address, resolved, dialOptions),
    listen: async (address, listenOptions) => listenKcp(address, resolved, { listenOptions, bound }),
  };
}
