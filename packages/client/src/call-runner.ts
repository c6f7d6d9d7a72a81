import {
  currentAmbient, DeadlineRing, intercept, RpcError, thrownText,
  type Ambient, type CallOptions, type ClientCall, type Clock, type Handle, type Reply, type Timer,
} from '@rpcxjs/core';
import { Attempts, patienceMs, type AttemptOwner } from './attempts.ts';
import { currentContext } from './call-context.ts';
import { abortedError, closedError, expiredError, endedBy, noReplyError, partsOf, tooLateError, trueToSent, wasSent, wrongOptions, withAttempts } from './call-errors.ts';
import { both, onGivenUp, type TrackedOptions } from './call-handle.ts';
import type { ResolvedClientOptions } from './client-options.ts';
import { OutboundCall, type CallKind, type CallOwner, type CallTarget } from './outbound-call.ts';
import { atOnce, isPromise } from './synchronous.ts';

export interface CallCounters {
  /** Calls that went out, which is each time that interceptors around the whole call passed one on; and those that failed because plugins did not start. */
  readonly calls: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Attempts made after a failed one. */
  readonly retries: number;
  /** Second attempts made beside a slow one. */
  readonly hedges: number;
  /** Attempts of either kind that were not made, because the retry budget of the service was spent. */
  readonly overBudget: number;
  /** Milliseconds from the start of each call to its end, summed up. */
  readonly callMs: number;
}

const settled = Promise.resolve();
// Gives resolve and reject of a new promise to its call without making a closure for each: an executor runs at once, so one variable is enough.
let starting: OutboundCall;
const keep = (resolve: (value: unknown) => void, reject: (error: unknown) => void): void => {
  starting.resolve = resolve;
  starting.reject = reject;
};

/** Takes calls from their start to their result: deadline, cancellation, attempts. */
export class CallRunner implements CallOwner, AttemptOwner {
  readonly clock: Clock;
  readonly counters = { calls: 0, succeeded: 0, failed: 0, callMs: 0 };
  readonly attempts: Attempts;
  /** Calls that interceptors have passed on, and that have not ended. */
  active = 0;
  closed = false;
  ended = false;
  readonly #options: ResolvedClientOptions;
  readonly #ring: DeadlineRing;
  readonly #chain: Handle<ClientCall> | undefined;
  /** Whether functions of the options are asked about each request. */
  readonly #asks: boolean;
  readonly #rename: (call: OutboundCall, service: string, method: string) => CallTarget;
  /** Calls that wait for plugins to start. */
  awaitingStart = 0;
  /** Calls of `active` whose interceptors may still hold them when they have ended. */
  #passed = 0;
  readonly #idle: (() => void)[] = [];
  /** One function for each call that interceptors still hold; it ends that call. */
  readonly #held = new Set<(error: RpcError) => void>();
  #turnBegan: number = Number.NaN;
  /** Of the call that was scheduled last. */
  #ambient: Ambient | undefined;

  constructor(options: ResolvedClientOptions, rename: (call: OutboundCall, service: string, method: string) => CallTarget) {
    this.#options = options;
    this.clock = options.runtime.clock;
    this.#ring = DeadlineRing.of(this.clock);
    this.#rename = rename;
    this.#asks = options.token !== undefined || options.headers.length > 0;
    const terminal = (call: ClientCall) => this.#begin(call as OutboundCall) as ReturnType<Handle<ClientCall>>; // wantsReply is set
    this.#chain = options.interceptors.length === 0 ? undefined : intercept(options.interceptors, terminal);
    this.attempts = new Attempts(options, this);
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

  /** A call that waits for plugins to start, and fails if they do not. */
  async waits<T>(started: Promise<T>): Promise<T> {
    const began = this.clock.now();
    this.awaitingStart += 1;
    try {
      return await started;
    } catch (error) {
      this.counters.calls += 1;
      this.counters.failed += 1;
      this.counters.callMs += this.clock.now() - began;
      throw error;
    } finally {
      this.awaitingStart -= 1;
    }
  }

  /** Calls that have begun and not ended, wherever they are. */
  get pending(): number {
    return this.active - this.#passed + this.#held.size + this.awaitingStart;
  }
  /** Whether any call is under way, or held by interceptors. */
  get busy(): boolean {
    return this.active > 0 || this.#held.size > 0;
  }
  /** Resolves when no call is under way. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#left();
    });
  }
  /** From now on no call is tried again; those that interceptors hold end with this error. */
  end(error: RpcError): void {
    this.ended = true;
    for (const end of this.#held) end(error);
  }

  succeeded(call: OutboundCall, value: unknown): void {
    if (!call.settled) this.attempts.succeeded(call, value, this.#turnNow());
  }
  failed(call: OutboundCall, error: RpcError<string>): void {
    if (!call.settled) this.attempts.failed(call, error, this.#turnNow());
  }

  finished(call: OutboundCall, value: unknown): void {
    if (call.story.unwraps && !isReply(value)) {
      this.#reject(call, noReplyError(call));
      return;
    }
    this.#settle(call);
    this.counters.succeeded += 1;
    call.resolve(call.story.unwraps ? (value as Reply).output : value);
  }
  gaveUp(call: OutboundCall, error: RpcError<string>): void {
    this.#reject(call, error);
  }

  expired(call: OutboundCall): void {
    const { address } = waitingPlace(call);
    const error = expiredError(call, { waitedMs: Math.round(this.clock.now() - call.startedAt), address, sent: wasSent(call) });
    this.attempts.forget(call, error, false);
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
    call.told.wantsReply = true;
    call.told.passes = [];
    const wrong = this.closed ? closedError(call) : this.#schedule(call);
    if (wrong !== undefined) return Promise.reject(wrong);
    // Interceptors may make other calls.
    const ambient = this.#ambient;
    try {
      const output = (reply: Reply): unknown => {
        if (!isReply(reply)) throw noReplyError(call);
        return kind === 'value' ? reply.output : undefined;
      };
      const failed = (error: unknown): never => {
        throw trueToSent(error, wasSent(call));
      };
      const reply = chain(call);
      return isPromise(reply) ? this.#bounded(call, Promise.resolve(reply).then(output, failed), ambient) : Promise.resolve(output(reply));
    } catch (error) {
      return Promise.reject(trueToSent(error, wasSent(call)));
    }
  }

  /** Ends the call at its deadline, or when it is aborted, even if its interceptors do not react or never passed it on. */
  #bounded(call: OutboundCall, result: Promise<unknown>, ambient: Ambient | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const end = (error: RpcError): void => {
        call.aborted(error);
        reject(error);
        over();
      };
      const late = (): RpcError => expiredError(call, { waitedMs: Math.round(this.clock.now() - call.startedAt), address: undefined, sent: wasSent(call) });
      const expired = (): void => {
        entry = -1;
        endSoon(late);
      };
      let entry = call.deadlineAt === Infinity ? -1 : this.#ring.add(call.deadlineAt, { expired });
      let timer: Timer | undefined;
      const endSoon = (why: () => RpcError): void => {
        timer ??= this.clock.setTimer(() => end(why()), patienceMs);
      };
      const aborted = (reason: unknown): void => endSoon(() => abortedError(call, reason, { address: undefined, sent: wasSent(call) }));
      const cut = (error: RpcError): void => endSoon(() => endedBy(call, error));
      const release = onGivenUp(call.options, aborted);
      const outer = ambient?.onAbort?.((reason) => {
        if (isTimeout(reason)) endSoon(late);
        else aborted(reason);
      });
      const over = (): void => {
        if (entry >= 0) this.#ring.remove(entry);
        entry = -1;
        timer?.cancel();
        release?.();
        outer?.();
        this.#held.delete(cut);
        this.#left();
      };
      this.#held.add(cut);
      const after = <T>(settle: (outcome: T) => void) => (outcome: T): void => {
        over();
        settle(outcome);
      };
      result.then(after(resolve), after(reject));
    });
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
    let timeoutMs = this.#options.timeoutMs;
    if (call.options !== undefined) {
      try {
        timeoutMs = call.options.timeoutMs ?? timeoutMs;
        const wrong = wrongOptions(call.options, timeoutMs);
        if (wrong !== undefined) return wrong;
      } catch (cause) {
        return new RpcError('invalid_argument', `the options of a call cannot be read: ${thrownText(cause)}`, { sent: false, cause });
      }
    }
    this.#ambient = currentAmbient();
    call.deadlineAt = Math.min(now + timeoutMs, this.#ambient?.deadline ?? Infinity);
    return this.#tooLate(call);
  }

  #tooLate(call: OutboundCall): RpcError | undefined {
    return call.deadlineAt > this.#turnNow() ? undefined : tooLateError(call);
  }

  /** A call that leaves its interceptors; one that comes again, or changed, is a call of its own. */
  #begin(call: OutboundCall): Promise<unknown> {
    const own = call.story.begun ? this.derive(call, {}) : call;
    own.told.begun = true;
    own.story.passes?.push(own);
    own.root = own.main = own;
    return this.#start(own);
  }

  #start(call: OutboundCall): Promise<unknown> {
    starting = call;
    const promise = new Promise(keep);
    this.counters.calls += 1;
    this.active += 1;
    if (call.story.passes !== undefined) this.#passed += 1;
    const scheduled = !Number.isNaN(call.startedAt);
    // What its interceptors held while the client began to close is still let through.
    const wrong = (scheduled ? this.ended : this.closed) ? closedError(call) : scheduled ? this.#tooLate(call) : this.#schedule(call);
    if (wrong !== undefined) {
      this.#reject(call, wrong);
      return promise;
    }
    if (call.deadlineAt !== Infinity) call.ringEntry = this.#ring.add(call.deadlineAt, call);
    const ambient = scheduled ? currentAmbient() : this.#ambient;
    const given: TrackedOptions | undefined = call.options;
    if (given?.signal !== undefined || given?.stop !== undefined || ambient?.onAbort !== undefined) this.#heed(call, ambient);
    if (this.#asks) call.told.context = currentContext();
    if (!call.settled) this.attempts.begin(call, this.#turnNow());
    return promise;
  }

  /** It ends when its caller gives it up, and with the call whose handler makes it. */
  #heed(call: OutboundCall, ambient: Ambient | undefined): void {
    const aborted = (reason: unknown): void => this.#aborted(call, reason);
    const own = onGivenUp(call.options, aborted);
    // The deadline is the same for both, and whichever of the two clocks strikes first says so.
    const ended = (reason: unknown): void => (isTimeout(reason) ? this.expired(call) : aborted(reason));
    const outer = call.settled ? undefined : ambient?.onAbort?.(ended);
    const release = both(own, outer);
    if (call.settled) release?.();
    else call.release = release;
  }

  #aborted(call: OutboundCall, reason: unknown): void {
    if (call.settled) return;
    const { address } = waitingPlace(call);
    const error = abortedError(call, reason, { address, sent: wasSent(call) });
    this.attempts.forget(call, error, true);
    call.aborted(error);
    this.#reject(call, error);
  }

  #reject(call: OutboundCall, error: RpcError<string>): void {
    this.#settle(call);
    this.counters.failed += 1;
    const { failures } = call.story;
    const whole = failures === undefined || failures.length < 2 ? error : withAttempts(error, failures, call.target.route.avoided?.());
    this.attempts.dissolve(call, whole);
    call.reject(this.#mapped(whole));
  }

  #mapped(error: RpcError<string>): unknown {
    if (!error.remote || this.#options.mapError === undefined) return error;
    try {
      return atOnce(this.#options.mapError(error), 'mapError', error) ?? error;
    } catch (thrown) {
      return thrown;
    }
  }

  #settle(call: OutboundCall): void {
    // Its interceptors may pass it on once more, when its attempts are forgotten.
    if (call.story.passes !== undefined) {
      this.#passed -= 1;
      if (wasSent(call)) call.attemptSent = true;
    }
    call.settled = true;
    if (call.ringEntry >= 0) {
      this.#ring.remove(call.ringEntry);
      call.ringEntry = -1;
    }
    if (call.release !== undefined) {
      call.release();
      call.release = undefined;
    }
    if (!Number.isNaN(call.startedAt)) this.counters.callMs += this.#turnNow() - call.startedAt;
    this.active -= 1;
    this.#left();
  }

  #left(): void {
    if (this.#idle.length > 0 && !this.busy) for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function isTimeout(reason: unknown): boolean {
  return RpcError.is(reason) && reason.code === 'deadline_exceeded';
}

/** False where an interceptor forgot to return its reply. */
function isReply(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** Where the call, or the second attempt beside it, waits for a reply. */
function waitingPlace(call: OutboundCall): { readonly address: string | undefined } {
  return { address: partsOf(call).findLast(({ session }) => session !== undefined)?.session?.address };
}
