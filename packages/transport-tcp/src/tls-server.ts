import type { Server, TlsOptions } from 'node:tls';
import type { Logger } from '@rpcxjs/core';
import { nodeTls } from './node-tls.ts';
import type { TlsSource } from './tls-source.ts';

/** The TLS side of a server, by our options. Throws TypeError without a certificate. */
export function tlsServer(tls: TlsSource, logger: Logger, more: TlsOptions): Server {
  const { given, secrets } = tls.current(logger);
  if (given.cert === undefined) throw new TypeError('tcp: a TLS server needs tls.cert and tls.key');
  const asks = given.clientCertificate ?? 'ignore';
  const server = nodeTls().createServer({ ...secrets, ...more, requestCert: asks !== 'ignore', rejectUnauthorized: asks === 'require' });
  renewTls(server, tls, logger);
  return server;
}

/** Has each handshake of a server that was made from this source begin with what is current. To be called before anybody else listens for connections. */
export function renewTls(server: Server, tls: TlsSource, logger: Logger): void {
  if (!tls.changes) return;
  let { secrets: used } = tls.current(logger);
  // Before Node's own listener, which makes the handshake.
  server.prependListener('connection', () => {
    const { secrets: now } = tls.current(logger);
    if (now === used) return;
    used = now;
    server.setSecureContext(now);
  });
}
