import { parseAddress, RpcError, thrownText, type Connection, type Dialer, type Runtime, type Timer } from '@rpcxjs/core';
import type { FrameLimits, FrameView } from '@rpcxjs/protocol';
import type { LeanCall } from './lean-call.ts';
import { LeanSession } from './lean-session.ts';

export interface LeanLinkOptions {
  readonly servers: readonly string[];
  readonly transports: readonly Dialer[];
  readonly runtime: Runtime;
  readonly limits: FrameLimits & { readonly maxQueuedCalls: number };
  readonly token: (() => string) | undefined;
}
export interface LeanLinkEvents {
  replied(call: LeanCall, frame: FrameView, session: LeanSession): void;
  pushed(frame: FrameView, address: string): void;
  /** A call failed; the error's `sent` says whether it may have been run. */
  failed(call: LeanCall, error: RpcError): void;
  connected(address: string): void;
  disconnected(error: RpcError): void;
  /** Whether somebody listens for pushes, so that a lost connection is opened again although no call waits. */
  listened(): boolean;
}

const connectTimeoutMs = 5000;
const firstWaitMs = 100;
const longestWaitMs = 5000;
const mostAttempts = 3;

/** The one connection of a client, opened by the first call and again when it is lost, and the calls that wait for it. */
export class LeanLink {
  readonly #options: LeanLinkOptions;
  readonly #events: LeanLinkEvents;
  readonly #queue = new Set<LeanCall>();
  readonly #old = new Set<LeanSession>();
  #session: LeanSession | undefined;
  #dial: AbortController | undefined;
  #retry: Timer | undefined;
  #failures = 0;
  #next = 0;
  /** Whether there was a working connection before: the settings are right, so a server that is gone is waited for. */
  #proven = false;
  #failure: RpcError | undefined;
  #closed = false;
  #waiting: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];

  constructor(options: LeanLinkOptions, events: LeanLinkEvents) {
    this.#options = options;
    this.#events = events;
  }

  get connected(): boolean {
    return this.#session !== undefined;
  }
  /** Why nothing is sent, for the texts of errors. */
  get holdUp(): string {
    return this.#failure?.message ?? (this.#session === undefined ? 'no connection has come about yet' : 'does the server read?');
  }

  /** Resolves when there is a connection. */
  ready(): Promise<void> {
    if (this.#session !== undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.open();
    });
  }

  send(call: LeanCall): void {
    const session = this.#session;
    if (session?.writable === true && this.#queue.size === 0) {
      this.#write(session, call);
      return;
    }
    const { maxQueuedCalls } = this.#options.limits;
    if (this.#queue.size >= maxQueuedCalls) {
      this.#events.failed(call, new RpcError('resource_exhausted', `${maxQueuedCalls} calls wait for a connection already`, { reason: 'OVERLOADED', sent: false }));
      return;
    }
    this.#queue.add(call);
    if (session === undefined) this.open();
    // It was made while another one is being encoded: it goes out when that frame is closed.
    else void Promise.resolve().then(() => this.#drain());
  }

  forget(call: LeanCall): void {
    if (!this.#queue.delete(call)) for (const session of this.#sessions()) session.forget(call);
  }

  close(): void {
    this.#stop();
    for (const session of this.#sessions()) session.leave();
  }
  abort(error: RpcError): void {
    this.#stop();
    for (const call of this.#takeAll()) this.#events.failed(call, error);
    for (const session of this.#sessions()) session.fail(error);
  }

  #sessions(): readonly LeanSession[] {
    return [...this.#old, ...(this.#session === undefined ? [] : [this.#session])];
  }

  #stop(): void {
    const error = new RpcError('canceled', 'the client was closed', { reason: 'CLOSED', sent: false });
    this.#closed = true;
    this.#retry?.cancel();
    this.#dial?.abort(error);
    this.#tell(error);
  }

  /** Opens a connection, now or when that is due. */
  open(): void {
    if (this.#closed || this.#session !== undefined || this.#dial !== undefined || this.#retry !== undefined) return;
    const { servers, transports, runtime } = this.#options;
    const address = servers[this.#next++ % servers.length] as string; // there is one at least
    const dial = (this.#dial = new AbortController());
    const timer = runtime.clock.setTimer(() => dial.abort(new RpcError('unavailable', `it took longer than ${connectTimeoutMs} ms to connect`, { reason: 'CONNECT_FAILED' })), connectTimeoutMs);
    const done = (): void => {
      timer.cancel();
      this.#dial = undefined;
    };
    const parsed = parseAddress(address);
    const dialer = transports.find(({ networks }) => networks.includes(parsed.network)) as Dialer; // the options were checked
    dialer.dial(parsed, { signal: dial.signal, runtime }).then(
      (connection) => {
        done();
        if (this.#closed) connection.abort();
        else this.#opened(address, connection);
      },
      (error: unknown) => {
        done();
        if (!this.#closed) this.#refused(address, error);
      },
    );
  }

  #opened(address: string, connection: Connection): void {
    const session = new LeanSession({ ...this.#options, connection, address }, {
      ...this.#events,
      drained: () => this.#drain(),
      leaving: (leaving) => this.#left(leaving, undefined),
      ended: (ended, error, waiting) => this.#ended(ended, error, waiting),
    });
    this.#session = session;
    session.start();
    this.#tell(undefined);
    this.#events.connected(address);
    this.#drain();
  }

  #refused(address: string, cause: unknown): void {
    this.#failure = new RpcError('unavailable', `no connection to ${address}: ${thrownText(cause)}`, { reason: 'CONNECT_FAILED', sent: false, address, cause });
    this.#failures += 1;
    if (!this.#proven && this.#failures >= this.#options.servers.length) {
      // Waiting would not mend a wrong address.
      for (const call of this.#takeAll()) this.#events.failed(call, this.#failure);
      this.#tell(this.#failure);
    }
    this.#reopen();
  }

  #ended(session: LeanSession, error: RpcError, waiting: readonly LeanCall[]): void {
    this.#left(session, error);
    this.#old.delete(session);
    if (!this.#closed) this.#failure = error;
    for (const call of waiting) {
      call.sequence = -1;
      if (!this.#closed && call.to.idempotent && call.attempts < mostAttempts) this.#queue.add(call);
      else this.#events.failed(call, error);
    }
    if (this.#queue.size > 0) this.#reopen();
  }

  /** It gets no more calls. */
  #left(session: LeanSession, error: RpcError | undefined): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    if (!session.ended) this.#old.add(session);
    this.#events.disconnected(error ?? new RpcError('unavailable', `the server at ${session.address} is going`, { reason: 'DRAINING', address: session.address }));
    // Not before it has said something does a connection show that this is the right server; what is dialled in circles waits a little longer each time.
    this.#proven ||= session.heard;
    this.#failures = session.heard ? 1 : this.#failures + 1;
    this.#reopen();
  }

  #reopen(): void {
    if (this.#closed || this.#retry !== undefined || (this.#queue.size === 0 && this.#waiting.length === 0 && !this.#events.listened())) return;
    const { clock } = this.#options.runtime;
    const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(this.#failures - 1, 10)) * (0.5 + clock.random() / 2);
    this.#retry = clock.setTimer(() => {
      this.#retry = undefined;
      this.open();
    }, waitMs);
  }

  #drain(): void {
    const session = this.#session;
    for (const call of this.#queue) {
      if (session?.writable !== true) return;
      this.#queue.delete(call);
      this.#write(session, call);
    }
  }

  #write(session: LeanSession, call: LeanCall): void {
    call.attempts += 1;
    try {
      session.send(call);
    } catch (error) {
      // The token function may throw the error of another call.
      const { code } = RpcError.is(error) ? error : ({ code: 'internal' } as const);
      this.#events.failed(call, new RpcError(code, `${call.name} could not be written: ${thrownText(error)}`, { ...(error as object), remote: false, sent: false, cause: error })); // only the fields of an RpcError are read
      return;
    }
    if (call.oneway) call.succeed(undefined);
  }

  #takeAll(): readonly LeanCall[] {
    const calls = [...this.#queue];
    this.#queue.clear();
    return calls;
  }

  #tell(error: RpcError | undefined): void {
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (error === undefined) resolve();
      else reject(error);
    }
  }
}
