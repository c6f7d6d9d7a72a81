import { checkNames } from '@rpcxjs/core/options';
import { addressFilter, withoutIpRule, type AddressFilter } from './address-filter.ts';

export type { AddressFilter } from './address-filter.ts';

export interface WhitelistOptions {
  /** What becomes of peers that have no IP address: unix sockets, memory. As in Go, a peer that cannot be recognised is refused. @default 'refuse' */
  readonly withoutIp?: 'accept' | 'refuse' | undefined;
}

/**
 * Lets in who is on the list and nobody else: addresses and ranges (`10.0.0.0/8`) of IPv4 and IPv6, empty for nobody. A peer that a dual-stack
 * socket shows as `::ffff:192.0.2.7` is 192.0.2.7. Refused connections are closed before a byte of them is read. Throws TypeError for entries
 * that are none. (rpcx serverplugin/whitelist.go)
 */
export function whitelist(entries: readonly string[], options: WhitelistOptions = {}): AddressFilter {
  checkNames('whitelist', options, ['withoutIp']);
  return addressFilter({ name: 'whitelist', listed: true, withoutIp: withoutIpRule('whitelist', options.withoutIp ?? 'refuse') }, entries);
}
