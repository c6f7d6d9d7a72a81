import { DeadlineRing, intercept, RpcError, settle, type ClientCall, type Clock, type Expirable, type FailMode, type Handle } from '@rpcxjs/core';
import { anySent, endedBy, laneOf, overError, partsOf, trueToSent } from './call-errors.ts';
import type { ResolvedClientOptions } from './client-options.ts';
import { asRpcError } from './client-session.ts';
import { endOfAttempt, type OutboundCall } from './outbound-call.ts';
import { atOnce, logLate } from './synchronous.ts';

declare module '@rpcxjs/core' {
  interface Reasons {
    HEDGED: true;
  }
}

/** Milliseconds that interceptors have to make something of the end of their call once they were told: a busy process tells late. */
export const patienceMs = 20;

/** What becomes of a call when its attempts are done. */
export interface AttemptOwner {
  /** True once the client has ended: no further attempt is made, not even for calls that are under way. */
  ended: boolean;
  derive(call: OutboundCall, changes: object): OutboundCall;
  finished(main: OutboundCall, value: unknown): void;
  gaveUp(main: OutboundCall, error: RpcError<string>): void;
}

/**
 * Makes the attempts of calls: the first one, those after a failure, and a second one beside a slow one (a hedge). Attempts that run side by side are called
 * lanes. The first lane is the call that the caller waits for (`main`); a hedge is a call of its own whose `main` is that one. Copies that interceptors make
 * of an attempt belong to its lane.
 */
export class Attempts {
  retries = 0;
  hedges = 0;
  overBudget = 0;
  readonly #options: ResolvedClientOptions;
  readonly #clock: Clock;
  readonly #ring: DeadlineRing;
  readonly #owner: AttemptOwner;
  readonly #chain: Handle<ClientCall> | undefined;
  /** Calls between two attempts. */
  readonly #resting = new Set<OutboundCall>();
  /** Calls whose attempts go through interceptors, which may keep them. */
  readonly #held = new Set<OutboundCall>();

  constructor(options: ResolvedClientOptions, owner: AttemptOwner) {
    this.#options = options;
    this.#clock = options.runtime.clock;
    this.#ring = DeadlineRing.of(this.#clock);
    this.#owner = owner;
    const attempt = (call: ClientCall) => this.#send(call as OutboundCall) as ReturnType<Handle<ClientCall>>; // wantsReply is set
    this.#chain = options.attemptInterceptors.length === 0 ? undefined : intercept(options.attemptInterceptors, attempt);
  }

  begin(main: OutboundCall, now: number): void {
    if (this.#chain !== undefined) this.#held.add(main);
    main.target.route.budget.calls += 1;
    const { hedgeAfterMs } = this.#failMode(main);
    if (hedgeAfterMs !== undefined && main.kind === 'value') this.#planHedge(main, now);
    this.#launch(main, now);
  }

  /** A lane, or a copy of one, got its reply. */
  succeeded(call: OutboundCall, value: unknown, now: number): void {
    const waiting = call.story.inAttempt;
    if (waiting === undefined) {
      this.#won(call, value, now);
      return;
    }
    call.told.inAttempt = undefined;
    endOfAttempt(call, undefined, now);
    waiting.resolve(value);
  }

  /** A lane, or a copy of one, cannot get a reply any more. */
  failed(call: OutboundCall, error: RpcError<string>, now: number): void {
    const waiting = call.story.inAttempt;
    if (waiting === undefined) {
      this.#lost(call, error, now);
      return;
    }
    call.told.inAttempt = undefined;
    endOfAttempt(call, error, now);
    waiting.reject(error);
  }

  /** The caller no longer waits: all attempts that are under way are given up. */
  forget(main: OutboundCall, error: RpcError<string>, tell: boolean): void {
    const now = this.#clock.now();
    for (const one of partsOf(main)) {
      one.session?.forget(one, tell);
      endOfAttempt(one, error, now);
    }
  }

  /** The call is over: interceptors that still wait for one of its attempts get the same error. */
  dissolve(main: OutboundCall, error: RpcError<string>): void {
    this.#held.delete(main);
    this.#unplanHedge(main);
    const now = this.#clock.now();
    for (const one of partsOf(main)) {
      one.settled = true;
      const waiting = one.story.inAttempt;
      one.told.inAttempt = undefined;
      endOfAttempt(one, error, now);
      waiting?.reject(error);
    }
    main.told.copies = undefined;
    main.told.hedge = undefined;
  }

  /** Ends the calls that wait for their next attempt, there will be none, and a little later those that interceptors still hold. */
  endResting(error: RpcError): void {
    for (const call of this.#resting) this.#owner.gaveUp(call, endedBy(call, error));
    if (this.#held.size === 0) return;
    this.#clock.setTimer(() => {
      for (const call of this.#held) this.#owner.gaveUp(call, endedBy(call, error));
    }, patienceMs);
  }

  #failMode(main: OutboundCall): FailMode {
    return main.target.failMode ?? this.#options.failMode;
  }

  #launch(lane: OutboundCall, now: number): void {
    lane.attemptAt = now;
    const chain = this.#chain;
    if (chain === undefined || lane.kind === 'raw') {
      lane.target.route.send(lane, now);
      return;
    }
    if (!lane.story.wantsReply) lane.told.wantsReply = lane.told.unwraps = true;
    lane.told.passedOn = false;
    void settle(
      () => chain(lane),
      (reply) => this.#left(lane, () => this.#won(lane, reply, this.#clock.now())),
      (error) => this.#left(lane, () => this.#lost(lane, asRpcError(error), this.#clock.now())),
    );
  }

  /** One attempt as its interceptors see it. */
  #send(call: OutboundCall): Promise<unknown> {
    const { root } = call;
    if (root.settled || root.main.settled || root.story.lost) return Promise.reject(overError(call));
    const own = call.story.passedOn ? this.#owner.derive(call, {}) : call;
    own.told.passedOn = true;
    if (own !== root) (root.told.copies ??= []).push(own);
    return new Promise((resolve, reject) => {
      own.told.inAttempt = { resolve, reject };
      const now = this.#clock.now();
      own.attemptAt = now;
      own.target.route.send(own, now);
    });
  }

  /** The interceptors of the attempt have returned: copies that they passed on and that are still under way are given up. */
  #left(lane: OutboundCall, decide: () => void): void {
    const now = this.#clock.now();
    for (const one of laneOf(lane)) {
      one.session?.forget(one, true);
      one.told.inAttempt = undefined;
      // Reported as cancelled, because it says nothing about the server.
      if (one.chosen) endOfAttempt(one, new RpcError('canceled', 'an interceptor no longer waited for it', { reason: 'ABORTED' }), now);
      if (one !== lane) one.settled = true;
    }
    decide();
    lane.told.copies = undefined;
  }

  #won(lane: OutboundCall, value: unknown, now: number): void {
    const { main } = lane;
    if (main.settled || lane.settled || lane.story.lost) return;
    this.#held.delete(main);
    endOfAttempt(lane, undefined, now);
    if (main.story.hedge !== undefined || main.story.hedgeEntry >= 0) this.#leaveRival(main, lane);
    const failMode = this.#failMode(main);
    // For a hedged call the time counts from its first attempt: counted from the second, slow servers would look fast and be hedged ever sooner.
    if (failMode.succeeded !== undefined) this.#tell(failMode, main, now - main.attemptAt);
    this.#owner.finished(main, value);
  }

  #tell(failMode: FailMode, main: OutboundCall, durationMs: number): void {
    const { logger } = this.#options.runtime;
    const threw = 'a fail mode threw when it was told of a success';
    try {
      logLate(failMode.succeeded?.(main, durationMs), logger, threw);
    } catch (error) {
      logger.error({ failMode: failMode.name, err: error }, threw);
    }
  }

  /** An attempt failed. There is another one if the fail mode wants it and it is safe, but not while the lane beside it may still answer. */
  #lost(lane: OutboundCall, cause: RpcError<string>, now: number): void {
    const { main } = lane;
    if (main.settled || lane.settled || lane.story.lost) return;
    const error = trueToSent(cause, anySent(laneOf(lane)));
    lane.told.lost = true;
    endOfAttempt(lane, error, now);
    (main.told.failures ??= []).push({ address: error.address ?? lane.address, error, durationMs: now - lane.attemptAt });
    const { hedge } = main.story;
    if (hedge !== undefined && !(hedge.story.lost && main.story.lost)) return;
    const wait = this.#again(main, error);
    // Where the wait would end after the deadline, the error at hand says more than a timeout would.
    if (wait === undefined || (now + wait >= main.deadlineAt && main.options?.waitForReady !== true)) this.#owner.gaveUp(main, error);
    else this.#retry(main, wait);
  }

  /** Milliseconds until the next attempt, undefined for none. */
  #again(main: OutboundCall, error: RpcError<string>): number | undefined {
    if (this.#owner.ended) return undefined;
    // Decided from what this client saw itself: the error's own `sent` may be about another client's call, by way of an interceptor.
    const all = partsOf(main);
    const mayHaveRun = all.some(({ attemptSent, story }) => attemptSent && !story.refused);
    const wasRefused = !mayHaveRun && all.some(({ story }) => story.refused);
    const unsent = !mayHaveRun && !wasRefused && error.code === 'unavailable';
    // A raw message is sent at most once, because nobody here knows what it does.
    if (main.kind === 'raw' && !unsent) return undefined;
    const retryable = unsent || wasRefused || (main.idempotent && error.code === 'unavailable');
    const wait = this.#decide(main, error, retryable);
    const ready = main.options?.waitForReady === true && unsent;
    // What was not sent was no load for any server, and one that shuts down has asked for the call to go elsewhere: neither takes anything from the budget.
    const free = unsent || (wasRefused && (error.reason === 'CLOSED' || error.reason === 'DRAINING'));
    if (wait !== undefined && (free || this.#affords(main))) return wait;
    return ready ? Math.min(1000, 20 * 2 ** Math.min(main.attempt, 6)) * this.#clock.random() : undefined;
  }

  #affords(main: OutboundCall): boolean {
    if (main.target.route.budget.spend()) return true;
    this.overBudget += 1;
    return false;
  }

  #decide(main: OutboundCall, error: RpcError<string>, retryable: boolean): number | undefined {
    const failMode = this.#failMode(main);
    try {
      const decision = atOnce(failMode.next({ error: error as RpcError, retryable, attempt: main.attempt, instance: main.instance }, main), 'it');
      if (decision === 'give-up') return undefined;
      const { again, afterMs, jitterMs = 0 } = decision;
      // Tried again at once, it would be tried until its deadline.
      if (afterMs === undefined) throw new TypeError('it gave no afterMs');
      main.told.again = again;
      return afterMs + jitterMs * this.#clock.random();
    } catch (thrown) {
      this.#options.runtime.logger.error({ failMode: failMode.name, err: thrown }, 'a fail mode threw, and the call is not tried again');
      return undefined;
    }
  }

  #retry(main: OutboundCall, afterMs: number): void {
    main.told.attempt += 1;
    this.retries += 1;
    for (const one of partsOf(main)) if (one !== main) one.settled = true;
    main.told.copies = undefined;
    main.told.hedge = undefined;
    const release = main.release;
    this.#resting.add(main);
    const timer = this.#clock.setTimer(() => {
      this.#resting.delete(main);
      main.release = release;
      if (main.settled) return;
      main.attemptSent = main.told.refused = main.told.lost = false;
      this.#launch(main, this.#clock.now());
    }, afterMs);
    main.release = () => {
      this.#resting.delete(main);
      timer.cancel();
      release?.();
    };
  }

  #planHedge(main: OutboundCall, now: number): void {
    const failMode = this.#failMode(main);
    let afterMs: number | undefined;
    try {
      afterMs = atOnce(failMode.hedgeAfterMs?.(main), 'it');
    } catch (error) {
      this.#options.runtime.logger.error({ failMode: failMode.name, err: error }, 'a fail mode threw, and no second server is asked');
    }
    if (afterMs === undefined || !(now + afterMs < main.deadlineAt)) return;
    main.told.hedgeEntry = this.#ring.add(now + afterMs, new HedgeTimer(main, this));
  }

  #unplanHedge(main: OutboundCall): void {
    if (main.story.hedgeEntry < 0) return;
    this.#ring.remove(main.story.hedgeEntry);
    main.told.hedgeEntry = -1;
  }

  /** The first attempt is slow: another server is asked as well, if there is one and the budget allows. */
  hedge(main: OutboundCall): void {
    main.told.hedgeEntry = -1;
    if (main.settled || main.story.lost || this.#owner.ended) return;
    if (!main.target.route.hasOther(main.address) || !this.#affords(main)) return;
    const lane = this.#owner.derive(main, {});
    lane.root = lane;
    main.told.hedge = lane;
    this.hedges += 1;
    this.#launch(lane, this.#clock.now());
  }

  /** One of two lanes has won: the other one is cancelled, on its server too. */
  #leaveRival(main: OutboundCall, winner: OutboundCall): void {
    this.#unplanHedge(main);
    const { hedge } = main.story;
    if (hedge === undefined) return;
    const rival = winner === main ? hedge : main;
    const late = new RpcError('canceled', 'another server answered first', { reason: 'HEDGED' });
    const now = this.#clock.now();
    for (const one of laneOf(rival)) {
      one.session?.forget(one, true);
      endOfAttempt(one, late, now);
      const waiting = one.story.inAttempt;
      one.told.inAttempt = undefined;
      waiting?.reject(late);
      if (one !== main) one.settled = true;
    }
    // The reply's metadata is the winner's.
    main.address = winner.address;
  }
}

class HedgeTimer implements Expirable {
  readonly #main: OutboundCall;
  readonly #attempts: Attempts;
  constructor(main: OutboundCall, attempts: Attempts) {
    this.#main = main;
    this.#attempts = attempts;
  }
  expired(): void {
    this.#attempts.hedge(this.#main);
  }
}
