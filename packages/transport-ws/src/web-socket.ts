import type { Transport } from '@rpcxjs/core';
import { dialWebSocket } from './ws-dial.ts';
import { listenBehind, listenWebSocket } from './ws-listen.ts';
import { resolveWebSocketOptions, type WebSocketOptions } from './ws-options.ts';

/**
 * The transport of `ws@host:port` and, with TLS, `wss@host:port`, over the package `ws`. Messages are a stream of bytes to rpcx, text messages of Go's client
 * included. Pages use `@rpcxjs/transport-ws/browser`. Throws TypeError for invalid options.
 */
export function webSocket(options: WebSocketOptions = {}): Transport {
  const resolved = resolveWebSocketOptions(options);
  return {
    networks: ['ws', 'wss'],
    dial: (address, given) => dialWebSocket(address, resolved, given),
    listen: (address, given) => (resolved.server === undefined ? listenWebSocket(address, resolved, given) : listenBehind(resolved.server, { address, options: resolved, given })),
  };
}
