import { RpcError, type InstanceMetadata, type Lease, type Registration, type Runtime, type ServiceInstance, type Timer } from '@rpcxjs/core';
import { serviceInstance } from '@rpcxjs/core/discoveries';
import { messageSize, portOf, recordName, responses, type Announcement } from './announcement.ts';
import type { ResolvedMdnsOptions } from './mdns-options.ts';
import type { DnsMessage, DnsRecord } from './multicast-link.ts';
import type { MulticastWire } from './multicast-wire.ts';
import { formatText, longestString, splitText } from './service-text.ts';

export interface AnnouncerInit {
  readonly options: ResolvedMdnsOptions;
  readonly wire: MulticastWire;
  readonly runtime: () => Runtime;
}

interface Posted {
  readonly name: string;
  readonly service: string;
  readonly address: string;
  /** The leases of the entry, the newest last. */
  readonly leases: AnnouncedLease[];
}

/** RFC 6762 §8.3: the second announcement comes a second after the first. */
const repeatMs = 1000;
/** RFC 6762 §6: answers of several machines to one question do not collide. */
const [shortestAnswerMs, longestAnswerMs] = [20, 120];
/** More datagrams at once would overflow the buffers of listeners. */
const mostAtOnce = 32;
/** The longest UDP datagram, less what comes before the text. */
const longestRecord = 65_000;

/** Announces what is registered here: at once, again a second later, to everybody who asks, and from time to time. */
export class Announcer {
  readonly #init: AnnouncerInit;
  readonly #posted = new Map<string, Posted>();
  readonly #repeated = new Set<string>();
  readonly #asked = new Set<string>();
  #repeat: Timer | undefined;
  #answer: Timer | undefined;
  #refresh: Timer | undefined;
  #warned = false;

  constructor(init: AnnouncerInit) {
    this.#init = init;
  }

  async register({ service, rates }: Registration, instance: ServiceInstance, ended: () => void): Promise<Lease> {
    const { address } = instance;
    this.#mustFit(service, address, instance.metadata);
    const name = recordName(this.#init.options, service, address);
    const posted = this.#posted.get(name) ?? { name, service, address, leases: [] };
    const lease: AnnouncedLease = new AnnouncedLease(instance.metadata, rates, {
      update: (metadata) => this.#update(posted, lease, metadata),
      release: () => this.#release(posted, lease, ended),
    });
    this.#posted.set(name, posted);
    posted.leases.push(lease);
    this.#keepRefreshing();
    try {
      await this.#announce([posted]);
    } catch (error) {
      await lease.release();
      throw error;
    }
    return lease;
  }

  /** Answers a query, after a short random pause. */
  heardQuery({ questions = [], answers = [] }: DnsMessage): void {
    const { serviceName, ttlMs } = this.#init.options;
    const known = new Set(answers.filter(({ type, ttl = 0 }) => type === 'PTR' && ttl >= ttlMs / 2000).map(({ data }) => lower(data)));
    for (const { name, type } of questions) {
      const asked = lower(name);
      for (const posted of this.#posted.values()) {
        const all = asked === serviceName.toLowerCase() && (type === 'PTR' || type === 'ANY') && !known.has(posted.name.toLowerCase());
        const one = asked === posted.name.toLowerCase() && ['SRV', 'TXT', 'ANY'].includes(type);
        if (all || one) this.#asked.add(posted.name);
      }
    }
    this.#answerSoon();
  }

  /** Another process with the same service at the same address has left: this one has not. */
  heardGoodbye({ type, name, data }: DnsRecord): void {
    const gone = lower(type === 'PTR' ? data : name);
    for (const posted of this.#posted.values()) if (posted.name.toLowerCase() === gone) this.#asked.add(posted.name);
    this.#answerSoon();
  }

  announceAll(): void {
    this.#sayQuietly([...this.#posted.values()]);
  }

  /** Says goodbye for all, and ends. */
  async close(): Promise<void> {
    const all = [...this.#posted.values()];
    this.#posted.clear();
    this.#rest();
    if (all.length > 0) await this.#sayGoodbye(all);
  }

  async #update(posted: Posted, lease: AnnouncedLease, metadata: InstanceMetadata): Promise<void> {
    const checked = serviceInstance(posted.address, metadata);
    this.#mustFit(posted.service, posted.address, checked.metadata);
    lease.metadata = checked.metadata;
    if (lease === posted.leases.at(-1)) await this.#announce([posted]);
  }

  async #release(posted: Posted, lease: AnnouncedLease, ended: () => void): Promise<void> {
    const { leases, name } = posted;
    leases.splice(leases.indexOf(lease), 1);
    ended();
    if (this.#posted.get(name) !== posted) return;
    if (leases.length > 0) {
      await this.#announce([posted]);
      return;
    }
    this.#posted.delete(name);
    if (this.#posted.size === 0) this.#rest();
    await this.#sayGoodbye([posted]);
  }

  async #announce(posted: readonly Posted[]): Promise<void> {
    for (const { name } of posted) this.#repeated.add(name);
    this.#repeat ??= this.#init.runtime().clock.setTimer(() => {
      this.#repeat = undefined;
      this.#sayQuietly(this.#taken(this.#repeated));
    }, repeatMs);
    await this.#say(posted);
  }

  #answerSoon(): void {
    if (this.#asked.size === 0 || this.#answer !== undefined) return;
    const { clock } = this.#init.runtime();
    this.#answer = clock.setTimer(() => {
      this.#answer = undefined;
      this.#sayQuietly(this.#taken(this.#asked));
    }, shortestAnswerMs + (longestAnswerMs - shortestAnswerMs) * clock.random());
  }

  #taken(names: Set<string>): readonly Posted[] {
    const found = [...names].map((name) => this.#posted.get(name)).filter((posted) => posted !== undefined);
    names.clear();
    return found;
  }

  async #say(posted: readonly Posted[]): Promise<void> {
    const { options, wire } = this.#init;
    for (let begin = 0; begin < posted.length; begin += mostAtOnce) {
      // Checked again now: an entry that has left in the meantime has said goodbye already.
      const said = posted.slice(begin, begin + mostAtOnce).filter(({ leases }) => leases.length > 0).map((one) => this.#announcementOf(one));
      if (said.length > 0) await wire.send(`announce "${posted[0]?.service ?? ''}" at ${posted[0]?.address ?? ''}`, (address) => responses(said, address, Math.round(options.ttlMs / 1000), options));
    }
  }

  /** The wire has logged what is wrong, and tells when to try again. */
  #sayQuietly(posted: readonly Posted[]): void {
    this.#say(posted).catch(() => {});
  }

  /** Says goodbye twice, because a lost goodbye is not asked for: without it others forget the service only when its TTL is over. */
  async #sayGoodbye(posted: readonly Posted[]): Promise<void> {
    const { options, wire } = this.#init;
    const gone = posted.map(({ name, service, address }) => ({ name, port: portOf(address), strings: splitText(formatText(service, address, {})) }));
    for (let times = 0; times < 2; times++) await wire.send('say goodbye', (address) => responses(gone, address, 0, options)).catch(() => {});
  }

  #announcementOf({ name, service, address, leases }: Posted): Announcement {
    const lease = leases.at(-1);
    const rates = this.#init.options.publishRates ? lease?.rates?.() : undefined;
    const metadata = lease?.metadata ?? {};
    const text = formatText(service, address, rates === undefined ? metadata : { ...metadata, calls: rates.calls.toFixed(2), connections: rates.connections.toFixed(2) });
    const announcement = { name, port: portOf(address), strings: splitText(text) };
    if (text.length > longestString && !this.#warned) {
      this.#warned = true;
      this.#init.runtime().logger.warn({ service, address, bytes: text.length }, `mDNS: what "${service}" at ${address} says takes ${text.length} bytes; Go clients read the first ${longestString} only and do not find it: shorten its metadata`);
    }
    return announcement;
  }

  #mustFit(service: string, address: string, metadata: InstanceMetadata): void {
    const size = messageSize({ name: recordName(this.#init.options, service, address), port: 0, strings: splitText(formatText(service, address, metadata)) }, this.#init.options);
    if (size > longestRecord) throw new RpcError('resource_exhausted', `mDNS cannot announce "${service.slice(0, 100)}" at ${address}: it takes ${size} bytes, a message carries ${longestRecord}; shorten its metadata`, { reason: 'TOO_LARGE', sent: false });
  }

  #keepRefreshing(): void {
    const { runtime, options } = this.#init;
    const { clock } = runtime();
    this.#refresh ??= clock.setTimer(() => {
      this.#refresh = undefined;
      this.announceAll();
      this.#keepRefreshing();
    }, options.refreshMs * (0.8 + 0.2 * clock.random()));
  }

  #rest(): void {
    for (const timer of [this.#repeat, this.#answer, this.#refresh]) timer?.cancel();
    this.#repeat = this.#answer = this.#refresh = undefined;
    this.#repeated.clear();
    this.#asked.clear();
  }
}

/** Two states: held, released. */
class AnnouncedLease implements Lease {
  metadata: InstanceMetadata;
  readonly rates: Registration['rates'];
  readonly #owner: { update(metadata: InstanceMetadata): Promise<void>; release(): Promise<void> };
  #released: Promise<void> | undefined;

  constructor(metadata: InstanceMetadata, rates: Registration['rates'], owner: { update(metadata: InstanceMetadata): Promise<void>; release(): Promise<void> }) {
    this.metadata = metadata;
    this.rates = rates;
    this.#owner = owner;
  }
  async update(metadata: InstanceMetadata): Promise<void> {
    if (this.#released !== undefined) throw new RpcError('failed_precondition', 'a registration that was released cannot be updated: register it again', { reason: 'CLOSED', sent: false });
    await this.#owner.update(metadata);
  }
  release(): Promise<void> {
    this.#released ??= this.#owner.release();
    return this.#released;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

function lower(text: unknown): string {
  return typeof text === 'string' ? text.toLowerCase() : '';
}
