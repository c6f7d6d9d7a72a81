import { formatAddress, parseAddress, RpcError, sleep, splitHostPort, type Address, type InstanceMetadata, type Registry, type Runtime } from '@rpcxjs/core';
import { checkNames, described } from '@rpcxjs/core/options';
import { Advertisement } from './advertisement.ts';

declare module '@rpcxjs/core' {
  interface Reasons {
    NOT_ADVERTISABLE: true;
  }
}

/** What the server's entries in its registries say. */
export interface AdvertiseOptions {
  /** The host by which clients reach this machine; the port stays that of `listen`. @default the host of `listen` */
  readonly host?: string | undefined;
  /** All that is advertised, where a gateway or a container has other ports, for example `['tcp@10.0.0.5:8972']`. @default what `listen` bound */
  readonly addresses?: readonly string[] | undefined;
  /** Metadata of every service: weight, group (may repeat), state and the like; that of `register` is added. @default none */
  readonly metadata?: InstanceMetadata | undefined;
}
/** Keys to set; undefined takes one away. */
export type MetadataChanges = Readonly<Record<string, string | readonly string[] | undefined>>;

// How long `listen` and `advertise` wait for registries that do not answer.
const firstAnswerMs = 1000;
const ratesMs = 1000;

/** What the server tells its registries: each service at each address, with metadata that may change. */
export class Advertising {
  readonly #options: AdvertiseOptions;
  readonly #registries: readonly Registry[];
  readonly #runtime: Runtime;
  readonly #counts: () => { readonly calls: number; readonly connections: number };
  readonly #services = new Map<string, InstanceMetadata>();
  /** Changes by `server.advertise`, by service; those for all services are under `undefined`. */
  readonly #changes = new Map<string | undefined, MetadataChanges>();
  readonly #advertisements = new Set<Advertisement>();
  readonly #sick = new Set<Registry>();
  /** Whether a warning about entries that could not be withdrawn was logged. */
  #leftBehind = false;
  #addresses: readonly string[] = [];
  #released = false;
  #sample = { at: -Infinity, calls: 0, connections: 0 };
  #rates = { calls: 0, connections: 0 };

  constructor(options: AdvertiseOptions, registries: readonly Registry[], runtime: Runtime, counts: () => { readonly calls: number; readonly connections: number }) {
    this.#options = options;
    this.#registries = registries;
    this.#runtime = runtime;
    this.#counts = counts;
    checkOptions(options);
    if (options.host !== undefined && isWildcard(options.host)) throw new TypeError(`advertise.host is "${options.host}", which no client can dial: name this machine as clients see it`);
    checkMetadata('advertise.metadata', options.metadata ?? {});
  }

  /** How many entries registries hold. */
  get live(): number {
    let live = 0;
    for (const advertisement of this.#advertisements) if (advertisement.live) live += 1;
    return live;
  }

  /** Throws RpcError NOT_ADVERTISABLE, before anything is opened, for an address that means every interface. */
  check(texts: readonly string[]): void {
    if (this.#registries.length === 0 || this.#options.addresses !== undefined) return;
    for (const text of texts) this.#dialable(parseAddress(text));
  }

  /** Settles when each registry was asked, a second later at most. */
  async listening(bound: readonly string[]): Promise<void> {
    if (this.#registries.length === 0 || bound.length === 0) return;
    const { addresses } = this.#options;
    const all = addresses === undefined ? bound.map((text) => formatAddress(this.#dialable(parseAddress(text)))) : addresses.map((text) => formatAddress(parseAddress(text)));
    const added = all.filter((address) => !this.#addresses.includes(address));
    this.#addresses = [...this.#addresses, ...added];
    for (const service of this.#services.keys()) this.#add(service, added);
    await this.#patiently(Promise.all([...this.#advertisements].map((one) => one.attempted())));
  }

  /** `metadata` undefined keeps what is known. Throws TypeError. */
  add(service: string, metadata: InstanceMetadata | undefined): void {
    checkMetadata('metadata', metadata ?? {});
    const known = this.#services.get(service);
    this.#services.set(service, metadata ?? known ?? {});
    if (this.#released) return;
    if (known === undefined) this.#add(service, this.#addresses);
    else if (metadata !== undefined) void this.#publish(service);
  }
  remove(service: string): void {
    this.#services.delete(service);
    this.#changes.delete(service);
    for (const one of this.#advertisements) {
      if (one.service !== service) continue;
      this.#advertisements.delete(one);
      void one.release();
    }
  }

  /** Of all services, or of one. Settles when each registry was asked, a second later at most. Throws TypeError. */
  change(changes: MetadataChanges, service?: string): Promise<void> {
    checkMetadata('advertise()', changes);
    if (service !== undefined && !this.#services.has(service)) throw new TypeError(`advertise(): the service "${service}" is not registered`);
    this.#changes.set(service, { ...this.#changes.get(service), ...changes });
    return this.#patiently(this.#publish(service));
  }
  /** Sets the state to inactive, so that clients take other servers. */
  withdraw(): Promise<void> {
    for (const service of [undefined, ...this.#services.keys()]) this.#changes.set(service, { ...this.#changes.get(service), state: 'inactive' });
    return this.#publish(undefined);
  }
  /** Never rejects. */
  async release(): Promise<void> {
    this.#released = true;
    const all = [...this.#advertisements];
    this.#advertisements.clear();
    await Promise.all(all.map((one) => one.release()));
  }

  /** Waits a second at most: a registry that does not answer gets its entries when it does. */
  async #patiently(work: Promise<unknown>): Promise<void> {
    const timer = new AbortController();
    await Promise.race([work, sleep(this.#runtime.clock, firstAnswerMs, timer.signal).catch(() => {})]);
    timer.abort();
  }

  async #publish(service: string | undefined): Promise<void> {
    const concerned = [...this.#advertisements].filter((one) => service === undefined || one.service === service);
    await Promise.all(concerned.map((one) => one.update(this.#metadata(one.service))));
  }

  #add(service: string, addresses: readonly string[]): void {
    for (const registry of this.#registries) {
      for (const address of addresses) {
        this.#advertisements.add(
          new Advertisement({ registry, service, address, metadata: this.#metadata(service), runtime: this.#runtime, rates: () => this.#currentRates(), report: this.#report, stayed: this.#stayedBehind }),
        );
      }
    }
  }

  #metadata(service: string): InstanceMetadata {
    const merged = { ...this.#options.metadata, ...this.#services.get(service), ...this.#changes.get(undefined), ...this.#changes.get(service) };
    return Object.fromEntries(Object.entries(merged).filter((entry): entry is [string, string | readonly string[]] => entry[1] !== undefined));
  }

  /** Logs one line for each registry and each time that it is down, however many services it should have. */
  readonly #report = (registry: Registry, error: unknown): void => {
    if (error === undefined) this.#sick.delete(registry);
    if (error === undefined || this.#sick.has(registry)) return;
    this.#sick.add(registry);
    this.#runtime.logger.warn({ err: error }, 'a registry did not take what this server advertises; the server goes on, and tries again until it does');
  };

  readonly #stayedBehind = (error: unknown): void => {
    // Closing a registry withdraws all its entries.
    if (this.#leftBehind || (RpcError.is(error) && error.reason === 'CLOSED')) return;
    this.#leftBehind = true;
    this.#runtime.logger.warn({ err: error }, 'a registry was not told that services of this server have ended; what stands there goes when its time is over');
  };

  /** Averages over the last second or more, the same for all services, as in rpcx. */
  #currentRates(): { readonly calls: number; readonly connections: number } {
    const at = this.#runtime.clock.now();
    const seconds = (at - this.#sample.at) / 1000;
    if (seconds * 1000 < ratesMs) return this.#rates;
    const { calls, connections } = this.#counts();
    if (seconds !== Infinity) this.#rates = { calls: (calls - this.#sample.calls) / seconds, connections: (connections - this.#sample.connections) / seconds };
    this.#sample = { at, calls, connections };
    return this.#rates;
  }

  #dialable(address: Address): Address {
    const { host } = this.#options;
    const parts = hostAndPort(address);
    if (host !== undefined && parts !== undefined) return { network: address.network, host: `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${parts.port}` };
    checkDialable(address);
    return address;
  }
}

// A host name, an IPv4 address, or an IPv6 address with or without brackets.
const bareHost = /^(?:[^\s:/@[\]]+|\[[\da-fA-F:.]+(?:%[^\s\]]+)?\]|[\da-fA-F.]*:[\da-fA-F.]*:[\da-fA-F:.]*(?:%[^\s\]]+)?)$/;

/** Throws TypeError, and RpcError NOT_ADVERTISABLE. */
function checkOptions(options: AdvertiseOptions): void {
  checkNames('advertise', options, { host: true, addresses: true, metadata: true } satisfies Record<keyof AdvertiseOptions, true>);
  const { addresses = [], host } = options;
  if (host !== undefined && (typeof host !== 'string' || host === '')) throw new TypeError(`advertise.host is ${described(host)}: it takes the name or address by which clients reach this machine`);
  if (host !== undefined && !bareHost.test(host)) throw new TypeError(`advertise.host is ${described(host)}: it takes a name or an address alone, for example 'orders.internal'; the port stays that of listen, advertise.addresses names others`);
  if (!Array.isArray(addresses) || !addresses.every((address: unknown) => typeof address === 'string')) throw new TypeError("advertise.addresses takes a list of addresses, for example ['tcp@10.0.0.5:8972']");
  for (const text of addresses as readonly string[]) {
    const address = parseAddress(text);
    // Without a port nobody could dial it.
    if (/^tcp[46]?$/.test(address.network)) splitHostPort(address.host);
    checkDialable(address);
  }
}

function checkDialable(address: Address): void {
  const parts = hostAndPort(address);
  if (parts === undefined || !isWildcard(parts.host)) return;
  const message = `${formatAddress(address)} means every interface of this machine and cannot be advertised: pass advertise: { host } with the name or address by which clients reach it`;
  throw new RpcError('failed_precondition', message, { reason: 'NOT_ADVERTISABLE', address: formatAddress(address) });
}

/** Undefined for an address without a port, such as a socket file. */
function hostAndPort({ host }: Address): { readonly host: string; readonly port: number } | undefined {
  try {
    return splitHostPort(host);
  } catch {
    return undefined;
  }
}

function isWildcard(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return bare === '' || bare === '*' || /^0+(\.0+){0,3}$/.test(bare) || (bare.includes(':') && /^[0:]+$/.test(bare)) || /^::ffff:0+\.0+\.0+\.0+$/i.test(bare);
}

function checkMetadata(what: string, metadata: MetadataChanges): void {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) throw new TypeError(`${what} takes an object of texts, for example { weight: '3', group: ['a', 'b'] }`);
  for (const [key, value] of Object.entries(metadata)) {
    const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (value !== undefined && !texts.every((text) => typeof text === 'string')) throw new TypeError(`${what}: "${key}" is no text and no list of texts; write numbers as texts`);
  }
}
