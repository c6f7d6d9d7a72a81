import { RpcError } from '@rpcxjs/core';
import type { ResolvedClientOptions } from './client-options.ts';
import type { ClientSession, SessionHolder } from './client-session.ts';
import { isOver } from './link-queue.ts';
import type { CallRoute, OutboundCall } from './outbound-call.ts';
import { RetryBudget } from './retry-budget.ts';
import type { ServerLink } from './server-link.ts';

const settled = Promise.resolve();

/** What a lock needs of the client. */
export interface LockHost {
  readonly options: ResolvedClientOptions;
  failed(call: OutboundCall, error: RpcError): void;
}

/** One connection that somebody has locked: the route of the calls that the holder makes. */
export class HeldConnection implements CallRoute, SessionHolder {
  readonly budget: RetryBudget;
  readonly #link: ServerLink;
  readonly #host: LockHost;
  readonly #waiting: OutboundCall[] = [];
  #session: ClientSession | undefined;
  #over: RpcError | undefined;

  constructor(link: ServerLink, host: LockHost) {
    this.#link = link;
    this.#host = host;
    this.budget = new RetryBudget(host.options.retryBudget, host.options.runtime.clock);
  }

  async take(): Promise<void> {
    this.#session = await this.#link.lock(this);
  }

  /** Calls that are under way keep the connection until they are done, and so do those that wait here. */
  release(): void {
    if (this.#over !== undefined) return;
    this.#over = this.#gone('it was released');
    this.#settle();
  }

  send(call: OutboundCall, now: number): void {
    call.address = this.#link.address;
    const session = this.#session;
    if (this.#over !== undefined || session === undefined) this.#host.failed(call, this.#over ?? this.#gone('it was never opened'));
    else if (this.#waiting.length === 0 && session.writable) session.send(call, now);
    else if (this.#waiting.length >= this.#host.options.link.queue.max) {
      const message = `${this.#waiting.length} calls wait for the locked connection to ${this.#link.address} already; wait for some of them, or raise queue.max`;
      this.#host.failed(call, new RpcError('resource_exhausted', message, { reason: 'OVERLOADED', sent: false, address: this.#link.address }));
    } else {
      this.#waiting.push(call);
      if (session.session.writer.isOpen) void settled.then(() => this.drained());
    }
  }
  ended(): void {}
  hasOther(): boolean {
    return false;
  }

  drained(): void {
    const session = this.#session;
    while (session?.writable === true) {
      const call = this.#waiting.shift();
      if (call === undefined) break;
      if (!isOver(call)) session.send(call, this.#host.options.runtime.clock.now());
    }
    if (this.#over !== undefined) this.#settle();
  }

  lost(error: RpcError): void {
    this.#over ??= this.#gone(error.message);
    this.#session = undefined;
    for (const call of this.#waiting.splice(0)) if (!isOver(call)) this.#host.failed(call, this.#over);
  }

  #settle(): void {
    const session = this.#session;
    if (session === undefined || this.#waiting.some((call) => !isOver(call))) return;
    this.#session = undefined;
    this.#link.unlock(session);
  }

  #gone(why: string): RpcError {
    return new RpcError('unavailable', `the locked connection to ${this.#link.address} is no more: ${why}`, { reason: 'CONNECTION_LOST', sent: false, address: this.#link.address });
  }
}
