import { LazySignal, onAbort, RpcError, thrownText, type CallOptions, type Logger, type Metadata, type MethodRef } from '@rpcxjs/core';
import { logLate } from './synchronous.ts';

/** Where a started call is: not yet on a connection, on one, or over. */
export type CallState = 'queued' | 'written' | 'settled';

/** A call that was started and can be looked at: await it for its reply. Left behind, it costs nothing and raises nothing. */
export interface CallHandle<Out = unknown> extends PromiseLike<Out> {
  readonly service: string;
  readonly method: string;
  readonly state: CallState;
  /**
   * Resolves when the bytes were handed to the connection, before the reply; rejects with the call's own error when they never are. A call that
   * an interceptor answers by itself counts as sent.
   */
  readonly sent: Promise<void>;
  /** What came with the reply; undefined until then. */
  readonly metadata: Metadata | undefined;
  /** The server that replied; undefined until then. */
  readonly address: string | undefined;
  /** Ends the call with reason ABORTED: what is still queued is never sent, and a server of this library is told of what was. Does nothing to a call that is over. */
  cancel(reason?: unknown): void;
  catch<T = never>(failed: (error: unknown) => T | PromiseLike<T>): Promise<Out | T>;
  finally(run: () => void): Promise<Out>;
}

export interface StartOptions<Out = unknown> extends CallOptions {
  /** Called exactly once, when the call is over in whatever way. What it throws is logged. */
  done?(call: CallHandle<Out>): void;
}

/** What the client itself wants to know of a call, or has it do; interceptors and hedges pass it on with the caller's options. */
export interface TrackedOptions extends CallOptions {
  /** The call was handed to a connection; once an attempt. */
  onSent?(): void;
  /** It leaves with others: nothing is written before the turn ends, up to the most that one write takes. */
  readonly together?: boolean | undefined;
  /** Ends the call as its signal does. */
  readonly stop?: LazySignal | undefined;
}

/** Runs `run` when the caller gives the call up, by its signal or by its handle; returns a function that takes it off again. Undefined where neither can happen. */
export function onGivenUp(options: TrackedOptions | undefined, run: (reason: unknown) => void): (() => void) | undefined {
  if (options === undefined) return undefined;
  const { signal, stop } = options;
  return both(stop?.listen(run), signal === undefined ? undefined : onAbort(signal, run));
}

/** The two as one. */
export function both(one: (() => void) | undefined, other: (() => void) | undefined): (() => void) | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return () => {
    one();
    other();
  };
}

// Each branch takes an input, so that what is generic in `In` itself can pass one; without the first question `any` would count as unknown.
/** What follows the method of a verb: an input that is void, or may be undefined, may be left out. */
export type InputRest<In, Options> = 0 extends 1 & In ? [input?: unknown, options?: Options]
  : unknown extends In ? [input: In, options?: Options]
  : undefined extends In ? [input?: In, options?: Options] : [input: In, options?: Options];

/** Makes the call of a handle. */
export type Launch = (options: TrackedOptions) => Promise<unknown>;

/** A handle as its caller holds it, and with `begin`, which makes the call. Its promises are made only when somebody asks for them, because they cost as much as the call itself. */
export class OpenHandle<Out> implements CallHandle<Out> {
  readonly service: string;
  readonly method: string;
  state: CallState = 'queued';
  metadata: Metadata | undefined;
  address: string | undefined;
  /** Why it ended, if it failed. */
  error: unknown;
  readonly #logger: Logger;
  readonly #done: StartOptions<Out>['done'];
  #stop: LazySignal | undefined;
  #written: readonly [void] | undefined;
  #value: readonly [Out] | undefined;
  #failed = false;
  #sent: Promise<void> | undefined;
  #reply: Promise<Out> | undefined;
  readonly #looks: (() => void)[] = [];

  constructor(method: MethodRef, logger: Logger, done?: StartOptions<Out>['done']) {
    this.service = method.service;
    this.method = method.name;
    this.#logger = logger;
    this.#done = done;
  }

  get sent(): Promise<void> {
    // A failed call rejects this promise too: a caller who handles the reply alone must not get an unhandled rejection from it.
    if (this.#sent === undefined) (this.#sent = this.#later(() => this.#written)).catch(ignore);
    return this.#sent;
  }

  /** Makes the call. `options` belong to the handle from then on: it adds its own hooks to them. */
  begin(launch: Launch, options: TrackedOptions): void {
    if (this.state === 'settled') return;
    const stop = (this.#stop = new LazySignal());
    const tracked: TrackedOptions = {
      stop,
      onSent: () => {
        if (this.state === 'queued') this.state = 'written';
        this.#written = known;
        this.#look();
      },
      onReply: (reply) => {
        this.metadata = reply.metadata;
        this.address = reply.address;
        return told?.call(options, reply);
      },
    };
    const { onReply: told } = options;
    launch(Object.assign(options, tracked)).then(
      (value) => {
        this.#value = [value as Out]; // the contract says what it is
        this.#written = known;
        this.#settle();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  cancel(reason?: unknown): void {
    if (this.state === 'settled') return;
    if (this.#stop === undefined) {
      const message = `${this.service}.${this.method} was cancelled by its caller before it was begun`;
      this.#fail(new RpcError('canceled', message, { reason: 'ABORTED', sent: false, cause: reason }));
      return;
    }
    // AbortSignal.abort gives a missing reason its default, an AbortError.
    this.#stop.abort(AbortSignal.abort(reason).reason);
  }

  // oxlint-disable-next-line unicorn/no-thenable -- awaiting the handle is what it is for
  then<A = Out, B = never>(ok?: ((value: Out) => A | PromiseLike<A>) | null, failed?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<A | B> {
    return this.#awaited().then(ok, failed);
  }
  catch<T = never>(failed: (error: unknown) => T | PromiseLike<T>): Promise<Out | T> {
    return this.#awaited().catch(failed);
  }
  finally(run: () => void): Promise<Out> {
    return this.#awaited().finally(run);
  }

  #awaited(): Promise<Out> {
    return (this.#reply ??= this.#later(() => this.#value));
  }

  /** What `get` says as soon as it does, unless the call has failed by then. */
  #later<T>(get: () => readonly [T] | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const value = get();
        if (value !== undefined) resolve(value[0]);
        else if (this.#failed) reject(this.error);
      };
      this.#looks.push(look);
      look();
    });
  }
  #look(): void {
    for (const look of this.#looks) look();
  }

  #fail(error: unknown): void {
    this.#failed = true;
    this.error = error;
    this.#settle();
  }

  #settle(): void {
    this.state = 'settled';
    this.#look();
    if (this.#done === undefined) return;
    const threw = 'what was to be done after a call threw';
    try {
      logLate(this.#done(this), this.#logger, threw);
    } catch (thrown) {
      this.#logger.error({ service: this.service, method: this.method, err: thrown }, `${threw}: ${thrownText(thrown)}`);
    }
  }
}

const known: readonly [void] = [undefined];
function ignore(): void {}
