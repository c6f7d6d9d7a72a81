import { formatAddress, silentLogger, systemClock } from '@rpcxjs/core';
import type { Acceptor, Address, Connection, Listener, ListenOptions } from '@rpcxjs/core';
import { checkNames } from '@rpcxjs/core/options';
import { TlsEnd } from '@rpcxjs/transport-tcp';
import type { TcpTlsOptions } from '@rpcxjs/transport-tcp';
import { ConnectionDuplex } from './connection-duplex.ts';
import { isTls } from './matchers.ts';
import { sniff } from './sniff.ts';

/** Options of `acceptTls()`. */
export interface AcceptTlsOptions {
  /** Time for a connection to send its first byte, and again for a TLS handshake, in milliseconds. @default 10000 */
  readonly handshakeTimeoutMs?: number | undefined;
}

/**
 * An acceptor of the same connections, without the TLS of those that begin with it: plain and encrypted clients on one port. `tls` has
 * `cert` and `key`, and the rest of what `tls` of `tcp()` has for servers; where `clientCertificate` is `require`, nobody comes in without TLS either. Throws TypeError for invalid options.
 *
 *     const ports = sniff(acceptTls(tcp(), { cert, key }), { rpcx: isRpcx, http: isHttp });
 */
export function acceptTls(acceptor: Acceptor, tls: TcpTlsOptions | (() => TcpTlsOptions), options: AcceptTlsOptions = {}): Acceptor {
  if (typeof acceptor?.listen !== 'function') throw new TypeError('acceptTls: the first argument has no listen(); give an acceptor, such as tcp()');
  checkNames('acceptTls', options, ['handshakeTimeoutMs']);
  const { handshakeTimeoutMs = 10_000 } = options;
  const end = (to: Pick<ListenOptions, 'runtime' | 'accept'>): TlsEnd => new TlsEnd({ tls, handshakeTimeoutMs }, to);
  try {
    // What is wrong with the options is said now, not when it listens.
    end({ runtime: { clock: systemClock, logger: silentLogger }, accept() {} });
  } catch (error) {
    throw new TypeError((error as Error).message.replace(/^tcp:/, 'acceptTls:'), { cause: error }); // tcp() throws nothing else
  }
  const ports = sniff(acceptor, { tls: isTls, plain: (bytes) => (bytes.length === 0 ? 'more' : 'yes') }, { timeoutMs: handshakeTimeoutMs });
  const listen = async (address: Address, listenOptions: ListenOptions): Promise<Listener> => {
    const secured = end(listenOptions);
    const { clientCertificate } = typeof tls === 'function' ? tls() : tls;
    const { clock, logger } = listenOptions.runtime;
    const refuse = (connection: Connection): void => {
      logger.warn({ remote: connection.remote && formatAddress(connection.remote) }, "a client without TLS is refused, for tls.clientCertificate is 'require'");
      connection.abort();
    };
    const [listener, plain] = await Promise.all([
      ports.tls.listen(address, { ...listenOptions, accept: (connection) => secured.take(new ConnectionDuplex(connection, clock), connection) }),
      ports.plain.listen(address, { ...listenOptions, accept: clientCertificate === 'require' ? refuse : listenOptions.accept }),
    ]);
    const close = async (): Promise<void> => {
      await Promise.all([listener.close(), plain.close()]);
      secured.close();
    };
    return { address: listener.address, close, [Symbol.asyncDispose]: close };
  };
  return { networks: acceptor.networks, listen };
}
