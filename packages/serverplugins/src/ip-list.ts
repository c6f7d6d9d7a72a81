import { BlockList, isIP, SocketAddress } from 'node:net';
import { splitHostPort, type Address } from '@rpcxjs/core';

type Family = 4 | 6;
interface Ip {
  readonly text: string;
  readonly family: Family;
}

/** IP addresses and ranges that may change at any time. Single addresses cost one look-up however many there are; ranges are looked through. */
export class IpList {
  /** The entries by their canonical spelling; a single address has no range. */
  readonly #entries = new Map<string, Range | undefined>();
  #ranges = rangesOf([]);

  constructor(entries: readonly string[]) {
    this.add(entries);
  }

  get entries(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Throws TypeError for an entry that is neither an address nor a range, and then adds none. */
  add(entries: readonly string[]): void {
    const parsed = entries.map(parseEntry);
    for (const { spelling, range } of parsed) this.#entries.set(spelling, range);
    if (parsed.some(({ range }) => range !== undefined)) this.#rebuild();
  }

  /** Throws TypeError as `add` does. */
  delete(entries: readonly string[]): void {
    const parsed = entries.map(parseEntry);
    for (const { spelling } of parsed) this.#entries.delete(spelling);
    if (parsed.some(({ range }) => range !== undefined)) this.#rebuild();
  }

  has(ip: Ip): boolean {
    return this.#entries.has(ip.text) || this.#ranges[ip.family].check(ip.text, nameOf(ip.family));
  }

  #rebuild(): void {
    this.#ranges = rangesOf([...this.#entries.values()].flatMap((range) => range ?? []));
  }
}

interface Range {
  readonly ip: Ip;
  readonly prefix: number;
}

/** One list for each family, because Node's own would count `::/0` among the IPv4 ranges too. */
function rangesOf(ranges: readonly Range[]): Readonly<Record<Family, BlockList>> {
  const lists = { 4: new BlockList(), 6: new BlockList() };
  for (const { ip, prefix } of ranges) lists[ip.family].addSubnet(ip.text, prefix, nameOf(ip.family));
  return lists;
}

function nameOf(family: Family): 'ipv4' | 'ipv6' {
  return family === 4 ? 'ipv4' : 'ipv6';
}

/** The IP of a connection's other end; undefined for what has none: unix sockets, memory, a name. */
export function ipOf(remote: Address | undefined): Ip | undefined {
  if (remote === undefined) return undefined;
  try {
    return canonical(splitHostPort(remote.host).host);
  } catch {
    return canonical(remote.host); // without a port
  }
}

const mapped = '::ffff:';

/** The canonical spelling of an address: IPv4 for those that a dual-stack socket shows as `::ffff:1.2.3.4`, and without an interface (`%eth0`). */
function canonical(text: string): Ip | undefined {
  const family = isIP(text);
  if (family === 4) return { text, family };
  if (family !== 6) return undefined;
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  const inner = address.slice(mapped.length);
  return address.startsWith(mapped) && isIP(inner) === 4 ? { text: inner, family: 4 } : { text: address, family };
}

/**
 * Who is counted as one: an address, and of public IPv6 addresses (2000::/3) the first 64 bits, because whoever has one of them has 2^64. In a network of one's own,
 * where each machine has its address, they are counted one by one.
 */
export function originOf(remote: Address | undefined): string {
  const ip = ipOf(remote);
  if (ip === undefined) return '';
  if (ip.family === 4 || !/^[23]/.test(ip.text) || ip.text.indexOf(':') < 4) return ip.text;
  const [head = '', tail = ''] = ip.text.split('::');
  const [groups, last] = [head.split(':'), tail === '' ? [] : tail.split(':')];
  const all = [...groups, ...new Array<string>(Math.max(0, 8 - groups.length - last.length)).fill('0'), ...last];
  return `${all.slice(0, 4).join(':')}::/64`;
}

function parseEntry(entry: string): { readonly spelling: string; readonly range: Range | undefined } {
  if (typeof entry !== 'string') throw new TypeError(`${String(entry)} is no address: write '192.0.2.7', '192.0.2.0/24', '2001:db8::1' or '2001:db8::/32'`);
  const [host = '', prefix, ...rest] = entry.split('/');
  const ip = canonical(host);
  if (ip === undefined || rest.length > 0) {
    throw new TypeError(`"${entry}" is no address: write '192.0.2.7', '192.0.2.0/24', '2001:db8::1' or '2001:db8::/32'; names are not looked up`);
  }
  if (prefix === undefined) return { spelling: ip.text, range: undefined };
  // A range of `::ffff:10.0.0.0/104` is 10.0.0.0/8.
  const shift = ip.family === 4 && isIP(host) === 6 ? 96 : 0;
  const most = shift + (ip.family === 4 ? 32 : 128);
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (!(bits >= shift && bits <= most)) throw new TypeError(`"${entry}" is no range: the number of bits after the slash is from ${shift} to ${most}`);
  return { spelling: `${ip.text}/${bits - shift}`, range: { ip, prefix: bits - shift } };
}
