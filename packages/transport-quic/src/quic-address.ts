import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import type { Address } from '@rpcxjs/core';

export const quicNetwork = 'quic';

/** A server on both families sees IPv4 clients as `::ffff:10.0.0.1`; rules for addresses are written for `10.0.0.1`. */
export function quicAddress(host: string, port: number): Address {
  const plain = host.startsWith('::ffff:') && isIP(host.slice(7)) === 4 ? host.slice(7) : host;
  return { network: quicNetwork, host: plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}` };
}

export function familyOf(host: string): 'udp4' | 'udp6' {
  return isIPv6(host) ? 'udp6' : 'udp4';
}

/** The addresses of a name in the order of the system; of no name, as in Go, those of this machine. */
export async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const found = await lookup(host === '' ? 'localhost' : host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}
