import { Redis } from 'ioredis';
import { onAbort, type Clock } from '@rpcxjs/core';
import { isRefusal, isReply, redisError } from './redis-error.ts';
import { formatNode, type RedisCredentials, type RedisNode, type ResolvedRedisTls } from './redis-options.ts';

/** How a link is made. */
export interface RedisLinkInit extends RedisCredentials {
  readonly node: RedisNode;
  readonly tls: ResolvedRedisTls | undefined;
  readonly clock: Clock;
  /** Milliseconds for an operation; a server that is silent for most of it counts as gone. */
  readonly timeoutMs: number;
  /** Whether to leave a server that says that it is a replica, because there are others. */
  readonly leavesReplica: boolean;
}

/** What the server says about itself; undefined where it does not tell. */
export interface RedisServerInfo {
  /** Differs after each start of the server. */
  readonly runId: string | undefined;
  readonly role: string | undefined;
  readonly loading: boolean;
  /** `standalone` or `cluster`. */
  readonly mode: string | undefined;
}

const mostlySilent = 0.6;

/**
 * One connection of ioredis that was made, and is lost once: it never comes back by itself, keeps no command for later, and `destroy` leaves nothing of it.
 * States: connecting → open → lost.
 */
export class RedisLink {
  readonly where: string;
  readonly #init: RedisLinkInit;
  readonly #client: Redis;
  readonly #lost = new AbortController();
  /** Replies so far. */
  #heard = 0;
  #failure: unknown;
  #destroyed = false;

  private constructor(init: RedisLinkInit) {
    const { node, tls } = init;
    this.#init = init;
    this.where = formatNode(node);
    this.#client = new Redis({
      ...node,
      ...(tls !== undefined && { tls }),
      lazyConnect: true,
      // Connecting again, waiting for the data and keeping commands is not the library's to decide.
      retryStrategy: null,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      enableReadyCheck: false,
      connectTimeout: init.timeoutMs,
      // Without it a timer of 2 s stays behind each connection that was refused.
      disconnectTimeout: 0,
      // With protocol 3 it sends commands before it has authenticated; events need a connection of their own anyway.
      protocol: 2,
      disableClientInfo: true,
    });
    this.#client.on('error', (error) => {
      this.#failure ??= error;
    });
    this.#client.once('end', () => this.#end());
  }

  /** Connects and authenticates. Leaves nothing behind when it rejects. */
  static async open(init: RedisLinkInit, signal: AbortSignal): Promise<RedisLink> {
    const link = new RedisLink(init);
    try {
      await link.#bounded('be reached', signal, (client) => client.connect());
      await link.#authenticate(signal);
      return link;
    } catch (error) {
      link.destroy();
      throw error;
    }
  }

  get lost(): boolean {
    return this.#lost.signal.aborted;
  }
  /** Runs once, at once if it is lost already; returns a function that takes it off. */
  onLost(run: () => void): () => void {
    return onAbort(this.#lost.signal, run);
  }
  /** Each keyspace event: the pattern that it matched, its channel and what happened. */
  onEvent(run: (pattern: string, channel: string, event: string) => void): void {
    this.#client.on('pmessage', run);
  }

  /** One exchange with the server; ends when the signal does. */
  async ask<T>(what: string, signal: AbortSignal, work: (client: Redis) => Promise<T>): Promise<T> {
    if (this.lost) throw this.lostError(what);
    const answer = await this.#bounded(what, signal, work);
    this.#heard += 1;
    return answer;
  }

  async select(database: number, signal: AbortSignal): Promise<void> {
    if (database !== 0) await this.ask(`use its database ${database}`, signal, (client) => client.select(database));
  }

  async info(signal: AbortSignal): Promise<RedisServerInfo> {
    const text = await this.ask('say who it is', signal, (client) => client.info().catch((error: unknown) => {
      // Many hosted Redis servers do not allow this command.
      if (isRefusal(error)) return '';
      throw error;
    }));
    const value = (name: string): string | undefined => text.split('\n').find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1).trim() || undefined;
    return { runId: value('run_id'), role: value('role'), loading: value('loading') === '1', mode: value('redis_mode') };
  }

  /** At once, without a word to the server. */
  destroy(): void {
    // Everything that waits for a frozen server asks for it, and each time the library would listen to the socket anew.
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#client.disconnect();
    // Undefined before the first connection, whatever its type says; and `disconnect` alone waits for a server that may be frozen.
    (this.#client.stream as Redis['stream'] | undefined)?.destroy();
    this.#end();
  }

  lostError(what: string): Error {
    return redisError({ where: this.where, what, cause: this.#failure ?? new Error('the connection was lost'), unheard: this.#heard === 0 });
  }

  async #authenticate(signal: AbortSignal): Promise<void> {
    const { username, password } = this.#init;
    if (password === undefined) return;
    await this.ask('let us in', signal, (client) => (username === undefined ? client.auth(password) : client.auth(username, password)));
  }

  #bounded<T>(what: string, signal: AbortSignal, work: (client: Redis) => Promise<T>): Promise<T> {
    const { clock, timeoutMs, leavesReplica } = this.#init;
    const [began, heard] = [clock.now(), this.#heard];
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const unlink = onAbort(signal, (reason) => {
        if (this.#heard === heard && clock.now() - began >= timeoutMs * mostlySilent) {
          this.#failure ??= new Error('it does not answer any more');
          this.destroy();
        }
        reject(reason);
      });
      work(this.#client).then(resolve, (error: unknown) => {
        reject(this.#told(what, error));
        if (leavesReplica && isReply(error) && error.message.startsWith('READONLY')) this.destroy();
      }).finally(unlink);
    });
  }

  #told(what: string, error: unknown): Error {
    if (isReply(error)) return redisError({ where: this.where, what, cause: error });
    // "Connection is closed" says less than what closed it.
    return redisError({ where: this.where, what, cause: this.#failure ?? error, unheard: this.#heard === 0 });
  }

  #end(): void {
    if (!this.lost) this.#lost.abort();
  }
}
