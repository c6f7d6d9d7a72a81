import { formatAddress, parseAddress, splitHostPort, type InstanceMetadata, type ServiceInstance } from '@rpcxjs/core';
import { hasUsableWeight, serviceInstance } from '@rpcxjs/core/discoveries';
import { formatMetadata, parseMetadata } from '@rpcxjs/registry-kit';

/** One service of a server, as it is in a TXT record. */
export interface AnnouncedService {
  readonly service: string;
  readonly instance: ServiceInstance;
}

/** Collects what is wrong with a text. */
export interface Faults {
  add(fault: string): void;
}

/** Of one character-string of a TXT record, RFC 1035. */
export const longestString = 255;
const longestText = 65_536;

/**
 * The text of one service, as rpcx writes it: `QueryEscape` of a JSON list with one element (serverplugin/mdns.go, initMDNS). Go puts all services
 * of a server in one list, which ends at 255 bytes ("dns: string exceeded 255 bytes in txt"); a list of one each is read by Go just the same, one record after the other.
 * Empty metadata is written, which Go leaves out: a Go client reads each list over the one before, and takes the metadata of another server for what is missing.
 */
export function formatText(service: string, address: string, metadata: InstanceMetadata): string {
  const members = [['service', service], ['meta', formatMetadata(metadata)], ['service_address', address]] as const;
  const json = members.map(([key, value]) => `${goString(key)}:${goString(value)}`).join(',');
  return queryEscape(`[{${json}}]`);
}

/** Go reads the first string only (client/mdns_discovery.go, browse); we join them. */
export function splitText(text: string): readonly Buffer[] {
  const bytes = Buffer.from(text, 'latin1'); // escaped, so ASCII
  return Array.from({ length: Math.ceil(bytes.length / longestString) }, (_, index) => bytes.subarray(index * longestString, (index + 1) * longestString));
}

/** What the strings of one TXT record say. What cannot be used goes to `faults`, the rest is used; undefined when nothing can be read at all. */
export function readText(strings: readonly Uint8Array[], faults: Faults): readonly AnnouncedService[] | undefined {
  const length = strings.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (length > longestText) {
    faults.add(`a text of ${length} bytes`);
    return undefined;
  }
  const text = Buffer.concat(strings).toString('utf8');
  const list = parseList(text);
  if (list === undefined) {
    faults.add(`"${text.slice(0, 100)}" is no escaped JSON list`);
    return undefined;
  }
  return list.map((element) => readElement(element, faults)).filter((one) => one !== undefined);
}

function parseList(text: string): readonly unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(decodeURIComponent(text.replaceAll('+', ' ')));
    // Go writes null for no services.
    return list === null ? [] : Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}

function readElement(element: unknown, faults: Faults): AnnouncedService | undefined {
  const service = member(element, 'service');
  const address = member(element, 'service_address');
  const meta = member(element, 'meta');
  if (service === undefined || service === '' || address === undefined || meta === undefined) {
    faults.add(`${JSON.stringify(element).slice(0, 100)} is no service`);
    return undefined;
  }
  try {
    const parsed = parseAddress(address);
    if (/^tcp[46]?$/.test(parsed.network)) splitHostPort(parsed.host);
    const metadata = parseMetadata(meta);
    if (metadata === undefined) throw new TypeError(`"${meta.slice(0, 100)}" is no query string`);
    const instance = serviceInstance(formatAddress(parsed), metadata);
    if (hasUsableWeight(instance)) return { service, instance };
    const { weight, ...rest } = metadata;
    faults.add(`${address.slice(0, 100)}: its weight "${String(weight).slice(0, 100)}" is no whole number from 0 to 1 000 000`);
    return { service, instance: serviceInstance(instance.address, rest) };
  } catch (error) {
    faults.add(`${address.slice(0, 100)}: ${(error as Error).message.slice(0, 200)}`); // a TypeError of ours
    return undefined;
  }
}

/** Undefined for what is no text; a member that is missing is empty. */
function member(element: unknown, key: string): string | undefined {
  if (typeof element !== 'object' || element === null) return undefined;
  const value: unknown = Object.getOwnPropertyDescriptor(element, key)?.value;
  return value === undefined ? '' : typeof value === 'string' ? value : undefined;
}

/** As Go's encoding/json writes it: `<`, `>`, `&` and the line separators escaped, half a surrogate pair as U+FFFD. */
function goString(text: string): string {
  return JSON.stringify(Buffer.from(text, 'utf8').toString('utf8')).replaceAll(/[<>&\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Go's url.QueryEscape: all but letters, digits, `-`, `_`, `.` and `~`; a space is `+`. */
function queryEscape(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`).replaceAll('%20', '+');
}
