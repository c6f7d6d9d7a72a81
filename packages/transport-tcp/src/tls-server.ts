import type { SecureContextOptions, Server, TlsOptions } from 'node:tls';
import type { Logger } from '@rpcxjs/core';
import { nodeTls } from './node-tls.ts';
import type { TlsSource } from './tls-source.ts';

/** The TLS side of a server, by our options. Throws TypeError without a certificate. */
export function tlsServer(tls: TlsSource, logger: Logger, more: TlsOptions): Server {
  const { given, secrets } = tls.current(logger);
  if (given.cert === undefined) throw new TypeError('tcp: a TLS server needs tls.cert and tls.key');
  const asks = given.clientCertificate ?? 'ignore';
  const server = nodeTls().createServer({ ...secrets, ...more, requestCert: asks !== 'ignore', rejectUnauthorized: asks === 'require' });
  if (tls.changes) renew(server, () => tls.current(logger).secrets);
  return server;
}

/** Has each handshake begin with what is current: Node's own listener for connections comes after this one. */
function renew(server: Server, current: () => SecureContextOptions): void {
  let used = current();
  server.prependListener('connection', () => {
    const now = current();
    if (now === used) return;
    used = now;
    server.setSecureContext(now);
  });
}
