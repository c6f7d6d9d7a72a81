import { formatAddress, onAbort } from '@rpcxjs/core';
import type { Address, Listener, ListenOptions } from '@rpcxjs/core';
import { listenFailed } from '@rpcxjs/transport-tcp';
import type { ResolvedKcpOptions } from './kcp-options.ts';
import { ListeningSocket } from './listening-socket.ts';
import { endOf, openUdpSocket, resolveHosts, widenBuffers } from './udp-socket.ts';
import type { ResolvedHost } from './udp-socket.ts';

/** The bound sockets of one transport, by the address that each is bound to. */
export type BoundSockets = Map<string, ListeningSocket>;

/** Binds a UDP socket and accepts conversations. Rejects with LISTEN_FAILED, or with the signal's reason; the signal means nothing once bound. */
export async function listenKcp(address: Address, options: ResolvedKcpOptions, { listenOptions, bound }: { readonly listenOptions: ListenOptions; readonly bound: BoundSockets }): Promise<Listener> {
  const { signal } = listenOptions;
  signal?.throwIfAborted();
  let where: ResolvedHost;
  try {
    [where] = await resolveHosts(address, '::');
  } catch (cause) {
    throw cause instanceof TypeError ? cause : listenFailed(cause, address);
  }
  signal?.throwIfAborted();
  // Conversations of a closed listener still hold the port; a new one goes on with their socket.
  const same = endOf({ address: where.host, port: where.port });
  let left = bound.get(formatAddress(same));
  if (left?.closing !== undefined) {
    // The port is not free yet: at once in Node, later in Deno.
    await left.closing;
    signal?.throwIfAborted();
    left = bound.get(formatAddress(same));
  }
  if (left !== undefined && !left.isAccepting) return listener(left, same, listenOptions);
  const socket = await bind(where, address, listenOptions);
  const real = endOf(socket.address());
  const name = formatAddress(real);
  const listening: ListeningSocket = new ListeningSocket({ socket, options, runtime: listenOptions.runtime, address: real, closed: () => bound.delete(name) });
  bound.set(name, listening);
  return listener(listening, real, listenOptions);
}

type BoundSocket = ReturnType<typeof openUdpSocket>;

function bind(where: ResolvedHost, address: Address, { signal, runtime }: ListenOptions): Promise<BoundSocket> {
  return new Promise((resolve, reject) => {
    const socket = openUdpSocket(where.family);
    let unlink = (): void => {};
    const giveUp = (error: Error): void => {
      unlink();
      socket.off('error', failed);
      socket.close();
      reject(error);
    };
    const failed = (cause: Error): void => {
      // A machine without IPv6 has every interface on IPv4 alone.
      const { code } = cause as { code?: unknown };
      if (where.host === '::' && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')) {
        unlink();
        resolve(bind({ family: 4, host: '0.0.0.0', port: where.port }, address, signal === undefined ? { runtime, accept() {} } : { signal, runtime, accept() {} }));
        return;
      }
      giveUp(listenFailed(cause, address));
    };
    socket.once('error', failed);
    if (signal !== undefined) unlink = onAbort(signal, (reason) => giveUp(reason as Error)); // the caller's own
    // Processes of a cluster must not share it: a datagram would reach any of them.
    socket.bind({ port: where.port, address: where.host, exclusive: true }, () => {
      unlink();
      socket.off('error', failed);
      widenBuffers(socket);
      resolve(socket);
    });
  });
}

function listener(socket: ListeningSocket, address: Address, { accept, runtime }: ListenOptions): Listener {
  socket.logger = runtime.logger;
  socket.listen(accept);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= socket.unlisten());
  return { address, close, [Symbol.asyncDispose]: close };
}
