import { splitHostPort, parseAddress } from '@rpcxjs/core';
import type { DnsMessage, DnsRecord } from './multicast-link.ts';
import type { ResolvedMdnsOptions } from './mdns-options.ts';

/** One service at one address, ready to be said. */
export interface Announcement {
  /** The name of its records. */
  readonly name: string;
  readonly port: number;
  readonly strings: readonly Buffer[];
}

// A little less than an Ethernet frame carries. A message with only one record may be longer: IP fragments it.
const longestMessage = 1400;
const addressTtlS = 120;

/**
 * Under which name a service stands: the same in the next life of a server, so that its old announcement is replaced; another one for the next port, address or service,
 * so that nobody's is. Go has one name for each host, and two servers on one host that fight for it.
 */
export function recordName(options: ResolvedMdnsOptions, service: string, address: string): string {
  return `${options.instance}-${portOf(address)}-${hash(`${service}\0${address}`)}.${options.serviceName}`;
}

/** 0 for what has none. */
export function portOf(address: string): number {
  try {
    return splitHostPort(parseAddress(address).host).port;
  } catch {
    return 0;
  }
}

/**
 * The messages that say them: PTR, SRV and TXT of each, and the address of the interface once a message, as a Go client drops what has no address in the same message
 * (zeroconf client.go, mainloop). With `ttlS` 0 they say goodbye.
 */
export function responses(announcements: Iterable<Announcement>, address: string, ttlS: number, options: ResolvedMdnsOptions): readonly DnsMessage[] {
  const host = `${options.instance}.${options.domain}`;
  const additionals: readonly DnsRecord[] = [{ name: host, type: 'A', ttl: Math.min(ttlS, addressTtlS), data: address }];
  const groups: DnsRecord[][] = [];
  let room = 0;
  for (const { name, port, strings } of announcements) {
    const size = messageSize({ name, port, strings }, options);
    if (groups.length === 0 || size > room) {
      groups.push([]);
      room = longestMessage;
    }
    room -= size;
    groups.at(-1)?.push(
      { name: options.serviceName, type: 'PTR', ttl: ttlS, data: name },
      { name, type: 'SRV', ttl: ttlS, flush: true, data: { priority: 0, weight: 0, port, target: host } },
      { name, type: 'TXT', ttl: ttlS, flush: true, data: [...strings] },
    );
  }
  // The address stays when one of the host's servers leaves.
  return groups.map((answers) => ({ type: 'response', answers, additionals: ttlS === 0 ? [] : additionals }));
}

/** Bytes that its records take at most, with what stands around them. */
export function messageSize({ name, strings }: Announcement, { serviceName, instance, domain }: ResolvedMdnsOptions): number {
  const text = strings.reduce((sum, { length }) => sum + length + 1, 0);
  return 100 + 3 * (Buffer.byteLength(name) + 2) + Buffer.byteLength(serviceName) + 2 * Buffer.byteLength(`${instance}.${domain}`) + text;
}

/** FNV-1a. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) value = Math.imul(value ^ byte, 0x01000193);
  return (value >>> 0).toString(16).padStart(8, '0');
}
