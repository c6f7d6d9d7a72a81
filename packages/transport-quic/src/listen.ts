import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { onAbort, splitHostPort } from '@rpcxjs/core';
import type { Address, Listener, ListenOptions, Logger, Runtime } from '@rpcxjs/core';
import { adviceFor, errorCode, listenFailed } from '@rpcxjs/transport-tcp';
import type { Contexts } from './contexts.ts';
import { DatagramPort } from './datagram-port.ts';
import type { QuicEnding, QuicEndpoint, QuicEngine } from './engine.ts';
import type { EngineLoop } from './engine-loop.ts';
import { describeCertificate, leafOf } from './peer-certificate.ts';
import { familyOf, quicAddress } from './quic-address.ts';
import { QuicConnection } from './quic-connection.ts';
import { applicationErrorCode, endingError, refusedCode } from './quic-error.ts';
import type { ResolvedQuicOptions } from './quic-options.ts';
import { ServerSocket } from './server-socket.ts';
import type { Greeter } from './server-socket.ts';

export interface QuicListen {
  readonly address: Address;
  readonly engine: QuicEngine;
  readonly contexts: Contexts;
  readonly options: ResolvedQuicOptions;
}

// UDP has no accepted sockets: a listener that closed leaves its port to its connections, and the next listener of the process there takes it over.
const bound = new Map<string, ServerSocket>();

/** Binds a UDP socket and takes connections. Rejects with LISTEN_FAILED, or with the signal's reason; the signal means nothing once bound. */
export async function listenQuic(listen: QuicListen, options: ListenOptions): Promise<Listener> {
  const { signal, runtime } = options;
  if (signal?.aborted) throw signal.reason as Error; // whatever the caller aborted with is what the caller gets
  const greeter = greeterOf(listen, options);
  const socket = await abortable(bindOrAdopt(listen, greeter, runtime), signal).catch((cause: unknown) => {
    throw signal?.aborted === true ? cause : listenFailed(cause, listen.address);
  });
  const address = quicAddress(socket.local.host, socket.local.port);
  let open = true;
  const close = (): Promise<void> => {
    if (open) {
      open = false;
      socket.stop();
    }
    return Promise.resolve();
  };
  return { address, close, [Symbol.asyncDispose]: close };
}

/** A socket that is bound after the signal aborted is let go at once. */
function abortable(binding: Promise<ServerSocket>, signal: AbortSignal | undefined): Promise<ServerSocket> {
  if (signal === undefined) return binding;
  return new Promise((resolve, reject) => {
    const unlink = onAbort(signal, (reason) => reject(reason)); // the caller's own
    binding.then((socket) => {
      unlink();
      if (signal.aborted) socket.stop();
      resolve(socket);
    }, (cause: unknown) => {
      unlink();
      reject(cause);
    });
  });
}

async function bindOrAdopt(listen: QuicListen, greeter: Greeter, runtime: Runtime): Promise<ServerSocket> {
  const { host, port } = splitHostPort(listen.address.host);
  const literal = host === '' || isIP(host) !== 0 ? host : (await lookup(host)).address;
  for (const name of literal === '' ? ['::', '0.0.0.0'] : [literal]) {
    const left = bound.get(keyOf({ host: name, port }));
    if (left?.listening === false) {
      left.adopt(greeter);
      return left;
    }
  }
  const udp = await bindPort(literal, port, { bufferBytes: listen.options.socketBufferBytes, clock: runtime.clock });
  const socket: ServerSocket = new ServerSocket(udp, greeter, () => bound.delete(keyOf(socket.local)));
  bound.set(keyOf(socket.local), socket);
  return socket;
}

function keyOf({ host, port }: QuicEndpoint): string {
  return `${host} ${port}`;
}

/** No host is every interface, of both families where the system has both. */
async function bindPort(host: string, port: number, init: Pick<ConstructorParameters<typeof DatagramPort>[0], 'bufferBytes' | 'clock'>): Promise<DatagramPort> {
  const udp = new DatagramPort({ ...init, family: host === '' ? 'udp6' : familyOf(host) });
  try {
    await udp.bind(port, host === '' ? '::' : host);
    return udp;
  } catch (cause) {
    udp.close();
    const withoutIpv6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(errorCode(cause) ?? '');
    if (host === '' && withoutIpv6) return bindPort('0.0.0.0', port, init);
    throw cause;
  }
}

function greeterOf(listen: QuicListen, options: ListenOptions): Greeter {
  const { keepAliveMs, handshakeTimeoutMs, maxHandshakes, retryFromHandshakes } = listen.options;
  const { clock, logger } = options.runtime;
  const { privateKey = '', given: { clientCertificate = 'ignore' } } = listen.contexts.current(logger).tls;
  return {
    privateKey, engine: listen.engine, context: () => listen.contexts.current(logger).context, clock, logger, keepAliveMs, handshakeTimeoutMs, maxHandshakes, retryFromHandshakes,
    greet: ({ loop, remote, local, done }) => {
      loop.owner = {
        progress() {
          if (loop.engine.state() !== 'open') return;
          done();
          options.accept(wrap({ loop, remote, local }, clientCertificate === 'require', listen.options));
        },
        ended: (ending) => warnOfHandshake(ending, { loop, remote }, listen.options, logger),
      };
    },
  };
}

interface Greeted {
  readonly loop: EngineLoop;
  readonly remote: QuicEndpoint;
  readonly local: QuicEndpoint;
}

function wrap({ loop, remote, local }: Greeted, verified: boolean, options: ResolvedQuicOptions): QuicConnection {
  // A certificate that was not asked for was not verified either.
  const leaf = verified ? leafOf(loop.engine.peerCertificates()) : undefined;
  const connection = new QuicConnection({
    loop, dialled: false, local: quicAddress(local.host, local.port), remote: quicAddress(remote.host, remote.port),
    certificate: leaf && describeCertificate(leaf), closeTimeoutMs: options.closeTimeoutMs,
    describe: (ending) => describe(ending, loop, options),
  });
  loop.owner = connection;
  return connection;
}

function describe(ending: QuicEnding | undefined, loop: EngineLoop, { alpn, idleTimeoutMs }: ResolvedQuicOptions): Error {
  return endingError(ending, { alpn, idleTimeoutMs, chain: loop.engine.peerCertificates(), name: undefined });
}

/** One line for each handshake that failed; clients that only left are not worth a warning. */
function warnOfHandshake(ending: QuicEnding | undefined, { loop, remote }: Omit<Greeted, 'local'>, options: ResolvedQuicOptions, logger: Logger): void {
  const error = describe(ending, loop, options);
  const fields = { remote: quicAddress(remote.host, remote.port).host, code: errorCode(error) };
  const left = ending === undefined || ending.by === 'silence' || ending.application || ending.code === refusedCode || ending.code === applicationErrorCode;
  if (left) logger.debug(fields, `a client left during its handshake: ${error.message}`);
  else logger.warn(fields, `a QUIC handshake failed: ${adviceFor(error) ?? error.message}`);
}
