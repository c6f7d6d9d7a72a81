import type { Server, TlsOptions } from 'node:tls';
import { nodeTls } from './node-tls.ts';
import type { ResolvedTls } from './tcp-options.ts';

/** The TLS side of a server, by our options. Throws TypeError without a certificate. */
export function tlsServer({ given, secrets }: ResolvedTls, handshakeTimeoutMs: number, more: TlsOptions = {}): Server {
  if (given.cert === undefined) throw new TypeError('tcp: a TLS server needs tls.cert and tls.key');
  const asks = given.clientCertificate ?? 'ignore';
  return nodeTls().createServer({ ...secrets, ...more, handshakeTimeout: handshakeTimeoutMs, requestCert: asks !== 'ignore', rejectUnauthorized: asks === 'require' });
}
