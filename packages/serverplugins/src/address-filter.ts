import type { Address, Connection, ServerPlugin } from '@rpcxjs/core';
import { IpList, ipOf } from './ip-list.ts';

/** A white or black list in use. What changes here counts for connections from now on; those that are open stay open. */
export interface AddressFilter extends ServerPlugin {
  /** What is on the list, each in its shortest spelling. */
  readonly entries: readonly string[];
  /** Throws TypeError for an entry that is neither an address nor a range, and then adds nothing. */
  add(...entries: readonly string[]): void;
  /** Takes these entries off the list. A single address stays covered by a range that is still on the list. */
  delete(...entries: readonly string[]): void;
  /** Whether a peer from there would be let in; for `server.peers()`, whose `remote` is one. */
  accepts(remote: Address | undefined): boolean;
}

/** How the two kinds of list differ: whether peers on the list, not on the list, and without an IP address are let in. */
export interface FilterRule {
  readonly name: string;
  /** For who is on the list, for who is not, and for who has no IP address. */
  readonly listed: boolean;
  readonly withoutIp: boolean;
}

export function addressFilter(rule: FilterRule, entries: readonly string[]): AddressFilter {
  if (!Array.isArray(entries)) throw new TypeError(`${rule.name} takes a list: ${rule.name}(['192.0.2.7', '10.0.0.0/8', '2001:db8::/32'])`);
  const list = new IpList(entries);
  const accepts = (remote: Address | undefined): boolean => {
    const ip = ipOf(remote);
    return ip === undefined ? rule.withoutIp : list.has(ip) === rule.listed;
  };
  return {
    name: rule.name,
    get entries() {
      return list.entries;
    },
    add: (...more) => list.add(more),
    delete: (...fewer) => list.delete(fewer),
    accepts,
    acceptConnection: (connection: Connection) => (accepts(connection.remote) ? connection : undefined),
  };
}

/** Throws TypeError for anything but the two words. */
export function withoutIpRule(name: string, value: string): boolean {
  if (value === 'accept' || value === 'refuse') return value === 'accept';
  throw new TypeError(`withoutIp of ${name} is ${JSON.stringify(value)}: it takes 'accept' or 'refuse'`);
}
