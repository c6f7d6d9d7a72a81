import type { Discovery, Lease, Registration, Registry, Runtime, ServiceInstance, Timer, WatchOptions } from '@rpcxjs/core';
import { silentLogger, systemClock } from '@rpcxjs/core';
import { instanceFeed, serviceInstance } from '@rpcxjs/core/discoveries';
import { Announcer } from './announcer.ts';
import { Browser } from './browser.ts';
import { resolveMdnsOptions, type MdnsOptions, type ResolvedMdnsOptions } from './mdns-options.ts';
import type { DnsMessage } from './multicast-link.ts';
import { MulticastWire } from './multicast-wire.ts';

/** A registry and a discovery in one value: what servers register with it, clients on the same network find, Go ones too. */
export interface MdnsRegistry extends Registry, Discovery {}

/**
 * A registry without any server: services announce themselves on the local network by multicast DNS, as rpcx does (serverplugin/mdns.go, client/mdns_discovery.go). Its
 * sockets are opened on first use, shared by all services and looked after: an interface that fails is tried again, and everything is said and asked anew.
 *
 * A first use rejects with RpcError `REGISTRY_UNREACHABLE` when no interface can be used. Throws TypeError for invalid options.
 */
export function mdns(options?: MdnsOptions): MdnsRegistry {
  return new MulticastRegistry(resolveMdnsOptions(options));
}

const checkMs = 5000;
const longestGoodbyeMs = 1000;

class MulticastRegistry implements MdnsRegistry {
  readonly #wire: MulticastWire;
  readonly #announcer: Announcer;
  readonly #browser: Browser;
  /** The runtime of its first user, until there is none. */
  #runtime: Runtime = { clock: systemClock, logger: silentLogger };
  #users = 0;
  #check: Timer | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedMdnsOptions) {
    const runtime = (): Runtime => this.#runtime;
    this.#wire = new MulticastWire({ interfaces: options.interfaces, port: options.port, runtime, heard: (message) => this.#heard(message), reopened: () => {
      this.#announcer.announceAll();
      this.#browser.askAgain();
    } });
    this.#announcer = new Announcer({ options, wire: this.#wire, runtime });
    this.#browser = new Browser({ options, wire: this.#wire, runtime });
  }

  async register(registration: Registration, { signal, runtime }: WatchOptions): Promise<Lease> {
    const { service, instance } = registration;
    if (typeof service !== 'string' || service === '') throw new TypeError('a registration needs the name of its service');
    const checked = serviceInstance(instance.address, instance.metadata);
    const what = `register "${service}" at ${checked.address}`;
    this.#wire.mustBeOpen(what);
    signal?.throwIfAborted();
    const leave = this.#use(runtime);
    try {
      await this.#wire.open(what);
      signal?.throwIfAborted();
      return guarded(await this.#announcer.register(registration, checked, leave), () => this.#wire.mustBeOpen(`update "${service}" at ${checked.address}`));
    } catch (error) {
      leave();
      throw error;
    }
  }

  watch(service: string, { signal, runtime }: WatchOptions): AsyncIterable<readonly ServiceInstance[]> {
    return instanceFeed(signal, (feed) => {
      const what = `watch "${service}"`;
      this.#wire.mustBeOpen(what);
      const leave = this.#use(runtime);
      let left = false;
      let remove = (): void => {};
      this.#wire.open(what).then(() => {
        if (!left) remove = this.#browser.add(feed, service);
      }).catch((error: unknown) => feed.fail(error));
      return () => {
        left = true;
        remove();
        leave();
      };
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#check?.cancel();
    this.#users = Number.NEGATIVE_INFINITY;
    this.#browser.close();
    const { clock } = this.#runtime;
    let timer: Timer | undefined;
    // A socket that the operating system does not drain must not hold up closing.
    await Promise.race([this.#announcer.close(), new Promise<void>((resolve) => (timer = clock.setTimer(resolve, longestGoodbyeMs)))]);
    timer?.cancel();
    await this.#wire.close();
  }

  #heard(message: DnsMessage): void {
    if (message.type === 'query') {
      this.#announcer.heardQuery(message);
      return;
    }
    for (const record of message.answers ?? []) if (record.ttl === 0) this.#announcer.heardGoodbye(record);
    this.#browser.heard(message);
  }

  /** Counts a user; while there are any, the sockets are looked after. Returns a function that takes the user off, once. */
  #use(runtime: Runtime): () => void {
    if (this.#users === 0) this.#runtime = runtime;
    if (this.#users++ === 0) this.#lookAfter();
    let over = false;
    return () => {
      if (over) return;
      over = true;
      if (--this.#users === 0) this.#check?.cancel();
    };
  }

  #lookAfter(): void {
    const { clock } = this.#runtime;
    this.#check = clock.setTimer(() => {
      void this.#wire.check();
      this.#lookAfter();
    }, checkMs * (0.8 + 0.4 * clock.random()));
  }
}

/** After the registry was closed it says so, whatever has become of the lease. */
function guarded(lease: Lease, mustBeOpen: () => void): Lease {
  const release = (): Promise<void> => lease.release();
  return {
    async update(metadata) {
      mustBeOpen();
      await lease.update(metadata);
    },
    release,
    [Symbol.asyncDispose]: release,
  };
}
