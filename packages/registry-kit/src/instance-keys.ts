import { formatAddress, parseAddress, splitHostPort } from '@rpcxjs/core';
import { hasUsableWeight, serviceInstance } from '@rpcxjs/core/discoveries';
import type { ServiceInstance } from '@rpcxjs/core';
import { formatMetadata, parseMetadata } from './instance-metadata.ts';

/** The value of rpcx's base node (rpcx-etcd serverplugin/etcdv3.go, Start). */
export const baseValue = 'rpcx_path';

/** rpcx's layout of keys: base path, service path, and one key for each instance, whose name is its address. */
export class InstanceKeys {
  readonly base: string;

  /** `basePath` as Go has it, but for one slash at its end, which Go doubles: `/rpcx//` is what `/rpcx/` is there. */
  constructor(basePath: string) {
    this.base = basePath.endsWith('/') ? basePath.slice(0, -1) : basePath;
  }
  service(service: string): string {
    return `${this.base}/${service}`;
  }
  /** The prefix of the keys of all instances of a service. */
  prefix(service: string): string {
    return `${this.base}/${service}/`;
  }
  instance(service: string, address: string): string {
    return `${this.prefix(service)}${address}`;
  }
}

// A thousand times longer than the entry of any real server.
const longestValue = 65_536;

/** Collects what is wrong with entries of the registry. */
export interface Faults {
  add(fault: string): void;
}

/** The instance that one key stands for; undefined for what is none, which is said to `faults` unless it is the node of another service. */
export function readInstance(name: string, value: string, faults: Faults): ServiceInstance | undefined {
  const at = name.indexOf('@');
  // The keys of the service "a/b" begin with those of the service "a".
  if (name.slice(0, at < 0 ? undefined : at).includes('/') || (at < 0 && value.endsWith(`/${name}`))) return undefined;
  try {
    if (value.length > longestValue) throw new TypeError(`its value has ${value.length} characters`);
    const parsed = parseAddress(name);
    if (/^tcp[46]?$/.test(parsed.network)) splitHostPort(parsed.host);
    const metadata = parseMetadata(value);
    if (metadata === undefined) throw new TypeError(`"${value.slice(0, 100)}" is no query string`);
    const instance = serviceInstance(formatAddress(parsed), metadata);
    if (hasUsableWeight(instance)) return instance;
    const { weight, ...rest } = metadata;
    faults.add(`${name.slice(0, 100)}: its weight "${String(weight).slice(0, 100)}" is no whole number from 0 to 1 000 000`);
    return serviceInstance(instance.address, rest);
  } catch (error) {
    faults.add(`${name.slice(0, 100)}: ${(error as Error).message.slice(0, 200)}`);
    return undefined;
  }
}

/** Throws TypeError for an instance that every client would leave out. */
export function mustBeReadable({ address, metadata }: ServiceInstance): void {
  let why = 'no client reads its address';
  const add = (fault: string): void => void (why = fault);
  if (readInstance(address, formatMetadata(metadata), { add }) === undefined) throw new TypeError(`an instance that every client would leave out cannot be registered: ${why}`);
}
