import { RpcError, sleep, thrownText, type Connection, type Timer } from '@rpcxjs/core';
import { observe, type Traffic } from '@rpcxjs/session';
import type { LinkRules } from './link-options.ts';
import { notSent } from './call-errors.ts';
import { asRpcError, ClientSession, silentHint, type CallEvents, type SessionHolder, type SessionOwner } from './client-session.ts';
import type { ResolvedClientOptions } from './client-options.ts';
import { LinkBackoff } from './link-backoff.ts';
import { openConnection, slowDialMs } from './link-dial.ts';
import { LinkPool } from './link-pool.ts';
import { LinkQueue } from './link-queue.ts';
import type { OutboundCall } from './outbound-call.ts';

const settled = Promise.resolve();
const closeMs = 1000;

/** What a link tells the client. */
export interface LinkEvents extends CallEvents {
  /** A connection has ended; `traffic` is what went over it. */
  ended(traffic: Traffic, error: RpcError): void;
  /** The server at the address announced that it is shutting down. */
  draining(address: string): void;
  /** There is no connection to the address, and the one that is being opened is not there after `afterMs` milliseconds. */
  slow(address: string, afterMs: number): void;
}

/**
 * The way to one server: its connections, and the only queue, which they share. A call waits here, unencoded, while there is no connection
 * or the server does not read. Without calls nothing is dialled; what is closed, retired or lost is opened again by the next call.
 */
export class ServerLink implements SessionOwner {
  readonly address: string;
  readonly pool: LinkPool;
  readonly #options: ResolvedClientOptions;
  readonly #rules: LinkRules;
  readonly #events: LinkEvents;
  readonly #queue: LinkQueue;
  readonly #backoff: LinkBackoff;
  /** Connections that are being opened, for the pool and for locks. */
  readonly #dials = new Map<AbortController, Promise<ClientSession>>();
  readonly #lone = new Map<AbortController, Promise<ClientSession>>();
  #failure: RpcError | undefined;
  #retry: Timer | undefined;
  #retryAt = Infinity;
  #closed = false;
  readonly #stopped = new AbortController();
  #draining = false;
  #left: () => void = () => {};
  /** Settles when the last connection of a closed link has ended. */
  readonly #gone: Promise<void> = new Promise((resolve) => (this.#left = resolve));

  constructor(address: string, options: ResolvedClientOptions, events: LinkEvents) {
    this.address = address;
    this.#options = options;
    this.#rules = options.link;
    this.#events = events;
    this.#queue = new LinkQueue(options.link.queue);
    this.#backoff = new LinkBackoff(options.link.reconnect, options.runtime.clock);
    this.pool = new LinkPool(options.link.pool, options.runtime.clock);
  }

  /** One of its connections, undefined while there is none. */
  get session(): ClientSession | undefined {
    return this.pool.sessions[0];
  }
  /** All connections, including those that are locked and those that take no new calls. */
  get sessions(): readonly ClientSession[] {
    return [...this.pool.sessions, ...this.pool.apart];
  }
  /** Connections that are being opened. */
  get dialling(): number {
    return this.#dials.size;
  }
  /** Calls that wait, without those that are over by now. */
  get queued(): number {
    return this.#queue.size;
  }
  /** Calls that were sent and wait for their replies. */
  get inFlight(): number {
    return this.sessions.reduce((sum, session) => sum + session.pendingCalls(), 0);
  }
  /** Whether all connections have as many calls as makes a pool grow. */
  get busy(): boolean {
    return this.pool.load + this.#queue.size >= this.#rules.pool.busyAt;
  }
  /** Whether there is no connection, and it is too early to dial again. */
  get failing(): boolean {
    if (this.pool.sessions.length > 0) return false;
    return (this.#failure !== undefined && this.#dials.size > 0) || this.#backoff.callWaitMs(this.#now()) > 0;
  }

  /** Why a call that waits here has not left yet, for the texts of errors. */
  get holdUp(): string {
    if (this.pool.sessions.length > 0) return `the connections to ${this.address} take nothing more: does the server read?`;
    return this.#failure?.message ?? `no connection to ${this.address} has come about yet`;
  }

  send(call: OutboundCall, now: number): void {
    const session = this.pool.only;
    if (session !== undefined && this.#queue.isEmpty && session.writable) session.send(call, now);
    else this.#place(call, now);
  }

  drained(): void {
    while (!this.#queue.isEmpty) {
      const session = this.pool.pick();
      if (session === undefined) return;
      const call = this.#queue.take();
      if (call !== undefined) session.send(call, this.#now());
    }
  }

  /** Opens connections until there are so many, and resolves when they are there. */
  async open(count: number): Promise<void> {
    const missing = count - this.pool.sessions.length;
    const dials = [...this.#dials.values()].slice(0, Math.max(0, missing));
    while (dials.length < missing) dials.push(this.#dial());
    await Promise.all(dials);
  }

  /** Milliseconds until the server answered a heartbeat; opens a connection if there is none. It has no time limit of its own. */
  async ping(): Promise<number> {
    const session = this.session ?? (await ([...this.#dials.values()][0] ?? this.#dial()));
    if (this.#closed) throw closedError();
    return session.ping(this.#stopped.signal);
  }

  /** As `ping`, but not before its turn: many clients may ask the same server. */
  async check(): Promise<number> {
    const waitMs = this.session === undefined ? this.#backoff.callWaitMs(this.#now()) : 0;
    if (waitMs > 0) await sleep(this.#options.runtime.clock, waitMs, this.#stopped.signal);
    return this.ping();
  }

  /** A connection that no other call uses until it is released: an idle one that the pool can spare, or a new one. */
  async lock(holder: SessionHolder): Promise<ClientSession> {
    const session = this.pool.spare() ?? (await this.#dial(this.#lone));
    session.holder = holder;
    return session;
  }
  /** Other calls may use it again; with enough others it ends, as it does when its server has left the list. */
  unlock(session: ClientSession): void {
    session.holder = undefined;
    if (session.session.ended || session.leaving) return;
    if (this.#closed || this.pool.isFull || this.pool.isAwaited(session)) void this.pool.leave(session);
    else {
      this.pool.add(session);
      this.drained();
    }
  }

  draining(session: ClientSession): void {
    this.#events.draining(this.address);
    if (session.leaving || session.holder !== undefined) return;
    void this.pool.leave(session);
    if (this.pool.sessions.length === 0) this.#backoff.lost(this.#now() - session.openedAt);
    if (!this.#queue.isEmpty) this.#refill(this.#now());
  }

  /** Its connections end with the last call that each has; the next call opens new ones. Resolves when they have ended. */
  closeConnections(): Promise<void> {
    const message = `the connections to ${this.address} were closed while this one was opened`;
    giveUp(this.#dials, new RpcError('unavailable', message, { reason: 'CONNECT_FAILED', sent: false, address: this.address }));
    this.#backoff.reset();
    this.#failure = undefined;
    const ends = this.pool.leaveAll();
    if (this.#queue.size > 0) this.#refill(this.#now());
    return ends;
  }

  /** The server has left the list: calls that wait go elsewhere, those under way finish, and so do locks. A call that comes all the same brings it back. */
  retire(): Promise<void> {
    const gone = new RpcError('unavailable', `${this.address} is in the list of servers no more`, { reason: 'NO_INSTANCE', sent: false, address: this.address });
    for (const call of this.#queue.takeAll()) this.#events.failed(call, gone);
    void this.closeConnections();
    return this.pool.leaveAllInTime();
  }

  ended(session: ClientSession, error: RpcError): void {
    const { leaving } = session;
    const pooled = this.pool.remove(session);
    this.#events.ended(session.traffic, error);
    observe(this.#options.plugins, this.#options.runtime, (plugin) => plugin.connectionClosed?.(session.session.connection, error));
    if (this.#closed) {
      if (this.sessions.length === 0) this.#left();
      return;
    }
    if (leaving || !pooled) return;
    const alone = this.pool.sessions.length === 0 && this.#dials.size === 0;
    // Dialled again at once, a server that ends every connection would be dialled in circles.
    if (session.traffic.bytesRead === 0 && alone && this.#queue.size > 0) {
      this.#refused(`the server had said nothing when it ended: ${thrownText(error.cause ?? 'the server closed it')} ${silentHint}`);
      return;
    }
    this.#backoff.lost(this.#now() - session.openedAt);
    if (this.#queue.size > 0) this.#refill(this.#now());
  }

  async close(): Promise<void> {
    this.#stop();
    const sessions = this.sessions.map(({ session }) => session);
    if (sessions.length === 0) return;
    // Nobody waits for anything any more: a server that does not end its side is left behind.
    const left = (): void => {
      for (const session of sessions) session.fail(new RpcError('canceled', 'the client was closed', { reason: 'CLOSED' }));
    };
    const timer = this.#options.runtime.clock.setTimer(left, closeMs);
    await Promise.race([Promise.all(sessions.map((session) => session.close())), this.#gone]);
    timer.cancel();
  }
  abort(error: RpcError): void {
    this.#stop();
    for (const call of this.#queue.takeAll()) this.#events.failed(call, notSent(error));
    for (const { session } of this.sessions) session.fail(error);
  }

  #stop(): void {
    this.#closed = true;
    this.#stopped.abort(closedError());
    this.#retry?.cancel();
    this.pool.stop();
    for (const dials of [this.#dials, this.#lone]) giveUp(dials, closedError());
  }

  #now(): number {
    return this.#options.runtime.clock.now();
  }

  /** Finds a place for a call when there is not exactly one connection that takes it at once. */
  #place(call: OutboundCall, now: number): void {
    const session = this.#queue.isEmpty ? this.pool.pick() : undefined;
    if (session === undefined) this.#wait(call, now);
    else {
      session.send(call, now);
      if (this.pool.sessions.length < this.#rules.pool.connections) this.#refill(now);
    }
    this.#grow(now);
  }

  /** Opens as many more as the calls that there are would make busy, so many at once. */
  #grow(now: number): void {
    const { grow, max, busyAt, maxDials } = this.#rules.pool;
    const { length } = this.pool.sessions;
    if (grow !== 'busy' || length === 0 || length >= max || !this.busy || this.#backoff.callWaitMs(now) > 0) return;
    const wanted = Math.max(length, Math.floor((this.#queue.size + this.inFlight) / busyAt)) + 1;
    while (length + this.#dials.size < Math.min(max, wanted, length + maxDials)) void this.#dial().catch(ignore);
  }

  #wait(call: OutboundCall, now: number): void {
    const error = this.#refusal(now);
    if (error !== undefined) {
      this.#events.failed(call, error);
      return;
    }
    let queued;
    try {
      queued = this.#queue.add(call);
    } catch (thrown) {
      this.#events.failed(call, asRpcError(thrown));
      return;
    }
    if (queued === 'refused') this.#events.failed(call, this.#overflow());
    else {
      if (this.pool.sessions.length < this.#rules.pool.connections) this.#refill(now);
      if (this.pool.isWriting) this.#drainSoon();
      if (queued !== 'waits') for (const displaced of queued) this.#events.failed(displaced, this.#overflow('this one had waited longest, and made room for a new one'));
    }
  }

  /** Why a call fails at once instead of waiting. */
  #refusal(now: number): RpcError | undefined {
    // An interceptor held it back while the client ended.
    if (this.#closed) return new RpcError('canceled', 'the client was closed', { reason: 'CLOSED', sent: false });
    if (this.pool.sessions.length > 0 || this.#dials.size > 0) return undefined;
    if (!this.#rules.pool.autoConnect) {
      const message = `there is no connection to ${this.address}, and calls open none: await client.ready(), or leave pool.autoConnect on`;
      return new RpcError('unavailable', message, { reason: 'CONNECT_FAILED', sent: false, address: this.address });
    }
    return this.#rules.queue.whileDown === 'fail' && this.#backoff.callWaitMs(now) > 0 ? this.#failure : undefined;
  }

  #overflow(advice?: string): RpcError {
    const { max, maxBytes } = this.#rules.queue;
    const tooLarge = maxBytes < Infinity && this.#queue.size < max;
    const message = `${tooLarge ? `${maxBytes} bytes of` : max} calls wait for ${this.address} already; ${advice ?? `wait for some of them, or raise queue.${tooLarge ? 'maxBytes' : 'max'}`}`;
    return new RpcError('resource_exhausted', message, { reason: 'OVERLOADED', sent: false, address: this.address });
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

  /** Opens what is missing, now or when that is due. */
  #refill(now: number): void {
    if (!this.#rules.pool.autoConnect || this.#closed) return;
    const waitMs = this.#backoff.callWaitMs(now);
    if (waitMs > 0) {
      this.#retryIn(waitMs, now);
      return;
    }
    while (this.pool.sessions.length + this.#dials.size < this.#rules.pool.connections) void this.#dial().catch(ignore);
  }

  #retryIn(delayMs: number, now: number): void {
    if (now + delayMs >= this.#retryAt) return;
    this.#retry?.cancel();
    this.#retryAt = now + delayMs;
    this.#retry = this.#options.runtime.clock.setTimer(() => {
      this.#retryAt = Infinity;
      if (this.#queue.size > 0) while (this.pool.sessions.length + this.#dials.size < this.#rules.pool.connections) void this.#dial().catch(ignore);
    }, delayMs);
  }

  #dial(dials: Map<AbortController, Promise<ClientSession>> = this.#dials): Promise<ClientSession> {
    if (this.#closed) return Promise.reject(closedError());
    const abort = new AbortController();
    const slow = (): void => {
      if (this.pool.sessions.length === 0) this.#events.slow(this.address, slowDialMs);
    };
    const opened = openConnection({ address: this.address, options: this.#options, abort, failedBefore: this.#failure !== undefined, slow }).then(
      (connection) => {
        if (!dials.delete(abort)) {
          // It was given up in the moment in which it came.
          connection.abort();
          throw abort.signal.reason;
        }
        return this.#opened(connection, dials === this.#lone);
      },
      (cause: unknown) => {
        // One that is not there any more was given up by us, which is no failure of the server.
        throw dials.delete(abort) ? this.#refused(cause) : cause;
      },
    );
    dials.set(abort, opened);
    return opened;
  }

  #opened(connection: Connection, apart: boolean): ClientSession {
    this.#failure = undefined;
    this.#backoff.connected();
    const session = new ClientSession(this, connection, this.#options, this.#events);
    if (apart) this.pool.apart.add(session);
    else this.pool.add(session);
    session.session.start();
    this.drained();
    this.#grow(this.#now());
    return session;
  }

  #refused(cause: unknown): RpcError {
    const failure = new RpcError('unavailable', `no connection to ${this.address}: ${thrownText(cause)}`, { reason: 'CONNECT_FAILED', sent: false, address: this.address, cause });
    if (this.#closed) return failure;
    const now = this.#now();
    this.#backoff.failedOnce(now);
    this.#failure = failure;
    observe(this.#options.plugins, this.#options.runtime, (plugin) => plugin.connectionFailed?.(this.address, failure));
    if (this.pool.sessions.length > 0 || this.#dials.size > 0 || this.#queue.size === 0) return failure;
    if (this.#rules.queue.whileDown === 'keep') this.#retryIn(this.#backoff.waitMs(now), now);
    else for (const call of this.#queue.takeAll()) this.#events.failed(call, failure);
    return failure;
  }
}

function closedError(): RpcError {
  return new RpcError('canceled', 'the client was closed', { reason: 'CLOSED', sent: false });
}

function giveUp(dials: Map<AbortController, unknown>, error: RpcError): void {
  const aborts = [...dials.keys()];
  dials.clear();
  for (const abort of aborts) abort.abort(error);
}

function ignore(): void {}
