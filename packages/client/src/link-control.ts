import { parseAddress, RpcError, type CallOptions } from '@rpcxjs/core';
import { checkNames, refuse } from '@rpcxjs/core/options';
import { failfast } from './fail-modes/failfast.ts';
import { HeldConnection, type LockHost } from './link-lock.ts';
import type { CallTarget } from './outbound-call.ts';
import type { ServerLink } from './server-link.ts';

/** A connection of a client that only its holder uses. */
export interface LockedConnection extends Disposable {
  readonly address: string;
  /** By name, over this connection and no other; without it, the call fails. */
  call<Out = unknown>(service: string, method: string, input: unknown, options?: CallOptions): Promise<Out>;
  /** Gives it back to the client; later calls through it fail. Safe to call twice. */
  release(): void;
}

/** What a user may do with the connections of a client, besides calling. */
export interface ClientConnections {
  /**
   * Opens `pool.initial` connections before the first call: to every server of the list, or to those that the option names. Of a discovery it knows
   * the servers of services in use. Rejects with CONNECT_FAILED when one cannot be opened; those that could stay.
   */
  ready(): Promise<void>;
  /** Milliseconds that a server takes to answer a heartbeat, a Go server too; connects if need be. Rejects with TIMEOUT after `timeoutMs`, by default as long as a call may take. */
  ping(address: string, options?: { readonly timeoutMs?: number | undefined }): Promise<number>;
  /** A connection of one's own: no other call uses it until `release()`. The address may be left out where there is one server. */
  lock(address?: string): Promise<LockedConnection>;
  /**
   * Ends the connections to one server, or all, each with the last call that is under way on it; later calls open new ones. Resolves when they have ended:
   * one whose server does not end its side after `closeTimeoutMs` of the transport, 5000 by default. Those that are locked stay.
   */
  closeConnections(address?: string): Promise<void>;
}

/** What that takes of the client. */
export interface ControlHost extends LockHost {
  closed(): boolean;
  readonly links: ReadonlyMap<string, ServerLink>;
  link(address: string): ServerLink;
  target(service: string, method: string): CallTarget;
  /** Plugins have started. */
  started(): Promise<void>;
  run(target: CallTarget, input: unknown, options: CallOptions | undefined): Promise<unknown>;
}

const alone = failfast();

export class LinkControl implements ClientConnections {
  readonly #host: ControlHost;

  constructor(host: ControlHost) {
    this.#host = host;
  }

  async ready(): Promise<void> {
    await this.#begin('ready()');
    this.#refuseClosed('ready()');
    const { options, links } = this.#host;
    const { initial } = options.link.pool;
    const counts = typeof initial === 'number' ? new Set([...options.addresses, ...links.keys()].map((address) => [address, initial] as const)) : Object.entries(initial);
    await Promise.all([...new Map(counts)].map(([address, count]) => this.#host.link(address).open(count)));
  }

  async ping(address: string, options: { readonly timeoutMs?: number | undefined } = {}): Promise<number> {
    parseAddress(address);
    checkNames('ping', options, ['timeoutMs']);
    const timeoutMs = options.timeoutMs ?? this.#host.options.timeoutMs;
    if (typeof timeoutMs !== 'number' || !(timeoutMs > 0)) refuse('ping: timeoutMs', timeoutMs, 'milliseconds above 0, or Infinity for no limit');
    const pinged = this.#ping(address);
    if (timeoutMs === Infinity) return pinged;
    let late!: (error: RpcError) => void;
    const patience = new Promise<never>((_, reject) => (late = reject));
    const message = `${address} did not answer a heartbeat within ${timeoutMs} ms`;
    const timer = this.#host.options.runtime.clock.setTimer(() => late(new RpcError('deadline_exceeded', message, { reason: 'TIMEOUT', address })), timeoutMs);
    try {
      return await Promise.race([pinged, patience]);
    } finally {
      timer.cancel();
    }
  }

  async #ping(address: string): Promise<number> {
    await this.#begin('ping()');
    this.#refuseClosed('ping()');
    return this.#host.link(address).ping();
  }

  async lock(address?: string): Promise<LockedConnection> {
    const { addresses } = this.#host.options;
    const where = address ?? (addresses.length === 1 ? addresses[0] : undefined);
    if (where === undefined) throw new TypeError(`lock() needs the address of a server here: there are ${addresses.length === 0 ? 'those that a discovery finds' : addresses.length}`);
    parseAddress(where);
    await this.#begin('lock()');
    this.#refuseClosed('lock()');
    const held = new HeldConnection(this.#host.link(where), this.#host);
    await held.take();
    return {
      address: where,
      call: async <Out>(service: string, method: string, input: unknown, options?: CallOptions) => {
        const target = { ...this.#host.target(service, method), route: held, failMode: alone };
        return (await this.#host.run(target, input, options)) as Out; // the caller says what it is
      },
      release: () => held.release(),
      [Symbol.dispose]: () => held.release(),
    };
  }

  async closeConnections(address?: string): Promise<void> {
    const { links } = this.#host;
    const some = address === undefined ? [...links.values()] : [links.get(address) ?? []].flat();
    await Promise.all(some.map((link) => link.closeConnections()));
  }

  async #begin(what: string): Promise<void> {
    this.#refuseClosed(what);
    await this.#host.started();
  }
  /** Asked again right before a link is made, because a client that is closed closes it no more: waiting for `#begin` takes some microtasks. */
  #refuseClosed(what: string): void {
    if (this.#host.closed()) throw new RpcError('failed_precondition', `${what} was asked of a client that is closed; make a new one`, { reason: 'CLOSED', sent: false });
  }
}
