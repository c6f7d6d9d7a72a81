import { networkInterfaces } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { RpcError, thrownText, type Runtime } from '@rpcxjs/core';
import { registryError } from '@rpcxjs/registry-kit';
import { MulticastLink, type DnsMessage } from './multicast-link.ts';

export interface MulticastWireInit {
  /** Empty for all interfaces. */
  readonly interfaces: readonly string[];
  readonly port: number;
  readonly runtime: () => Runtime;
  readonly heard: (message: DnsMessage) => void;
  /** Called when a link is new or was opened again: peers behind it have heard nothing yet. */
  readonly reopened: () => void;
}

/** All links together: opened on first use, and looked after while somebody uses them. */
export class MulticastWire {
  readonly #init: MulticastWireInit;
  readonly #links = new Map<string, MulticastLink>();
  readonly #told = new Set<string>();
  #looking: Promise<void> | undefined;
  #failure: unknown;
  #closed = false;

  constructor(init: MulticastWireInit) {
    this.#init = init;
  }

  get closed(): boolean {
    return this.#closed;
  }

  mustBeOpen(what: string): void {
    if (this.#closed) throw new RpcError('failed_precondition', `the mDNS registry cannot ${what}: it was closed; make a new one, or close it later`, { reason: 'CLOSED', sent: false });
  }

  /** Rejects when not a single interface can be used. */
  async open(what: string): Promise<void> {
    if (this.#links.size === 0) await this.#look();
    this.mustBeOpen(what);
    if (this.#links.size === 0) throw this.#error(what, this.#failure);
  }

  /** Opens links to new interfaces and closes those of interfaces that are gone. Never rejects. */
  async check(): Promise<void> {
    if (this.#closed) return;
    const before = new Set(this.#links.values());
    await this.#look();
    if ([...this.#links.values()].some((link) => !before.has(link))) this.#init.reopened();
  }

  /** Sends on every link the messages that `make` gives for it; rejects when none could be sent. */
  async send(what: string, make: (address: string) => readonly DnsMessage[]): Promise<void> {
    let failure: unknown = this.#failure;
    const sent = await Promise.all([...this.#links.values()].map(async (link) => {
      try {
        // All in one go, so that later messages come later.
        await Promise.all(make(link.address).map((message) => link.send(message)));
        return true;
      } catch (error) {
        failure = error;
        this.#broken(link, error);
        return false;
      }
    }));
    // A datagram is sent in no time: a loop of them would fill the buffers of this very process before it reads one.
    await turn();
    if (!this.#closed && !sent.includes(true)) throw this.#error(what, failure);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const links = [...this.#links.values()];
    this.#links.clear();
    await Promise.all([this.#looking, ...links.map((link) => link.close())]);
  }

  #look(): Promise<void> {
    this.#looking ??= this.#openMissing().finally(() => void (this.#looking = undefined));
    return this.#looking;
  }

  async #openMissing(): Promise<void> {
    const wanted = this.#init.interfaces.length > 0 ? this.#init.interfaces : ownAddresses();
    for (const [address, link] of this.#links) {
      if (wanted.includes(address)) continue;
      this.#links.delete(address);
      void link.close();
    }
    await Promise.all(wanted.filter((address) => !this.#links.has(address)).map((address) => this.#openLink(address)));
  }

  async #openLink(address: string): Promise<void> {
    try {
      const link = await MulticastLink.open({ address, port: this.#init.port, heard: (message, from) => this.#heard(message, from), broken: (broken, error) => this.#broken(broken, error) });
      if (this.#closed) await link.close();
      else this.#links.set(address, link);
      this.#told.delete(address);
    } catch (error) {
      this.#failed(address, error);
    }
  }

  #heard(message: DnsMessage, from: string): void {
    const { interfaces, heard, runtime } = this.#init;
    // A socket bound to every address hears all groups of this machine, those that other programs joined too.
    if (this.#closed || (interfaces.length > 0 && interfaces.every(isLoopback) && !isLoopback(from))) return;
    try {
      heard(message);
    } catch (error) {
      runtime().logger.error({ err: error }, `mDNS: a message from ${from} was given up: ${thrownText(error)}`);
    }
  }

  #broken(link: MulticastLink, error: unknown): void {
    void link.close();
    if (this.#links.get(link.address) !== link) return;
    this.#links.delete(link.address);
    this.#failed(link.address, error);
  }

  /** Logs a failure once, until it has worked again. */
  #failed(address: string, error: unknown): void {
    this.#failure = error;
    if (this.#closed || this.#told.has(address)) return;
    this.#told.add(address);
    this.#init.runtime().logger.warn({ interface: address, err: error }, `mDNS cannot use the interface ${address}: ${thrownText(error)}; it is tried again`);
  }

  #error(what: string, cause: unknown): RpcError {
    const { interfaces, port } = this.#init;
    const where = `${interfaces.length > 0 ? interfaces.join(', ') : 'all interfaces'}, UDP port ${port}`;
    return registryError({ name: 'mDNS', where, what, cause, hint: "does this machine have that address, does its network carry multicast, and is the port shared by whoever has it? mdns({ interface: '127.0.0.1' }) stays on this machine" });
  }
}

/** The first IPv4 address of each interface that leads out; without one, loopback. */
function ownAddresses(): readonly string[] {
  const addresses = Object.values(networkInterfaces()).map((list) => list?.find(({ family, internal }) => family === 'IPv4' && !internal)?.address).filter((address) => address !== undefined);
  return addresses.length > 0 ? addresses : ['127.0.0.1'];
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.');
}
