import { formatMetadata, parseMetadata } from '@rpcxjs/registry-kit';
import { parseAddress, splitHostPort } from '@rpcxjs/core';
import { hasUsableWeight, instanceWeight, isActive, metadataValues, serviceInstance } from '@rpcxjs/core/discoveries';
import type { InstanceMetadata, ServiceInstance } from '@rpcxjs/core';

/** An instance as Nacos has it. */
export interface NacosInstance {
  readonly ip: string;
  readonly port: number;
  /** The weight for Nacos's own consumers. Go clients of rpcx read the one in the metadata. */
  readonly weight: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Collects what is wrong with entries of the registry. */
export interface Faults {
  add(fault: string): void;
}

// Nacos keeps one text for each key. All of them, where a key is repeated, stand here as a query string.
const repeatedKey = '_rpcxjs-repeated';
const heaviest = 10_000;
const longestValue = 65_536;

/** As rpcx-nacos writes it (serverplugin/nacos.go, Register): the metadata and `network` beside them. Throws TypeError for an address that Nacos cannot keep. */
export function nacosInstance({ address, metadata }: ServiceInstance, heartbeatMs: number): NacosInstance {
  const { network, host } = parseAddress(address);
  const { host: ip, port } = parsed(address, host);
  const texts = Object.entries(metadata).flatMap(([key, value]): [string, string][] => (typeof value === 'string' ? [[key, value]] : value.slice(0, 1).map((first) => [key, first])));
  const repeated = Object.entries(metadata).filter(([, value]) => typeof value !== 'string' && value.length > 1);
  const instance = serviceInstance(address, metadata);
  const more = {
    network,
    ...(repeated.length === 0 ? {} : { [repeatedKey]: formatMetadata(Object.fromEntries(repeated)) }),
    ...(heartbeatMs === 5000 ? {} : { 'preserved.heart.beat.interval': `${heartbeatMs}`, 'preserved.heart.beat.timeout': `${heartbeatMs * 3}`, 'preserved.ip.delete.timeout': `${heartbeatMs * 6}` }),
  };
  // One that is inactive stays in the list, so that rpcx clients see that it is; a weight of 0 keeps the others away.
  return { ip, port, weight: isActive(instance) ? Math.min(instanceWeight(instance), heaviest) : 0, metadata: Object.fromEntries([...texts, ...Object.entries(more)]) };
}

function parsed(address: string, host: string): { readonly host: string; readonly port: number } {
  try {
    const found = splitHostPort(host);
    if (found.host !== '' && found.port > 0) return found;
  } catch {
    // Said below.
  }
  throw new TypeError(`${address} cannot stand in Nacos, which keeps an ip and a port: listen on an address like tcp@192.0.2.1:8972, or advertise one`);
}

/** What a list says of one service, as Go clients see it, without those that an operator has disabled, and without the unhealthy ones as long as others are left. */
export function readHosts(hosts: readonly unknown[], faults: Faults): readonly ServiceInstance[] {
  const found = hosts.flatMap((host) => {
    if (typeof host !== 'object' || host === null) {
      faults.add(`${String(host).slice(0, 100)} is no instance`);
      return [];
    }
    const { enabled, valid, healthy = valid } = host as Record<string, unknown>; // anything may be in it
    const instance = enabled === false ? undefined : readHost(host as Record<string, unknown>, faults); // anything may be in it
    return instance === undefined ? [] : [{ instance, healthy: healthy !== false }];
  });
  const healthy = found.filter((one) => one.healthy);
  return (healthy.length > 0 ? healthy : found).map(({ instance }) => instance);
}

function readHost({ ip, port, metadata }: Record<string, unknown>, faults: Faults): ServiceInstance | undefined {
  const name = `${String(ip).slice(0, 100)}:${String(port).slice(0, 20)}`;
  try {
    if (typeof ip !== 'string' || !/^[^\s@/[\]]+$/.test(ip) || ip.length > 255) throw new TypeError('its ip is none');
    if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) throw new TypeError('its port is none');
    if (metadata !== undefined && metadata !== null && (typeof metadata !== 'object' || Array.isArray(metadata))) throw new TypeError('its metadata are no object');
    const entries: [string, unknown][] = Object.entries(metadata ?? {});
    if (entries.reduce((sum, [key, value]) => sum + key.length + String(value).length, 0) > longestValue) throw new TypeError(`its metadata have more than ${longestValue} characters`);
    const texts = Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
    if (Object.keys(texts).length !== entries.length) faults.add(`${name}: metadata that are no text`);
    const network = metadataValues(texts, 'network')[0] ?? '';
    if (!/^[\w.+-]*$/.test(network)) throw new TypeError(`its network is ${JSON.stringify(network.slice(0, 50))}`);
    const instance = serviceInstance(`${network === '' ? 'tcp' : network}@${ip.includes(':') ? `[${ip}]` : ip}:${port}`, readMetadata(texts));
    if (hasUsableWeight(instance)) return instance;
    const { weight, ...rest } = instance.metadata;
    faults.add(`${name}: its weight "${String(weight).slice(0, 100)}" is no whole number from 0 to 1 000 000`);
    return serviceInstance(instance.address, rest);
  } catch (error) {
    faults.add(`${name}: ${(error as Error).message.slice(0, 200)}`); // all of them are ours
    return undefined;
  }
}

function readMetadata(texts: Readonly<Record<string, string>>): InstanceMetadata {
  const repeated = parseMetadata(metadataValues(texts, repeatedKey)[0] ?? '') ?? {};
  return Object.fromEntries(Object.entries(texts).flatMap(([key, text]): [string, string | readonly string[]][] => {
    if (key === 'network' || key === repeatedKey || key.startsWith('preserved.')) return [];
    const all = metadataValues(repeated, key);
    return [[key, all[0] === text ? all : text]]; // else somebody has edited it
  }));
}
