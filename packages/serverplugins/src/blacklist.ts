import { checkNames } from '@rpcxjs/core/options';
import { addressFilter, withoutIpRule, type AddressFilter } from './address-filter.ts';

export type { AddressFilter } from './address-filter.ts';

export interface BlacklistOptions {
  /** What becomes of peers that have no IP address: unix sockets, memory. @default 'accept' */
  readonly withoutIp?: 'accept' | 'refuse' | undefined;
}

/**
 * Keeps out who is on the list: addresses and ranges (`10.0.0.0/8`) of IPv4 and IPv6. A peer that a dual-stack socket shows as
 * `::ffff:192.0.2.7` is 192.0.2.7. Refused connections are closed before a byte of them is read. Throws TypeError for invalid entries.
 * (rpcx serverplugin/blacklist.go)
 */
export function blacklist(entries: readonly string[], options: BlacklistOptions = {}): AddressFilter {
  checkNames('blacklist', options, ['withoutIp']);
  return addressFilter({ name: 'blacklist', listed: false, withoutIp: withoutIpRule('blacklist', options.withoutIp ?? 'accept') }, entries);
}
