import { hostname } from 'node:os';
import { isIPv4 } from 'node:net';
import { checkNames, described } from '@rpcxjs/core/options';

/** How services are announced and found. */
export interface MdnsOptions {
  /** The IPv4 address of the network interface to speak and listen on, or several; `127.0.0.1` stays on this machine. @default every interface that is no loopback, looked up again while it is used */
  readonly interface?: string | readonly string[] | undefined;
  /** Begins the names under which this machine's servers stand, 40 bytes at most. @default the host name up to its first dot */
  readonly instance?: string | undefined;
  /** The service type, the same as the other side. @default '_rpcxservices', as rpcx */
  readonly service?: string | undefined;
  /** The domain of the services. @default 'local', as rpcx */
  readonly domain?: string | undefined;
  /** Milliseconds for which others believe an announcement: a server that dies without a word is gone then. At least 1000. @default 3 200 000, as rpcx */
  readonly ttlMs?: number | undefined;
  /** Milliseconds between two announcements of what has not changed. @default a third of `ttlMs`, 60 000 at most */
  readonly refreshMs?: number | undefined;
  /** Milliseconds between two questions who is there, up to a fifth more or less; the first ones come faster. @default 30 000 */
  readonly queryMs?: number | undefined;
  /** Milliseconds for which the first list waits for an answer. @default 1000 */
  readonly firstListMs?: number | undefined;
  /** Write calls and connections a second into the metadata at each refresh, as a Go server with `Metrics` does. @default false */
  readonly publishRates?: boolean | undefined;
  /** The UDP port; Go servers know no other than the default. @default 5353 */
  readonly port?: number | undefined;
}

/** The options with all defaults filled in. */
export interface ResolvedMdnsOptions {
  /** Empty for all interfaces. */
  readonly interfaces: readonly string[];
  readonly instance: string;
  /** `_rpcxservices.local`, without a dot at its end. */
  readonly serviceName: string;
  readonly domain: string;
  readonly ttlMs: number;
  readonly refreshMs: number;
  readonly queryMs: number;
  readonly firstListMs: number;
  readonly publishRates: boolean;
  readonly port: number;
}

const longestTimer = 2_147_483_647;
const goTtlMs = 3_200_000;
/** Of a label, RFC 1035; behind the instance stand port and number. */
const longestLabel = 63;
const longestInstance = 40;

// A name that is missing here is a compile error.
const optionNames: Readonly<Record<keyof MdnsOptions, true>> = {
  interface: true, instance: true, service: true, domain: true, ttlMs: true, refreshMs: true, queryMs: true, firstListMs: true, publishRates: true, port: true,
};

/** Throws TypeError for invalid options. */
export function resolveMdnsOptions(options: MdnsOptions = {}): ResolvedMdnsOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError(`mdns(): its options are ${String(options)}: give an object, or nothing`);
  checkNames('mdns()', options, Object.keys(optionNames));
  const { ttlMs = goTtlMs, service = '_rpcxservices', domain = 'local', queryMs = 30_000, firstListMs = 1000, publishRates = false, port = 5353 } = options;
  const { refreshMs = typeof ttlMs === 'number' ? Math.min(ttlMs / 3, 60_000) : 0 } = options;
  for (const [option, value] of Object.entries({ ttlMs, refreshMs, queryMs, firstListMs })) {
    if (typeof value !== 'number' || !(value > 0 && value <= longestTimer)) throw new TypeError(`mdns(): ${option} is ${described(value)}: it takes milliseconds above 0`);
  }
  if (ttlMs < 1000) throw new TypeError(`mdns(): ttlMs is ${ttlMs}: DNS counts whole seconds, give 1000 or more`);
  if (refreshMs >= ttlMs) throw new TypeError(`mdns(): refreshMs is ${refreshMs} and ttlMs ${ttlMs}: announcements would end before they are made again; a third of ttlMs is a good choice`);
  if (typeof publishRates !== 'boolean') throw new TypeError(`mdns(): publishRates is ${String(publishRates)}: true or false`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new TypeError(`mdns(): port is ${String(port)}: multicast DNS is on 5353, leave it away`);
  const type = dnsName('service', service, "'_rpcxservices'");
  const where = dnsName('domain', domain, "'local'");
  return { interfaces: interfacesOf(options.interface), instance: instanceOf(options.instance), serviceName: `${type}.${where}`, domain: where, ttlMs, refreshMs, queryMs, firstListMs, publishRates, port };
}

function interfacesOf(given: string | readonly string[] | undefined): readonly string[] {
  if (given === undefined) return [];
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length === 0) throw new TypeError("mdns(): interface is an empty list: name addresses of this machine, for example ['192.168.1.5'], or leave it away for all");
  return [...new Set(list.map((address) => {
    if (typeof address !== 'string' || !isIPv4(address)) throw new TypeError(`mdns(): interface is ${JSON.stringify(address)}: give the IPv4 address that the interface has, for example '192.168.1.5', or '127.0.0.1' to stay on this machine`);
    return address;
  }))];
}

function instanceOf(given: string | undefined): string {
  if (given === undefined) return truncated((hostname().split('.')[0] ?? '') || 'rpcx');
  if (typeof given !== 'string' || given === '' || given.includes('.') || Buffer.byteLength(given) > longestInstance) {
    throw new TypeError(`mdns(): instance is ${JSON.stringify(given)}: give a name without dots of 1 to ${longestInstance} bytes, for example the name of the machine`);
  }
  return given;
}

function truncated(name: string): string {
  let text = name;
  while (Buffer.byteLength(text) > longestInstance) text = text.slice(0, -1);
  return text;
}

/** The name without dots at its ends, as zeroconf does. */
function dnsName(option: string, given: unknown, example: string): string {
  const name = typeof given === 'string' ? given.replace(/^\.+|\.+$/g, '') : '';
  const labels = name.split('.');
  if (labels.some((label) => label === '' || Buffer.byteLength(label) > longestLabel) || Buffer.byteLength(name) > 100) {
    throw new TypeError(`mdns(): ${option} is ${JSON.stringify(given)}: give a DNS name of labels of 1 to ${longestLabel} bytes, for example ${example}`);
  }
  return name;
}
