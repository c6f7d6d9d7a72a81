import type { TLSSocket } from 'node:tls';
import type { PeerCertificate } from '@rpcxjs/core';
import { nodeCrypto } from './node-tls.ts';

// Node puts quotes around a name that holds a comma or another sign that could be taken for a border.
const alternativeName = /(?:^|, )([^:,"]+:(?:"(?:[^"\\]|\\.)*"|[^,"]*))/g;

/** What the other side proved to be; undefined when it showed no certificate or one that was not verified. */
export function verifiedCertificate(socket: TLSSocket): PeerCertificate | undefined {
  if (!socket.authorized) return undefined;
  // Not getPeerX509Certificate(), each call of which leaves some 5 kB behind for ever (seen with Node 20.20). Without a certificate there is no `raw`, and of a socket that is gone not even an object.
  const { raw } = (socket.getPeerCertificate() ?? {}) as { readonly raw?: Buffer };
  if (raw === undefined) return undefined;
  const certificate = new (nodeCrypto().X509Certificate)(raw);
  return {
    // One attribute a line, commas inside a value escaped.
    subject: certificate.subject.split('\n').join(', '),
    alternativeNames: [...(certificate.subjectAltName ?? '').matchAll(alternativeName)].map((match) => match[1] ?? ''),
    fingerprint256: certificate.fingerprint256,
  };
}
