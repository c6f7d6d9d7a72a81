import { parseAddress, RpcError, thrownText, type Connection } from '@rpcxjs/core';
import { observe, type Traffic } from '@rpcxjs/session';
import { unknownNetwork, type ResolvedClientOptions } from './client-options.ts';
import { ClientSession, type CallEvents, type SessionOwner } from './client-session.ts';
import type { OutboundCall } from './outbound-call.ts';

const settled = Promise.resolve();
const closeMs = 1000;
// Calls that find the server down wake a dial, but not more often than this.
const leastDialGapMs = 100;

/** What a link tells the client. */
export interface LinkEvents extends CallEvents {
  /** What went over a connection that is no more. */
  ended(traffic: Traffic): void;
}

/**
 * The way to one server: at most one connection, at most one dial, and the only queue. A call waits here, unencoded, while there is no
 * connection or the server does not read.
 *
 * idle → connecting → open → idle …; closed is final.
 */
export class ServerLink implements SessionOwner {
  readonly address: string;
  readonly #options: ResolvedClientOptions;
  readonly #events: LinkEvents;
  #state: 'idle' | 'connecting' | 'open' | 'closed' = 'idle';
  #session: ClientSession | undefined;
  #queue: OutboundCall[] = [];
  #next = 0;
  #failure: RpcError | undefined;
  #failedAt = -Infinity;
  #dial: AbortController | undefined;
  #draining = false;
  #left: () => void = () => {};
  /** Settles when the last connection of a closed link has ended. */
  readonly #gone: Promise<void> = new Promise((resolve) => (this.#left = resolve));

  constructor(address: string, options: ResolvedClientOptions, events: LinkEvents) {
    this.address = address;
    this.#options = options;
    this.#events = events;
  }

  get session(): ClientSession | undefined {
    return this.#session;
  }
  /** Calls that wait; those that are over by now do not. */
  get queued(): number {
    this.#queue = this.#queue.slice(this.#next).filter(({ settled: over }) => !over);
    this.#next = 0;
    return this.#queue.length;
  }
  /** The last dial failed, and no connection came since. */
  get failing(): boolean {
    return this.#failure !== undefined;
  }

  send(call: OutboundCall, now: number): void {
    const session = this.#session;
    if (session !== undefined && this.#queue.length === 0 && session.writable) session.send(call, now);
    else this.#wait(call, now);
  }

  drained(): void {
    const session = this.#session;
    while (session?.writable === true && this.#next < this.#queue.length) {
      const call = this.#queue[this.#next++] as OutboundCall; // below length
      if (!call.settled) session.send(call, this.#options.runtime.clock.now());
    }
    if (this.#next < this.#queue.length) return;
    this.#queue = [];
    this.#next = 0;
  }

  ended(session: ClientSession, error: RpcError): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    if (this.#state === 'closed') this.#left();
    this.#events.ended(session.traffic);
    if (this.#state === 'open') this.#state = 'idle';
    observe(this.#options.plugins, this.#options.runtime, (plugin) => plugin.connectionClosed?.(session.session.connection, error));
    if (this.queued === 0 || this.#state !== 'idle') return;
    // Dialled again at once, a server that ends every connection would be dialled in circles.
    if (session.traffic.bytesRead === 0) this.#refused(`the server had said nothing when it ended: ${thrownText(error.cause ?? 'the server closed it')}`);
    else this.#connect();
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#dial?.abort();
    const session = this.#session?.session;
    if (session === undefined) return;
    // Nobody waits for anything any more: a server that does not end its side is left behind.
    const timer = this.#options.runtime.clock.setTimer(() => session.fail(new RpcError('canceled', 'the client was closed', { reason: 'CLOSED' })), closeMs);
    await Promise.race([session.close(), this.#gone]);
    timer.cancel();
  }
  abort(error: RpcError): void {
    this.#state = 'closed';
    this.#dial?.abort();
    this.#failQueue(error);
    this.#session?.session.fail(error);
  }

  #wait(call: OutboundCall, now: number): void {
    if (this.#state === 'closed') {
      // An interceptor held it back while the client ended.
      this.#events.failed(call, new RpcError('canceled', 'the client was closed', { reason: 'CLOSED', sent: false }));
      return;
    }
    const { maxQueuedCalls } = this.#options.limits;
    if (this.#queue.length - this.#next >= maxQueuedCalls && this.queued >= maxQueuedCalls) {
      const message = `${maxQueuedCalls} calls wait for ${this.address} already; wait for some of them, or raise limits.maxQueuedCalls`;
      this.#events.failed(call, new RpcError('resource_exhausted', message, { reason: 'OVERLOADED', sent: false, address: this.address }));
      return;
    }
    if (this.#state === 'idle' && this.#failure !== undefined && now - this.#failedAt < leastDialGapMs) {
      this.#events.failed(call, this.#failure);
      return;
    }
    this.#queue.push(call);
    if (this.#state === 'idle') this.#connect();
    else if (this.#state === 'open' && this.#session?.session.writer.isOpen === true) this.#drainSoon();
  }

  /** A call was made while another one is being encoded: it goes out when that frame is closed. */
  #drainSoon(): void {
    if (this.#draining) return;
    this.#draining = true;
    void settled.then(() => {
      this.#draining = false;
      this.drained();
    });
  }

  #connect(): void {
    this.#state = 'connecting';
    this.#dial = new AbortController();
    this.#open(this.#dial.signal).then(
      (connection) => this.#opened(connection),
      (error: unknown) => this.#refused(error),
    );
  }

  async #open(signal: AbortSignal): Promise<Connection> {
    const { transports, plugins, runtime } = this.#options;
    const address = parseAddress(this.address);
    const dialer = transports.find(({ networks }) => networks.includes(address.network));
    if (dialer === undefined) throw new RpcError('unavailable', unknownNetwork(address.network, transports), { reason: 'CONNECT_FAILED', sent: false });
    let connection = await dialer.dial(address, { signal, runtime });
    try {
      for (const plugin of plugins) if (plugin.connectionOpened !== undefined) connection = await plugin.connectionOpened(connection);
    } catch (error) {
      connection.abort();
      throw error;
    }
    return connection;
  }

  #opened(connection: Connection): void {
    if (this.#state === 'closed') {
      connection.abort();
      return;
    }
    this.#state = 'open';
    this.#failure = undefined;
    const session = new ClientSession(this, connection, this.#options, this.#events);
    this.#session = session;
    session.session.start();
    this.drained();
  }

  #refused(cause: unknown): void {
    if (this.#state === 'closed') return;
    this.#state = 'idle';
    this.#failedAt = this.#options.runtime.clock.now();
    this.#failure = new RpcError('unavailable', `no connection to ${this.address}: ${thrownText(cause)}`, { reason: 'CONNECT_FAILED', sent: false, address: this.address, cause });
    const failure = this.#failure;
    observe(this.#options.plugins, this.#options.runtime, (plugin) => plugin.connectionFailed?.(this.address, failure));
    this.#failQueue(failure);
  }

  #failQueue(error: RpcError): void {
    const waiting = this.#queue.slice(this.#next);
    this.#queue = [];
    this.#next = 0;
    for (const call of waiting) if (!call.settled) this.#events.failed(call, error);
  }
}
