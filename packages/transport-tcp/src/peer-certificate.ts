import type { TLSSocket } from 'node:tls';
import type { PeerCertificate } from '@rpcxjs/core';

// Node puts quotes around a name that holds a comma or another sign that could be taken for a border.
const alternativeName = /(?:^|, )([^:,"]+:(?:"(?:[^"\\]|\\.)*"|[^,"]*))/g;

/** What the other side proved to be; undefined when it showed no certificate or one that was not verified. */
export function verifiedCertificate(socket: TLSSocket): PeerCertificate | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  return {
    // One attribute a line, commas inside a value escaped.
    subject: certificate.subject.split('\n').join(', '),
    alternativeNames: [...(certificate.subjectAltName ?? '').matchAll(alternativeName)].map((match) => match[1] ?? ''),
    fingerprint256: certificate.fingerprint256,
  };
}
