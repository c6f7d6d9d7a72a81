import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from '@rpcxjs/core';

// Node puts quotes around a name that holds a comma or another sign that could be taken for a border.
const alternativeName = /(?:^|, )([^:,"]+:(?:"(?:[^"\\]|\\.)*"|[^,"]*))/g;

/** The leaf, parsed; undefined when there is none or it cannot be parsed. */
export function leafOf(chain: readonly Uint8Array[]): X509Certificate | undefined {
  const [der] = chain;
  if (der === undefined) return undefined;
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}

/** What the other side proved to be. Only for a certificate that was verified. */
export function describeCertificate(certificate: X509Certificate): PeerCertificate {
  return {
    // One attribute a line, commas inside a value escaped.
    subject: certificate.subject.split('\n').join(', '),
    alternativeNames: [...(certificate.subjectAltName ?? '').matchAll(alternativeName)].map((match) => match[1] ?? ''),
    fingerprint256: certificate.fingerprint256,
  };
}
