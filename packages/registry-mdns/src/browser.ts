import type { Runtime, ServiceInstance, Timer } from '@rpcxjs/core';
import { sortedInstances, type InstanceFeed } from '@rpcxjs/core/discoveries';
import type { ResolvedMdnsOptions } from './mdns-options.ts';
import type { DnsMessage, DnsRecord } from './multicast-link.ts';
import type { MulticastWire } from './multicast-wire.ts';
import { readText, type AnnouncedService } from './service-text.ts';

export interface BrowserInit {
  readonly options: ResolvedMdnsOptions;
  readonly wire: MulticastWire;
  readonly runtime: () => Runtime;
}

/** What was heard from one server, under one name. */
interface Heard {
  readonly name: string;
  readonly text: Buffer;
  readonly services: readonly AnnouncedService[];
  ttlMs: number;
  expiresAt: number;
}
/** A reader; `first` is the timer until it gets its first list. */
interface Watcher {
  readonly service: string;
  first: Timer | undefined;
}

// 200 services on 20 machines are 4000.
const mostRecords = 10_000;
const mostBytes = 16 * 1024 * 1024;
const longestTtlS = 86_400;
/** After the first answer, those of other machines are waited for so long. */
const gatheringMs = 200;
const firstQueryMs = 1000;
/** Somebody else with the same name may say within 120 ms that it is there; RFC 6762 §10.1 gives a second. */
const goodbyeMs = 250;

/** Asks who is there, and remembers what was answered for as long as it holds. All services have one type, so one browser serves all watchers. */
export class Browser {
  readonly #init: BrowserInit;
  readonly #watchers = new Map<InstanceFeed, Watcher>();
  readonly #records = new Map<string, Heard>();
  readonly #byName = new Map<string, Set<string>>();
  readonly #byService = new Map<string, Map<string, AnnouncedService>>();
  readonly #touched = new Set<string>();
  readonly #warned = new Set<string>();
  readonly #suffix: string;
  #bytes = 0;
  #since = 0;
  #queryMs = firstQueryMs;
  #query: Timer | undefined;
  #sweep: Timer | undefined;
  #sweepAt = Infinity;

  constructor(init: BrowserInit) {
    this.#init = init;
    this.#suffix = `.${init.options.serviceName.toLowerCase()}`;
  }

  /** Returns a function that takes it away. */
  add(feed: InstanceFeed, service: string): () => void {
    const { clock } = this.#init.runtime();
    if (this.#watchers.size === 0) {
      this.#since = clock.now();
      this.#queryMs = firstQueryMs;
      this.#ask();
    }
    const watcher: Watcher = { service, first: undefined };
    this.#watchers.set(feed, watcher);
    const leftMs = this.#since + this.#init.options.firstListMs - clock.now();
    if (leftMs <= 0) feed.push(this.#list(service));
    else this.#wait(feed, watcher, this.#byService.has(service) ? Math.min(leftMs, gatheringMs) : leftMs);
    return () => {
      watcher.first?.cancel();
      this.#watchers.delete(feed);
      if (this.#watchers.size === 0) this.#rest();
    };
  }

  heard({ answers = [], additionals = [] }: DnsMessage): void {
    if (this.#watchers.size === 0) return;
    const records = [...answers, ...additionals];
    const spoken = new Set<string>();
    for (const record of records) {
      const name = lower(record.name);
      if (record.type !== 'TXT' || !name.endsWith(this.#suffix)) continue;
      spoken.add(name);
      this.#heardText(name, record);
    }
    for (const { type, ttl = 0, name, data } of records) {
      if (ttl !== 0 || (type !== 'PTR' && type !== 'SRV')) continue;
      const gone = lower(type === 'PTR' ? data : name);
      if (!spoken.has(gone)) this.#forgetName(gone);
    }
    this.#tell();
  }

  /** Asks at once, and soon again. */
  askAgain(): void {
    if (this.#watchers.size === 0) return;
    this.#queryMs = firstQueryMs;
    this.#ask();
  }

  close(): void {
    for (const feed of this.#watchers.keys()) feed.end();
  }

  #heardText(name: string, record: DnsRecord): void {
    const { clock } = this.#init.runtime();
    const strings = Array.isArray(record.data) ? record.data.filter((part) => part instanceof Uint8Array) : [];
    const text = Buffer.concat(strings);
    const ttlMs = Math.min(typeof record.ttl === 'number' ? record.ttl : 0, longestTtlS) * 1000;
    const known = [...(this.#byName.get(name) ?? [])].map((key) => this.#records.get(key)).find((heard) => heard?.text.equals(text));
    if (known !== undefined && ttlMs > 0) {
      known.ttlMs = ttlMs;
      known.expiresAt = clock.now() + ttlMs;
      this.#sweepBy(known.expiresAt);
      return;
    }
    const services = readText(strings, { add: (fault) => this.#warnOnce('text', `mDNS: what "${name.slice(0, 100)}" says cannot be used, the rest is: ${fault}`) });
    const first = services?.[0]?.instance.address;
    // Two Go servers on one machine have the same name; what they say tells them apart.
    if (first !== undefined && ttlMs > 0) this.#remember(`${name}\n${first}`, { name, text, services: services ?? [], ttlMs, expiresAt: clock.now() + ttlMs });
    else if (first !== undefined) this.#forget(`${name}\n${first}`);
    else if (services?.length === 0 || ttlMs === 0) this.#forgetName(name);
  }

  #remember(key: string, heard: Heard): void {
    const before = this.#records.get(key);
    const bytes = this.#bytes - (before?.text.length ?? 0) + heard.text.length;
    if ((before === undefined && this.#records.size >= mostRecords) || bytes > mostBytes) {
      this.#warnOnce('many', `mDNS: more than ${mostRecords} records, or ${mostBytes} bytes of them: those that come now are left out; is somebody flooding this network?`);
      return;
    }
    if (before !== undefined) this.#drop(key, before);
    this.#bytes += heard.text.length;
    this.#records.set(key, heard);
    const names = this.#byName.get(heard.name) ?? new Set();
    this.#byName.set(heard.name, names.add(key));
    for (const one of heard.services) {
      const offers = this.#byService.get(one.service) ?? new Map<string, AnnouncedService>();
      this.#byService.set(one.service, offers.set(`${key}\n${one.instance.address}`, one));
      this.#touched.add(one.service);
    }
    this.#sweepBy(heard.expiresAt);
  }

  #forgetName(name: string): void {
    for (const key of this.#byName.get(name) ?? []) this.#forget(key);
  }

  #forget(key: string): void {
    const heard = this.#records.get(key);
    if (heard === undefined) return;
    heard.expiresAt = Math.min(heard.expiresAt, this.#init.runtime().clock.now() + goodbyeMs);
    this.#sweepBy(heard.expiresAt);
  }

  #drop(key: string, heard: Heard): void {
    this.#records.delete(key);
    this.#bytes -= heard.text.length;
    const names = this.#byName.get(heard.name);
    names?.delete(key);
    if (names?.size === 0) this.#byName.delete(heard.name);
    for (const { service, instance } of heard.services) {
      const offers = this.#byService.get(service);
      offers?.delete(`${key}\n${instance.address}`);
      if (offers?.size === 0) this.#byService.delete(service);
      this.#touched.add(service);
    }
  }

  /** The instances of a service; for each address what was heard last counts. */
  #list(service: string): readonly ServiceInstance[] {
    const newestFirst = [...(this.#byService.get(service)?.values() ?? [])].reverse();
    return Object.freeze(sortedInstances(newestFirst.map(({ instance }) => instance)));
  }

  #tell(): void {
    if (this.#touched.size === 0) return;
    const { clock } = this.#init.runtime();
    const soonMs = Math.min(gatheringMs, this.#since + this.#init.options.firstListMs - clock.now());
    for (const [feed, watcher] of this.#watchers) {
      if (!this.#touched.has(watcher.service)) continue;
      if (watcher.first === undefined) feed.push(this.#list(watcher.service));
      else this.#wait(feed, watcher, soonMs);
    }
    this.#touched.clear();
  }

  #wait(feed: InstanceFeed, watcher: Watcher, delayMs: number): void {
    watcher.first?.cancel();
    watcher.first = this.#init.runtime().clock.setTimer(() => {
      watcher.first = undefined;
      feed.push(this.#list(watcher.service));
    }, Math.max(0, delayMs));
  }

  #ask(): void {
    this.#query?.cancel();
    const { options, runtime, wire } = this.#init;
    const { clock } = runtime();
    // Without what is known already: whoever is asked says all of it, so that a change that was lost is heard now.
    wire.send('ask who is there', () => [{ type: 'query', questions: [{ name: options.serviceName, type: 'PTR' }] }]).catch(() => {}); // the wire has said it, and is repaired
    const shortestTtlMs = Math.min(...[...this.#records.values()].slice(0, 1000).map(({ ttlMs }) => ttlMs), Infinity);
    const delayMs = Math.min(this.#queryMs, Math.max(firstQueryMs, 0.4 * shortestTtlMs), options.queryMs);
    this.#queryMs = Math.min(this.#queryMs * 3, options.queryMs);
    this.#query = clock.setTimer(() => this.#ask(), delayMs * (0.8 + 0.4 * clock.random()));
  }

  #sweepBy(at: number): void {
    if (at >= this.#sweepAt) return;
    this.#sweep?.cancel();
    this.#sweepAt = at;
    const { clock } = this.#init.runtime();
    this.#sweep = clock.setTimer(() => this.#sweepNow(), Math.max(0, at - clock.now()));
  }

  #sweepNow(): void {
    this.#sweepAt = Infinity;
    const now = this.#init.runtime().clock.now();
    let next = Infinity;
    for (const [key, heard] of this.#records) {
      if (heard.expiresAt <= now) this.#drop(key, heard);
      else next = Math.min(next, heard.expiresAt);
    }
    this.#tell();
    if (next < Infinity) this.#sweepBy(next);
  }

  #warnOnce(kind: string, message: string): void {
    if (this.#warned.has(kind)) return;
    this.#warned.add(kind);
    this.#init.runtime().logger.warn({}, message);
  }

  /** There are no readers: forgets everything, because changes are no longer heard. */
  #rest(): void {
    this.#query?.cancel();
    this.#sweep?.cancel();
    this.#sweepAt = Infinity;
    for (const content of [this.#records, this.#byName, this.#byService, this.#touched]) content.clear();
    this.#bytes = 0;
  }
}

function lower(text: unknown): string {
  return typeof text === 'string' ? text.toLowerCase() : '';
}
