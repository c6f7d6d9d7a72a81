import { connect, createServer, isIP } from 'node:net';
import type { ListenOptions as BindOptions, OnReadOpts, Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { splitHostPort } from '@rpcxjs/core';
import type { Address, Logger, Transport } from '@rpcxjs/core';
import { dialSocket } from './dial.ts';
import { listenSocket } from './listen.ts';
import { nodeTls } from './node-tls.ts';
import { verifiedCertificate } from './peer-certificate.ts';
import type { SocketEnds } from './socket-connection.ts';
import { resolveTcpOptions } from './tcp-options.ts';
import type { ResolvedTcpOptions, TcpOptions } from './tcp-options.ts';
import { tlsServer } from './tls-server.ts';

/**
 * The transport of `tcp@host:port`, and of `tcp4` and `tcp6`, which Go knows too; with `tls`, TLS on each connection, as rpcx does it.
 * Port 0 listens on a free port, an empty host on every interface. Throws TypeError for invalid options.
 */
export function tcp(options: TcpOptions = {}): Transport {
  const resolved = resolveTcpOptions(options);
  const { tls } = resolved;
  const shared = { closeTimeoutMs: resolved.closeTimeoutMs, resets: tls === undefined };
  const ends = (network: string) => (socket: Socket): SocketEnds => socketEnds(network, socket);
  return {
    networks: ['tcp', 'tcp4', 'tcp6'],
    dial: async (address, dialOptions) => dialSocket({
      ...shared,
      address,
      connectTimeoutMs: resolved.connectTimeoutMs,
      handshakeTimeoutMs: tls === undefined ? undefined : resolved.handshakeTimeoutMs,
      open: opener(address, resolved, dialOptions.runtime.logger),
      ends: ends(address.network),
    }, dialOptions),
    listen: async (address, listenOptions) => listenSocket({
      ...shared,
      address,
      server: tls === undefined ? plainServer(resolved) : tlsServer(tls, listenOptions.runtime.logger, { ...socketOptions(resolved), handshakeTimeout: resolved.handshakeTimeoutMs }),
      secure: tls !== undefined,
      bind: bindOptions(address, resolved),
      ends: ends(address.network),
      bound: (server) => boundAddress(address.network, server),
    }, listenOptions),
  };
}

/** Who is at the two ends of a socket of TCP, as addresses of `network`; with TLS, the certificate if it was verified. */
export function socketEnds(network: string, socket: Socket): SocketEnds {
  return {
    local: endOf(network, socket.localAddress, socket.localPort),
    remote: endOf(network, socket.remoteAddress, socket.remotePort),
    certificate: isSecure(socket) ? verifiedCertificate(socket) : undefined,
  };
}

function isSecure(socket: Socket): socket is TLSSocket {
  return (socket as Partial<TLSSocket>).encrypted === true;
}

function opener(address: Address, options: ResolvedTcpOptions, logger: Logger): (onread: OnReadOpts) => Socket {
  const { host, port } = splitHostPort(address.host);
  // As in Go, no host is this machine.
  const target = host === '' ? 'localhost' : host;
  const family = address.network === 'tcp4' ? 4 : address.network === 'tcp6' ? 6 : 0;
  const { tls } = options;
  return (onread) => {
    const where = { host: target, port, family, allowHalfOpen: tls === undefined, onread, ...socketOptions(options) };
    if (tls === undefined) return connect(where);
    const { given, context } = tls.current(logger);
    const servername = given.servername ?? (isIP(target) === 0 ? target : undefined);
    return nodeTls().connect({
      ...where, secureContext: context, rejectUnauthorized: given.insecureSkipVerify !== true,
      ...(servername === undefined ? {} : { servername }),
    });
  };
}

function socketOptions(options: ResolvedTcpOptions): { noDelay: true; keepAlive: boolean; keepAliveInitialDelay: number } {
  // The session batches a turn's frames into one write; Nagle's algorithm would only add its own wait.
  return { noDelay: true, keepAlive: options.keepAliveMs > 0, keepAliveInitialDelay: options.keepAliveMs };
}

function plainServer(options: ResolvedTcpOptions): Server {
  return createServer({ allowHalfOpen: true, pauseOnConnect: true, ...socketOptions(options) });
}

/** With what the types of Node 20 do not know yet. */
type TcpBind = BindOptions & { readonly reusePort?: boolean };

function bindOptions(address: Address, { reusePort }: ResolvedTcpOptions): TcpBind {
  const { host, port } = splitHostPort(address.host);
  const shared = reusePort ? { port, reusePort } : { port };
  if (host !== '') return { ...shared, host, ipv6Only: address.network === 'tcp6' };
  if (address.network === 'tcp4') return { ...shared, host: '0.0.0.0' };
  if (address.network === 'tcp6') return { ...shared, host: '::', ipv6Only: true };
  return shared;
}

function boundAddress(network: string, server: Server): Address {
  const bound = server.address();
  // A string is a socket file, null a server that does not listen: neither can be here.
  if (bound === null || typeof bound === 'string') throw new TypeError(`a ${network} server without a port`);
  return { network, host: hostPort(bound.address, bound.port) };
}

function endOf(network: string, host: string | undefined, port: number | undefined): Address | undefined {
  return host === undefined || port === undefined ? undefined : { network, host: hostPort(host, port) };
}

/** A server on both families sees IPv4 clients as `::ffff:10.0.0.1`; rules for addresses are written for `10.0.0.1`. */
function hostPort(host: string, port: number): string {
  const plain = host.startsWith('::ffff:') && isIP(host.slice(7)) === 4 ? host.slice(7) : host;
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}
