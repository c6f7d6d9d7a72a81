import { currentAmbient, DeadlineRing, intercept, onAbort, RpcError, settle, type CallOptions, type ClientCall, type Clock, type Handle, type Reply } from '@rpcxjs/core';
import { abortedError, closedError, expiredError, overError, tooLateError, withAttempts } from './call-errors.ts';
import type { ResolvedClientOptions } from './client-options.ts';
import { asRpcError } from './client-session.ts';
import { OutboundCall, type CallKind, type CallOwner, type CallTarget, type WaitingPlace } from './outbound-call.ts';

export interface CallCounters {
  calls: number;
  succeeded: number;
  failed: number;
  retries: number;
}

const settled = Promise.resolve();
// The promise's own functions without a closure a call: an executor runs at once, so that two variables are enough.
let keptResolve: (value: unknown) => void;
let keptReject: (error: unknown) => void;
const keep = (resolve: (value: unknown) => void, reject: (error: unknown) => void): void => {
  keptResolve = resolve;
  keptReject = reject;
};

/** Takes calls from their start to their result: deadline, cancellation, attempts. */
export class CallRunner implements CallOwner {
  readonly clock: Clock;
  readonly counters: CallCounters = { calls: 0, succeeded: 0, failed: 0, retries: 0 };
  /** Calls that have begun and not ended. */
  active = 0;
  closed = false;
  readonly #options: ResolvedClientOptions;
  readonly #ring: DeadlineRing;
  readonly #chain: Handle<ClientCall> | undefined;
  readonly #attemptChain: Handle<ClientCall> | undefined;
  readonly #rename: (call: OutboundCall, service: string, method: string) => CallTarget;
  readonly #idle: (() => void)[] = [];
  #turnBegan: number = Number.NaN;
  /** Calls between two attempts. */
  readonly #resting = new Set<OutboundCall>();

  constructor(options: ResolvedClientOptions, rename: (call: OutboundCall, service: string, method: string) => CallTarget) {
    this.#options = options;
    this.clock = options.runtime.clock;
    this.#ring = DeadlineRing.of(this.clock);
    this.#rename = rename;
    const terminal = (call: ClientCall) => this.#begin(call as OutboundCall) as ReturnType<Handle<ClientCall>>; // its kind is 'reply'
    this.#chain = options.interceptors.length === 0 ? undefined : intercept(options.interceptors, terminal);
    const attempt = (call: ClientCall) => this.#send(call as OutboundCall) as ReturnType<Handle<ClientCall>>; // likewise
    this.#attemptChain = options.attemptInterceptors.length === 0 ? undefined : intercept(options.attemptInterceptors, attempt);
  }

  run(target: CallTarget, input: unknown, options: CallOptions | undefined, kind: CallKind): Promise<unknown> {
    const call = new OutboundCall(this, target, input, options);
    call.kind = kind;
    if (this.#chain === undefined || kind === 'raw') return this.#start(call);
    return this.#throughChain(call, kind, this.#chain);
  }

  runRaw(call: OutboundCall): Promise<unknown> {
    return this.#start(call);
  }

  /** Resolves when no call is under way. */
  idle(): Promise<void> {
    return this.active === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  succeeded(call: OutboundCall, value: unknown): void {
    if (call.inAttempt !== undefined) {
      const { resolve } = call.inAttempt;
      call.inAttempt = undefined;
      this.#attemptEnded(call, undefined);
      resolve(value);
    } else this.#succeed(call, value);
  }
  #succeed(call: OutboundCall, value: unknown): void {
    if (call.settled) return;
    if (call.pick !== undefined) this.#attemptEnded(call, undefined);
    this.#settle(call);
    this.counters.succeeded += 1;
    call.resolve(call.unwraps ? (value as Reply).output : value);
  }

  /** An attempt failed: again, if the fail mode wants that and it is safe. */
  failed(call: OutboundCall, error: RpcError<string>): void {
    if (call.inAttempt !== undefined) {
      const { reject } = call.inAttempt;
      call.inAttempt = undefined;
      this.#attemptEnded(call, error);
      reject(error);
    } else this.#fail(call, error);
  }
  #fail(call: OutboundCall, error: RpcError<string>): void {
    if (call.settled) return;
    this.#attemptEnded(call, error);
    const again = this.#again(call, error);
    if (again === undefined) this.#reject(call, error);
    else this.#retry(call, again);
  }

  expired(call: OutboundCall): void {
    const session = this.#forget(call, false);
    const error = expiredError(call, { waitedMs: Math.round(this.clock.now() - call.startedAt), address: session?.address, sent: wasSent(call) });
    this.#attemptEnded(call, error);
    call.aborted(error);
    this.#reject(call, error);
  }

  derive(call: OutboundCall, changes: { readonly service?: string; readonly method?: string; readonly input?: unknown }): OutboundCall {
    const service = changes.service ?? call.service;
    const method = changes.method ?? call.method;
    const target = service === call.service && method === call.method ? call.target : this.#rename(call, service, method);
    const derived = new OutboundCall(this, target, 'input' in changes ? changes.input : call.input, call.options);
    derived.kind = call.kind;
    derived.adopt(call);
    return derived;
  }

  #throughChain(call: OutboundCall, kind: CallKind, chain: Handle<ClientCall>): Promise<unknown> {
    call.wantsReply = true;
    const wrong = this.#schedule(call);
    if (wrong !== undefined) return Promise.reject(wrong);
    try {
      const output = (reply: Reply): unknown => (kind === 'value' ? reply.output : undefined);
      const reply = chain(call);
      return reply instanceof Promise ? reply.then(output) : Promise.resolve(output(reply));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The time, looked up once for all calls that begin in one turn: the clock costs as much as a dozen steps of a call. */
  #turnNow(): number {
    if (Number.isNaN(this.#turnBegan)) {
      this.#turnBegan = this.clock.now();
      void settled.then(this.#turnEnded);
    }
    return this.#turnBegan;
  }
  readonly #turnEnded = (): void => {
    this.#turnBegan = Number.NaN;
  };

  /** When it must be done; says why it cannot even begin. */
  #schedule(call: OutboundCall): RpcError | undefined {
    const now = this.#turnNow();
    call.startedAt = now;
    const timeoutMs = call.options?.timeoutMs ?? this.#options.timeoutMs;
    if (Number.isNaN(timeoutMs)) return new RpcError('invalid_argument', 'timeoutMs is NaN: it takes milliseconds, or Infinity for no limit', { sent: false });
    const inherited = currentAmbient()?.deadline ?? Infinity;
    call.deadlineAt = Math.min(now + timeoutMs, inherited);
    return this.#tooLate(call);
  }

  #tooLate(call: OutboundCall): RpcError | undefined {
    return call.deadlineAt > this.#turnNow() ? undefined : tooLateError(call);
  }

  /** A call that leaves its interceptors; one that comes again, or changed, is a call of its own. */
  #begin(call: OutboundCall): Promise<unknown> {
    const own = call.begun ? this.derive(call, {}) : call;
    own.begun = true;
    own.root = own;
    return this.#start(own);
  }

  #start(call: OutboundCall): Promise<unknown> {
    const promise = new Promise(keep);
    call.resolve = keptResolve;
    call.reject = keptReject;
    this.counters.calls += 1;
    this.active += 1;
    const wrong = this.closed ? closedError(call) : Number.isNaN(call.startedAt) ? this.#schedule(call) : this.#tooLate(call);
    if (wrong !== undefined) {
      this.#reject(call, wrong);
      return promise;
    }
    if (call.deadlineAt !== Infinity) call.ringEntry = this.#ring.add(call.deadlineAt, call);
    const signal = call.options?.signal;
    if (signal !== undefined) {
      call.release = onAbort(signal, (reason) => this.#aborted(call, reason));
      if (call.settled) return promise;
    }
    this.#attempt(call, this.#turnNow());
    return promise;
  }

  #attempt(call: OutboundCall, now: number): void {
    call.attemptSent = false;
    call.refused = false;
    const chain = this.#attemptChain;
    if (chain === undefined || call.kind === 'raw') {
      call.target.route.send(call, now);
      return;
    }
    if (!call.wantsReply) call.wantsReply = call.unwraps = true;
    call.passedOn = false;
    void settle(
      () => chain(call),
      (reply) => this.#left(call, () => this.#succeed(call, reply)),
      (error) => this.#left(call, () => this.#fail(call, asRpcError(error))),
    );
  }

  /** One attempt as its interceptors see it. */
  #send(call: OutboundCall): Promise<unknown> {
    const { root } = call;
    if (root.settled) return Promise.reject(overError(call));
    const own = call.passedOn ? this.derive(call, {}) : call;
    own.passedOn = true;
    if (own !== root) (root.copies ??= []).push(own);
    return new Promise((resolve, reject) => {
      own.inAttempt = { resolve, reject };
      own.target.route.send(own, this.clock.now());
    });
  }

  /** Its interceptors have made up their minds: nobody waits for what they passed on and left behind. */
  #left(call: OutboundCall, decide: () => void): void {
    for (const one of withCopies(call)) {
      one.session?.forget(one, true);
      one.inAttempt = undefined;
      this.#attemptEnded(one, undefined);
    }
    decide();
    call.copies = undefined;
  }

  /** Whichever of the call and its copies waits for a reply no longer does. */
  #forget(call: OutboundCall, tell: boolean): WaitingPlace | undefined {
    let last: WaitingPlace | undefined;
    for (const one of withCopies(call)) {
      last = one.session ?? last;
      one.session?.forget(one, tell);
    }
    return last;
  }

  #aborted(call: OutboundCall, reason: unknown): void {
    if (call.settled) return;
    const session = this.#forget(call, true);
    const error = abortedError(call, reason, { address: session?.address, sent: wasSent(call) });
    this.#attemptEnded(call, error);
    call.aborted(error);
    this.#reject(call, error);
  }

  /** Milliseconds until the next attempt, undefined for none. */
  #again(call: OutboundCall, error: RpcError<string>): number | undefined {
    (call.failures ??= []).push({ address: error.address, error, durationMs: this.clock.now() - call.startedAt });
    if (call.kind === 'raw' || this.closed) return undefined;
    // What the error says of itself is hearsay: it may come from another client, by way of an interceptor.
    const all = withCopies(call);
    const mayHaveRun = all.some(({ attemptSent, refused }) => attemptSent && !refused);
    const wasRefused = !mayHaveRun && all.some(({ refused }) => refused);
    const unsent = !mayHaveRun && !wasRefused && error.code === 'unavailable';
    const retryable = unsent || wasRefused || (call.idempotent && error.code === 'unavailable');
    const wait = this.#decide(call, error, retryable);
    if (wait !== undefined) return wait;
    const ready = call.options?.waitForReady === true && unsent;
    return ready ? Math.min(1000, 20 * 2 ** Math.min(call.attempt, 6)) * this.clock.random() : undefined;
  }

  #decide(call: OutboundCall, error: RpcError<string>, retryable: boolean): number | undefined {
    const failMode = call.target.failMode ?? this.#options.failMode;
    try {
      const decision = failMode.next({ error: error as RpcError, retryable, attempt: call.attempt, instance: undefined }, call);
      if (decision === 'give-up') return undefined;
      call.again = decision.again;
      return decision.afterMs + (decision.jitterMs ?? 0) * this.clock.random();
    } catch (thrown) {
      this.#options.runtime.logger.error({ failMode: failMode.name, error: thrown }, 'a fail mode threw, and the call is not tried again');
      return undefined;
    }
  }

  /** Tells the picker how the attempt went. */
  #attemptEnded(call: OutboundCall, error: unknown): void {
    const { pick } = call;
    call.pick = undefined;
    try {
      pick?.done?.({ error, durationMs: this.clock.now() - call.startedAt });
    } catch (thrown) {
      this.#options.runtime.logger.error({ error: thrown }, 'a picker threw when it was told how an attempt went');
    }
  }

  /** Ends the calls that wait for their next attempt: there will be none. */
  endResting(error: RpcError): void {
    for (const call of this.#resting) this.#reject(call, error);
  }

  #retry(call: OutboundCall, afterMs: number): void {
    call.attempt += 1;
    this.counters.retries += 1;
    const release = call.release;
    this.#resting.add(call);
    const timer = this.clock.setTimer(() => {
      this.#resting.delete(call);
      call.release = release;
      if (!call.settled) this.#attempt(call, this.clock.now());
    }, afterMs);
    call.release = () => {
      this.#resting.delete(call);
      timer.cancel();
      release?.();
    };
  }

  #reject(call: OutboundCall, error: RpcError<string>): void {
    this.#settle(call);
    this.counters.failed += 1;
    const { failures } = call;
    const whole = failures === undefined || failures.length < 2 ? error : withAttempts(error, failures);
    for (const one of withCopies(call)) {
      const waiting = one.inAttempt;
      one.inAttempt = undefined;
      if (waiting === undefined) continue;
      this.#attemptEnded(one, whole);
      waiting.reject(whole);
    }
    call.copies = undefined;
    call.reject(this.#mapped(whole));
  }

  #mapped(error: RpcError<string>): unknown {
    if (!error.remote || this.#options.mapError === undefined) return error;
    try {
      return this.#options.mapError(error) ?? error;
    } catch (thrown) {
      return thrown;
    }
  }

  #settle(call: OutboundCall): void {
    call.settled = true;
    if (call.ringEntry >= 0) {
      this.#ring.remove(call.ringEntry);
      call.ringEntry = -1;
    }
    if (call.release !== undefined) {
      call.release();
      call.release = undefined;
    }
    this.active -= 1;
    if (this.active === 0 && this.#idle.length > 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function withCopies(call: OutboundCall): readonly OutboundCall[] {
  return call.copies === undefined ? [call] : [call, ...call.copies];
}

/** Whether a byte of it has left this process, now or in an attempt before. */
function wasSent(call: OutboundCall): boolean {
  return withCopies(call).some(({ attemptSent }) => attemptSent) || (call.failures ?? []).some(({ error }) => error.sent);
}
