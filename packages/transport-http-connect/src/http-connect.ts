import type { Acceptor, Address, Connection, Listener, ListenOptions, Transport } from '@rpcxjs/core';
import { tcp, WaitingRoom } from '@rpcxjs/transport-tcp';
import type { PeekedEnds } from '@rpcxjs/transport-tcp';
import { awaitConnect, renamed } from './connect-accept.ts';
import { askConnect } from './connect-dial.ts';
import { resolveHttpConnectOptions } from './http-connect-options.ts';
import type { HttpConnectOptions, ResolvedHttpConnectOptions } from './http-connect-options.ts';
import { listenBehind } from './listen-behind.ts';

const network = 'http';

/**
 * The transport of `http@host:port`: an HTTP CONNECT, then rpcx's frames, as Go's network `http`. It listens on a port of its own, on that of
 * an HTTP server (`server`), or behind another acceptor (`over`). Throws TypeError for invalid options.
 */
export function httpConnect(options: HttpConnectOptions = {}): Transport {
  const resolved = resolveHttpConnectOptions(options);
  const below = lower(options);
  return {
    networks: [network],
    async dial(address, dialOptions) {
      const connection = await below.dial(address, dialOptions);
      return askConnect(connection, { address, path: resolved.path, headerLines: resolved.headerLines, timeoutMs: resolved.handshakeTimeoutMs, secure: options.tls !== undefined }, dialOptions);
    },
    listen: (address, listenOptions) => resolved.server === undefined
      ? listenOver(resolved.over ?? below, address, { resolved, listenOptions })
      : listenBehind(resolved.server, address, resolved, listenOptions),
  };
}

/** The TCP transport below; its errors about options are given this transport's name. */
function lower({ tls, connectTimeoutMs, handshakeTimeoutMs, closeTimeoutMs, keepAliveMs }: HttpConnectOptions): Transport {
  try {
    return tcp({ tls, connectTimeoutMs, handshakeTimeoutMs, closeTimeoutMs, keepAliveMs });
  } catch (error) {
    throw new TypeError((error as Error).message.replace(/^tcp:/, 'httpConnect:'), { cause: error }); // tcp() throws nothing else
  }
}

interface Listening {
  readonly resolved: ResolvedHttpConnectOptions;
  readonly listenOptions: ListenOptions;
}

/** tcp() takes any network for its own; another acceptor is asked for one that it knows. */
async function listenOver(acceptor: Acceptor, address: Address, { resolved, listenOptions }: Listening): Promise<Listener> {
  const { runtime: { clock, logger } } = listenOptions;
  const room = new WaitingRoom({ clock, timeoutMs: resolved.handshakeTimeoutMs, most: resolved.maxWaiting });
  const door = { path: resolved.path, room, logger, timeoutMs: resolved.handshakeTimeoutMs, accept: (connection: Connection) => listenOptions.accept(connection) };
  const known = acceptor.networks.includes('tcp') ? 'tcp' : (acceptor.networks[0] ?? network);
  const listener = await acceptor.listen(resolved.over === undefined ? address : renamed(address, known), {
    ...listenOptions,
    accept: (connection) => awaitConnect(connection, endsOf(connection), door),
  });
  const close = async (): Promise<void> => {
    await listener.close();
    room.close();
  };
  return { address: renamed(listener.address, network), close, [Symbol.asyncDispose]: close };
}

function endsOf({ local, remote }: Connection): PeekedEnds {
  return { local: local && renamed(local, network), remote: remote && renamed(remote, network) };
}
