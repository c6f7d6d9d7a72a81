import { onAbort, splitHostPort, type Clock, type Timer } from '@rpcxjs/core';
import { abortable } from '@rpcxjs/registry-kit';
import type { Socket } from 'node:net';
import zookeeper, { type Client, type Exception, type State } from 'node-zookeeper-client';
import type { ResolvedZooKeeperOptions } from './zookeeper-options.ts';

/** What a session is resumed with. */
export interface SessionTicket {
  readonly id: Buffer;
  readonly password: Buffer;
}

export interface ZooKeeperLinkInit {
  readonly server: string;
  readonly options: ResolvedZooKeeperOptions;
  readonly clock: Clock;
  /** Of the session to go on with. @default a new session */
  readonly ticket?: SessionTicket | undefined;
}

/** ZooKeeper has ended the session that was to be resumed. */
export class SessionExpired extends Error {}

/** The library's internals that are needed to end it: its own `close` waits for an answer, and it connects again for ever; and to dial an IPv6 address. */
interface Manager {
  servers: readonly { readonly host: string; readonly port: number }[];
  socket: Socket | undefined;
  connectTimeoutHandler: NodeJS.Timeout | null;
  connect(): void;
}

const farewellMs = 1000;

/**
 * One connection to one server, for one session, with a watchdog: the library sends pings and never looks for their answers. When the connection is over it is over; who wants
 * to go on opens another link with the ticket of this one. Opening → open → over.
 */
export class ZooKeeperLink {
  readonly #init: ZooKeeperLinkInit;
  readonly #client: Client;
  readonly #manager: Manager;
  readonly #over = new AbortController();
  #timer: Timer | undefined;
  #socket: Socket | undefined;
  #socketError: Error | undefined;

  private constructor(init: ZooKeeperLinkInit) {
    this.#init = init;
    const { server, options, ticket } = init;
    const session = ticket === undefined ? {} : { sessionId: ticket.id, sessionPassword: ticket.password };
    this.#client = zookeeper.createClient(server, { sessionTimeout: options.sessionTimeoutMs, spinDelay: 1, retries: 0, ...session });
    if (options.auth !== undefined) this.#client.addAuthInfo(options.auth.scheme, Buffer.from(options.auth.credentials, 'utf8'));
    this.#manager = (this.#client as unknown as { connectionManager: Manager }).connectionManager; // see Manager
    this.#manager.servers = [splitHostPort(server)];
    Object.defineProperty(this.#manager, 'socket', { get: () => this.#socket, set: (socket: Socket) => {
      this.#took(socket);
    } });
  }

  /** Rejects with SessionExpired when the session of the ticket has ended. */
  static async open(init: ZooKeeperLinkInit, signal: AbortSignal): Promise<ZooKeeperLink> {
    const link = new ZooKeeperLink(init);
    try {
      await abortable(signal, link.#connected());
    } catch (error) {
      link.destroy(new Error('it was not opened'));
      throw error;
    }
    return link;
  }

  get ticket(): SessionTicket {
    return { id: this.#client.getSessionId(), password: this.#client.getSessionPassword() };
  }
  /** Aborts when the connection is over, with the reason. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** One operation of the library. Rejects with its error, or the reason when the link ends first. */
  ask<T>(run: (client: Client, done: (error: Error | Exception | null, value?: T) => void) => void): Promise<T> {
    return abortable(this.#over.signal, new Promise<T>((resolve, reject) => {
      if (this.#over.signal.aborted) return;
      run(this.#client, (error, value) => (error instanceof Error ? reject(error) : resolve(value as T))); // an Exception is an Error too
    }));
  }

  /** Says whether anybody depends on the link: only then is it kept alive. */
  guard(needed: boolean): void {
    if (needed === (this.#timer !== undefined) || this.#over.signal.aborted) return;
    if (needed) this.#beat();
    else this.#rest();
  }

  /** Drops the connection. The session goes on until ZooKeeper ends it for its silence. */
  destroy(reason: Error): void {
    if (this.#over.signal.aborted) return;
    this.#rest();
    this.#over.abort(reason);
    this.#manager.connect = () => {};
    clearTimeout(this.#manager.connectTimeoutHandler ?? undefined);
    this.#socket?.destroy();
  }

  /** Ends the session, and its nodes with it; a second at most. */
  async close(): Promise<void> {
    if (this.#over.signal.aborted) return;
    const { clock } = this.#init;
    this.#manager.connect = () => {};
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer(resolve, farewellMs);
      onAbort(this.#over.signal, () => {
        timer.cancel();
        resolve();
      });
      this.#socket?.once('close', () => {
        timer.cancel();
        resolve();
      });
      this.#client.close();
    });
    this.destroy(new Error('it was closed'));
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #took(socket: Socket): void {
    this.#socket = socket;
    socket.on('error', (error: Error) => (this.#socketError = error));
    if (!this.#over.signal.aborted) return;
    socket.destroy();
    // The library sets this timer right after the current code.
    queueMicrotask(() => clearTimeout(this.#manager.connectTimeoutHandler ?? undefined));
  }

  #connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      onAbort(this.#over.signal, reject);
      this.#client.on('state', (state: State) => {
        if (state === zookeeper.State.SYNC_CONNECTED) resolve();
        else if (state === zookeeper.State.EXPIRED) this.destroy(new SessionExpired('ZooKeeper has ended the session'));
        else if (state === zookeeper.State.AUTH_FAILED) this.destroy(new Error('AUTH_FAILED'));
        else if (state === zookeeper.State.DISCONNECTED) this.destroy(this.#socketError ?? new Error('the connection was lost'));
      });
      this.#client.connect();
      this.#manager.connect = () => {
        this.destroy(this.#socketError ?? new Error('the connection was lost'));
      };
    });
  }

  /** Asks something small three times in a session's time, and does not wait longer than that for the answer. */
  #beat(): void {
    const { clock } = this.#init;
    const pauseMs = this.#client.getSessionTimeout() / 3;
    this.#timer = clock.setTimer(() => {
      this.#timer = clock.setTimer(() => this.destroy(new Error(`no answer within ${Math.round(pauseMs)} ms`)), pauseMs);
      const answered = (): void => {
        if (this.#timer === undefined || this.#over.signal.aborted) return;
        this.#timer.cancel();
        this.#beat();
      };
      this.ask<unknown>((client, done) => client.exists('/', done)).then(answered, answered);
    }, pauseMs);
  }
}
