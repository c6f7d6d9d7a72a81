import { isIP } from 'node:net';
import { Resolver } from 'node:dns/promises';
import { checkNames, described } from '@rpcxjs/core/options';

/** What looks names up: a `Resolver` of `node:dns/promises` is one. It rejects with an error whose `code` is `ENOTFOUND` or `ENODATA` for what does not exist. */
export interface DnsResolver {
  resolve4(name: string, options: { ttl: true }): Promise<readonly { readonly address: string; readonly ttl: number }[]>;
  resolve6(name: string, options: { ttl: true }): Promise<readonly { readonly address: string; readonly ttl: number }[]>;
  resolveSrv(name: string): Promise<readonly { readonly name: string; readonly port: number; readonly priority: number; readonly weight: number }[]>;
  cancel?(): void;
}

/** Options of `dns()`. */
export interface DnsOptions {
  /** The DNS name of the servers: one for all services, or a function that gives the name of each. With a dot at its end no search domains are tried. */
  readonly name: string | ((service: string) => string);
  /** The port on which all of them listen; SRV records bring their own. */
  readonly port?: number | undefined;
  /** The network of the servers' addresses, which is before the `@`. @default 'tcp' */
  readonly network?: string | undefined;
  /** `address` asks for A and AAAA, `srv` for SRV. @default 'address' */
  readonly records?: 'address' | 'srv' | undefined;
  /** Milliseconds that a list holds at least, whatever its TTL. @default 1000 */
  readonly minTtlMs?: number | undefined;
  /** Milliseconds that a list holds at most. @default 60 000 */
  readonly maxTtlMs?: number | undefined;
  /** Milliseconds that a list of SRV records, and an empty list, hold: the system tells no TTL of them. @default 15 000 */
  readonly srvMs?: number | undefined;
  /** Milliseconds for each lookup. @default 5000 */
  readonly timeoutMs?: number | undefined;
  /** The DNS servers to ask, addresses with or without port. @default those of the system */
  readonly servers?: readonly string[] | undefined;
  /** Domains that are tried behind a name of few dots. @default those of /etc/resolv.conf, none with `servers` or `resolver` */
  readonly search?: readonly string[] | undefined;
  /** Looks names up instead of the system; `cancel()` is called when it takes too long. */
  readonly resolver?: DnsResolver | undefined;
}

/** The options with all defaults filled in. */
export interface ResolvedDnsOptions {
  readonly nameOf: (service: string) => string;
  /** Undefined for SRV. */
  readonly port: number | undefined;
  readonly network: string;
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  readonly srvMs: number;
  readonly timeoutMs: number;
  readonly servers: readonly string[] | undefined;
  readonly search: readonly string[] | undefined;
  readonly resolver: DnsResolver | undefined;
}

const longestTimer = 2_147_483_647;

// A name that is missing here is a compile error.
const optionNames: Readonly<Record<keyof DnsOptions, true>> = {
  name: true, port: true, network: true, records: true, minTtlMs: true, maxTtlMs: true, srvMs: true, timeoutMs: true, servers: true, search: true, resolver: true,
};

/** Throws TypeError for invalid options. */
export function resolveDnsOptions(options: DnsOptions): ResolvedDnsOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError(`dns(): its options are ${String(options)}: give an object, for example { name: 'shop.internal', port: 8972 }`);
  checkNames('dns()', options, Object.keys(optionNames));
  const { name, network = 'tcp', records = 'address', minTtlMs = 1000, maxTtlMs = 60_000, srvMs = 15_000, timeoutMs = 5000, servers, search, resolver } = options;
  for (const [option, value] of Object.entries({ minTtlMs, maxTtlMs, srvMs, timeoutMs })) {
    if (typeof value !== 'number' || !(value > 0 && value <= longestTimer)) throw new TypeError(`dns(): ${option} is ${described(value)}: it takes milliseconds above 0`);
  }
  if (minTtlMs > maxTtlMs) throw new TypeError(`dns(): minTtlMs is ${minTtlMs} and maxTtlMs ${maxTtlMs}: the first is the shorter one`);
  if (typeof network !== 'string' || network === '' || network.includes('@')) throw new TypeError(`dns(): network is ${JSON.stringify(network)}: give the name of a network, for example 'tcp'`);
  mustList('search', search, "['shop.svc.cluster.local']");
  mustList('servers', servers, "['10.0.0.2:53']");
  if (servers?.length === 0) throw new TypeError("dns(): servers is an empty list: give addresses, for example ['10.0.0.2:53'], or leave it away for those of the system");
  if (servers !== undefined) mustBeServers(servers);
  if (resolver !== undefined && servers !== undefined) throw new TypeError('dns(): servers and resolver are both given: a resolver knows its servers, leave one of them away');
  if (resolver !== undefined && !(['resolve4', 'resolve6', 'resolveSrv'] as const).every((method) => typeof resolver[method] === 'function')) throw new TypeError("dns(): resolver has no resolve4, resolve6 or resolveSrv: give a Resolver of 'node:dns/promises'");
  const nameOf = typeof name === 'function' ? (service: string): string => checkedName(name(service)) : constant(checkedName(name));
  return { nameOf, port: portOf(records, options.port), network, minTtlMs, maxTtlMs, srvMs, timeoutMs, servers, search: search ?? (servers === undefined && resolver === undefined ? undefined : []), resolver };
}

function constant(name: string): () => string {
  return () => name;
}

function portOf(records: unknown, port: unknown): number | undefined {
  if (records === 'srv') {
    if (port !== undefined) throw new TypeError(`dns(): port is ${String(port)}: SRV records bring their own, leave it away`);
    return undefined;
  }
  if (records !== 'address') throw new TypeError(`dns(): records is ${JSON.stringify(records)}: 'address' for A and AAAA, or 'srv'`);
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) throw new TypeError(`dns(): port is ${described(port)}: addresses have none of their own, give that of the servers, for example 8972`);
  return port;
}

function mustList(option: string, value: unknown, example: string): void {
  if (value !== undefined && !(Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== ''))) throw new TypeError(`dns(): ${option} is ${JSON.stringify(value)}: give a list of texts, for example ${example}`);
}

function mustBeServers(servers: readonly string[]): void {
  try {
    new Resolver().setServers(servers);
  } catch {
    throw new TypeError(`dns(): servers is ${JSON.stringify(servers)}: give IP addresses with or without port, for example ['10.0.0.2:53', '[fd00::2]:53']`);
  }
}

function checkedName(name: unknown): string {
  const labels = typeof name === 'string' ? name.replace(/\.$/, '').split('.') : [''];
  if (typeof name !== 'string' || name.length > 254 || labels.some((label) => !/^[A-Za-z0-9_-]{1,63}$/.test(label))) throw new TypeError(`dns(): the name is ${JSON.stringify(name)}: give a DNS name, for example 'shop.internal'`);
  if (isIP(name) !== 0) throw new TypeError(`dns(): the name is the address ${name}: use fixed(['tcp@${name}:8972']) of @rpcxjs/core for servers that never change`);
  return name;
}
