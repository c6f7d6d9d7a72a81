import type { Duplex } from 'node:stream';
import type { Server, TLSSocket } from 'node:tls';
import { formatAddress } from '@rpcxjs/core';
import type { Address, Connection, Runtime } from '@rpcxjs/core';
import { connectionOf, warnOfHandshake } from './listen.ts';
import { verifiedCertificate } from './peer-certificate.ts';
import { resolveTcpOptions, tcpDefaults } from './tcp-options.ts';
import type { TcpTlsOptions } from './tls-options.ts';
import { tlsServer } from './tls-server.ts';

export interface TlsEndOptions {
  readonly tls: TcpTlsOptions | (() => TcpTlsOptions);
  /** For each handshake, in milliseconds. */
  readonly handshakeTimeoutMs: number;
}

/** What a `TlsEnd` delivers to. */
export interface TlsEndTarget {
  readonly runtime: Runtime;
  accept(connection: Connection): void;
}

/** The addresses at the two ends of the stream that TLS runs over. */
export interface TlsEndpoints {
  readonly local: Address | undefined;
  readonly remote: Address | undefined;
}

interface WrappedHandle {
  readonly _parentWrap?: { readonly stream?: Duplex };
}

/** Terminates TLS on streams that somebody else accepted: after a successful handshake they go on as connections. */
export class TlsEnd {
  readonly #server: Server;
  readonly #entering = new Map<Duplex, TlsEndpoints>();

  /** Throws TypeError for options that cannot work, and without a certificate. */
  constructor({ tls, handshakeTimeoutMs }: TlsEndOptions, { runtime: { clock, logger }, accept }: TlsEndTarget) {
    const resolved = resolveTcpOptions({ tls, handshakeTimeoutMs });
    if (resolved.tls === undefined) throw new TypeError('tcp: tls is undefined; give { cert, key }');
    this.#server = tlsServer(resolved.tls, logger, { handshakeTimeout: resolved.handshakeTimeoutMs });
    this.#server.on('secureConnection', (socket: TLSSocket) => {
      const ends = this.#leave(socket);
      if (ends === undefined) {
        socket.destroy();
        return;
      }
      accept(connectionOf(socket, { ...ends, certificate: verifiedCertificate(socket), clock, closeTimeoutMs: tcpDefaults.closeTimeoutMs, resets: false }));
    });
    this.#server.on('tlsClientError', (cause: Error, socket: TLSSocket) => {
      const remote = this.#leave(socket)?.remote;
      // The connection below reports the system's error as its cause.
      warnOfHandshake(cause.cause instanceof Error ? cause.cause : cause, { remote: remote && formatAddress(remote), refused: socket.authorizationError }, logger);
      // After a handshake that took too long, Node leaves the socket open for this listener to end.
      socket.destroy();
    });
  }

  /** Begins the handshake on a stream that nobody else reads. */
  take(stream: Duplex, ends: TlsEndpoints): void {
    this.#entering.set(stream, ends);
    stream.once('close', () => this.#entering.delete(stream));
    // Nobody reads a socket of TLS in its handshake, so it would not see that its client has left.
    stream.once('end', () => {
      if (this.#entering.has(stream)) stream.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    });
    this.#server.emit('connection', stream);
  }

  /** Ends those that are still in their handshake. */
  close(): void {
    for (const stream of this.#entering.keys()) stream.destroy();
  }

  #leave(socket: TLSSocket): TlsEndpoints | undefined {
    // Node's own names, in 20, 22 and 24 (lib/_tls_wrap.js): a stream that is no socket is in a JSStreamSocket, which is what TLS is wrapped around.
    const stream = (socket as TLSSocket & { readonly _handle?: WrappedHandle | null })._handle?._parentWrap?.stream;
    const ends = stream && this.#entering.get(stream);
    if (stream !== undefined) this.#entering.delete(stream);
    return ends;
  }
}
