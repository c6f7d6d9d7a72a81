import { currentAmbient, onAbort, RpcError, type CallOptions, type MethodRef } from '@rpcxjs/core';
import { openBatch, type Batch } from './batch.ts';
import { OpenHandle, type CallHandle, type InputRest, type Launch, type StartOptions } from './call-handle.ts';
import { wrongOptions } from './call-errors.ts';
import type { ResolvedClientOptions } from './client-options.ts';
import { checkRef } from './composed-options.ts';
import { failfast } from './fail-modes/failfast.ts';
import { broadcast, fork, inform, type FanOut, type FanOutOptions, type Receipt, type Recipient } from './fan-out.ts';
import { withoutDeadline } from './filters.ts';
import type { CallKind, CallRoute, CallTarget, OutboundCall } from './outbound-call.ts';
import type { CalledName } from './plugin-life.ts';
import type { ServerLink } from './server-link.ts';
import type { ServiceRoute } from './service-route.ts';

/** The ways to call a method other than waiting for its reply. Each takes a method of a contract, or of `methodsOf` for a service without one. */
export interface ClientVerbs {
  /** Resolves when the bytes are written; whether the server ran it, nobody knows. */
  oneway<In>(method: MethodRef<'unary', In>, ...rest: InputRest<In, CallOptions>): Promise<void>;
  /** A one-way call that resolves as soon as it is queued; rejects when it cannot be queued, for example with OVERLOADED. What happens to it later is not reported. */
  oneshot<In>(method: MethodRef<'unary', In>, ...rest: InputRest<In, CallOptions>): Promise<void>;
  /** Begins the call and returns at once with its handle. */
  start<In, Out>(method: MethodRef<'unary', In, Out>, ...rest: InputRest<In, StartOptions<Out>>): CallHandle<Out>;
  /** Calls that are gathered, and leave together. */
  batch(): Batch;
  /**
   * Calls every server once and resolves with what each made of it, in the order of their addresses. The first server that fails ends it: the others
   * are cancelled, also on their servers, and their receipts say so. Servers that cannot be connected end nothing. Rejects only when there is no server to call.
   */
  broadcast<In, Out>(method: MethodRef<'unary', In, Out>, ...rest: InputRest<In, FanOutOptions>): Promise<readonly Receipt<Out>[]>;
  /** Calls every server once; resolves with the first success and cancels the others, also on their servers. Rejects when all failed, with one of `attempts` for each. */
  fork<In, Out>(method: MethodRef<'unary', In, Out>, ...rest: InputRest<In, FanOutOptions>): Promise<Out>;
  /** Calls every server once and waits for all of them: what each made of it, in the order of their addresses. Rejects only when there is no server to call. */
  inform<In, Out>(method: MethodRef<'unary', In, Out>, ...rest: InputRest<In, FanOutOptions>): Promise<readonly Receipt<Out>[]>;
}

/** What the verbs ask of the client. */
export interface VerbHost {
  readonly options: ResolvedClientOptions;
  closed(): boolean;
  /** Throws for names that cannot be called. */
  target(method: MethodRef): CallTarget;
  route(service: string, group: string | undefined): ServiceRoute;
  /** Resolves when the plugins have started, and rejects when the call can wait no longer; undefined when they have, or there are none. */
  started(call: CalledName, options: CallOptions): Promise<unknown> | undefined;
  run(target: CallTarget | (() => CallTarget), input: unknown, options: CallOptions | undefined, kind: CallKind): Promise<unknown>;
}

export class Verbs {
  readonly #host: VerbHost;

  constructor(host: VerbHost) {
    this.#host = host;
  }

  async oneway(method: MethodRef, input?: unknown, options?: CallOptions): Promise<void> {
    await this.#host.run(() => this.#host.target(checked(method)), input, options, 'oneway');
  }

  async oneshot(method: MethodRef, input?: unknown, options?: CallOptions): Promise<void> {
    const target = this.#host.target(checked(method));
    let queued!: () => void;
    const waits = new Promise<void>((resolve) => (queued = resolve));
    const route = toldOf(target.route, queued);
    const over = this.#host.run({ ...target, route }, input, options, 'oneway');
    await Promise.race([over, waits]);
  }

  start<Out>(method: MethodRef<'unary', unknown, Out>, input?: unknown, options?: StartOptions<Out>): CallHandle<Out> {
    const { done, ...rest } = options ?? {};
    const handle = new OpenHandle<Out>(checked(method), this.#host.options.runtime.logger, done?.bind(options));
    handle.begin(this.#prepare(method, input, 'value'), rest);
    return handle;
  }

  batch(): Batch {
    return openBatch((method, input, kind) => this.#prepare(checked(method), input, kind), this.#host.options.runtime.logger);
  }

  async broadcast<Out>(method: MethodRef<'unary', unknown, Out>, input?: unknown, options?: FanOutOptions): Promise<readonly Receipt<Out>[]> {
    return (await broadcast(await this.#toAll(method, input, options))) as Receipt<Out>[]; // the contract says what they hold
  }
  async fork<Out>(method: MethodRef<'unary', unknown, Out>, input?: unknown, options?: FanOutOptions): Promise<Out> {
    return (await fork(await this.#toAll(method, input, options))) as Out; // likewise
  }
  async inform<Out>(method: MethodRef<'unary', unknown, Out>, input?: unknown, options?: FanOutOptions): Promise<readonly Receipt<Out>[]> {
    return (await inform(await this.#toAll(method, input, options))) as Receipt<Out>[]; // likewise
  }

  #prepare(method: MethodRef, input: unknown, kind: 'value' | 'oneway'): Launch {
    return (options) => this.#host.run(() => this.#host.target(method), input, options, kind);
  }

  /** All servers that the call goes to, and the time that is left once they are known. */
  async #toAll(method: MethodRef, input: unknown, { group, ...options }: FanOutOptions = {}): Promise<FanOut> {
    const { runtime: { clock }, timeoutMs: usual, requireDeadline } = this.#host.options;
    const wrong = requireDeadline ? withoutDeadline({ service: method.service, method: method.name }, options) : undefined;
    if (wrong !== undefined) throw wrong;
    const { binding } = this.#host.target(checked(method));
    const wrongly = wrongOptions(options, options.timeoutMs ?? usual);
    if (wrongly !== undefined) throw wrongly;
    const deadline = Math.min(clock.now() + (options.timeoutMs ?? usual), currentAmbient()?.deadline ?? Infinity);
    await this.#host.started(binding, options);
    const route = this.#host.route(method.service, group);
    if (this.#host.closed()) throw new RpcError('failed_precondition', `${nameOf(method)} was called on a client that is closed; make a new one`, { reason: 'CLOSED', sent: false });
    const links = await this.#before(deadline, options.signal, method, route.everyone());
    if (links.length === 0) {
      const where = group === undefined ? '' : ` in the group "${group}"`;
      throw new RpcError('unavailable', `no instance of "${method.service}"${where} to call ${method.name} on: is a server registered under this name?`, { reason: 'NO_INSTANCE', sent: false });
    }
    const timeoutMs = deadline - clock.now();
    const recipient = ({ address }: ServerLink): Recipient => {
      const target: CallTarget = { binding, route: new PinnedRoute(address, route), failMode: alone };
      return { address, call: (given) => this.#host.run(target, input, given, 'value') };
    };
    return { method, clock, everyone: links.map(recipient), options: { ...options, timeoutMs } };
  }

  /** The list of servers may be long in coming. */
  #before<T>(deadline: number, signal: AbortSignal | undefined, method: MethodRef, work: Promise<T>): Promise<T> {
    const { clock } = this.#host.options.runtime;
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new RpcError('deadline_exceeded', `${nameOf(method)} was not sent: the servers of "${method.service}" were not known in time`, { reason: 'TIMEOUT', sent: false }));
      const timer = deadline === Infinity ? undefined : clock.setTimer(late, Math.max(0, deadline - clock.now()));
      const aborted = (cause: unknown): void => reject(new RpcError('canceled', `${nameOf(method)} was cancelled by its caller`, { reason: 'ABORTED', cause, sent: false }));
      const release = signal === undefined ? undefined : onAbort(signal, aborted);
      const releaseInherited = currentAmbient()?.onAbort?.(aborted);
      void work.then(resolve, reject).then(() => {
        timer?.cancel();
        release?.();
        releaseInherited?.();
      });
    });
  }
}

const alone = failfast();

const checked = <M extends MethodRef>(method: M): M => checkRef(method, 'unary', "no method that can be called: it takes one of a contract, Arith.methods.Mul, or of methodsOf('Arith').Mul");

function nameOf({ service, name }: MethodRef): string {
  return `${service}.${name}`;
}

/** A route to one server only, whatever the selector and health checking say. The outcome of the call counts for the server's health. */
export class PinnedRoute implements CallRoute {
  readonly #address: string;
  readonly #route: ServiceRoute;

  constructor(address: string, route: ServiceRoute) {
    this.#address = address;
    this.#route = route;
  }
  get budget(): CallRoute['budget'] {
    return this.#route.budget;
  }
  send(call: OutboundCall, now: number): void {
    this.#route.sendTo(this.#address, call, now);
  }
  ended(call: OutboundCall, error: RpcError<string> | undefined, now: number): void {
    this.#route.ended(call, error, now);
  }
  hasOther(): boolean {
    return false;
  }
  holdUp(call: OutboundCall): string | undefined {
    return this.#route.holdUp(call);
  }
}

/** The same route, which also reports when a call was queued. A call that was refused rejects its own promise. */
function toldOf(route: CallRoute, queued: () => void): CallRoute {
  return {
    budget: route.budget,
    send(call, now) {
      const inAttempt = call.story.inAttempt !== undefined;
      route.send(call, now);
      const refused = call.settled || call.main.settled || (inAttempt && call.story.inAttempt === undefined);
      if (!refused) queued();
    },
    ended: (call, error, now) => route.ended(call, error, now),
    hasOther: (address) => route.hasOther(address),
    avoided: () => route.avoided?.(),
    holdUp: (call) => route.holdUp?.(call),
  };
}
