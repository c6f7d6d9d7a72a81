import { onAbort, RpcError, thrownText, type CallOptions, type Logger, type Metadata, type MethodRef } from '@rpcxjs/core';
import { wrongOptions } from './call-errors.ts';
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
  readonly together?: boolean;
}

// Each branch takes an input, so that what is generic in `In` itself can pass one; without the first question `any` would count as unknown.
/** What follows the method of a verb: an input that is void, or may be undefined, may be left out. */
export type InputRest<In, Options> = 0 extends 1 & In ? [input?: unknown, options?: Options]
  : unknown extends In ? [input: In, options?: Options]
  : undefined extends In ? [input?: In, options?: Options] : [input: In, options?: Options];

/** Makes the call once it is wanted. */
export type Launch = (options: TrackedOptions) => Promise<unknown>;

/** A handle with its other side: who begins the call. */
export class OpenHandle<Out> implements CallHandle<Out> {
  readonly service: string;
  readonly method: string;
  readonly sent: Promise<void>;
  state: CallState = 'queued';
  metadata: Metadata | undefined;
  address: string | undefined;
  /** Why it ended, if it failed. */
  error: unknown;
  readonly #reply: Promise<Out>;
  readonly #logger: Logger;
  readonly #done: StartOptions<Out>['done'];
  #begun = false;
  #stop: AbortController | undefined;
  #written!: () => void;
  #unwritten!: (error: unknown) => void;
  #resolve!: (value: Out) => void;
  #reject!: (error: unknown) => void;

  constructor(method: MethodRef, logger: Logger, done?: StartOptions<Out>['done']) {
    this.service = method.service;
    this.method = method.name;
    this.#logger = logger;
    this.#done = done;
    this.sent = new Promise((resolve, reject) => {
      this.#written = resolve;
      this.#unwritten = reject;
    });
    this.#reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever waits for one of the two, or for neither, has not forgotten the other.
    this.sent.catch(ignore);
    this.#reply.catch(ignore);
  }

  begin(launch: Launch, options: CallOptions | undefined): void {
    if (this.#begun || this.state === 'settled') return;
    this.#begun = true;
    const stop = (this.#stop = new AbortController());
    const wrong = wrongOptions(options, options?.timeoutMs ?? 0);
    if (wrong !== undefined) {
      this.#settle(wrong, () => this.#reject(wrong));
      return;
    }
    const release = options?.signal === undefined ? ignore : onAbort(options.signal, (reason) => stop.abort(reason));
    launch({
      ...options,
      signal: stop.signal,
      onSent: () => this.#wasSent(),
      onReply: (reply) => {
        this.metadata = reply.metadata;
        this.address = reply.address;
        return options?.onReply?.(reply);
      },
    }).then(
      (value) => {
        release();
        this.#settle(undefined, () => this.#resolve(value as Out)); // the contract says what it is
      },
      (error: unknown) => {
        release();
        this.#settle(error, () => this.#reject(error));
      },
    );
  }

  cancel(reason?: unknown): void {
    if (this.state === 'settled') return;
    if (this.#stop !== undefined) {
      this.#stop.abort(reason);
      return;
    }
    this.#begun = true;
    const error = new RpcError('canceled', `${this.service}.${this.method} was cancelled by its caller before it was begun`, { reason: 'ABORTED', sent: false, cause: reason });
    this.#settle(error, () => this.#reject(error));
  }

  // oxlint-disable-next-line unicorn/no-thenable -- awaiting the handle is what it is for
  then<A = Out, B = never>(ok?: ((value: Out) => A | PromiseLike<A>) | null, failed?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<A | B> {
    return this.#reply.then(ok, failed);
  }
  catch<T = never>(failed: (error: unknown) => T | PromiseLike<T>): Promise<Out | T> {
    return this.#reply.catch(failed);
  }
  finally(run: () => void): Promise<Out> {
    return this.#reply.finally(run);
  }

  #wasSent(): void {
    if (this.state === 'queued') this.state = 'written';
    this.#written();
  }

  #settle(error: unknown, end: () => void): void {
    this.state = 'settled';
    this.error = error;
    if (error === undefined) this.#written();
    else this.#unwritten(error);
    end();
    const threw = 'what was to be done after a call threw';
    try {
      logLate(this.#done?.(this), this.#logger, threw);
    } catch (thrown) {
      this.#logger.error({ service: this.service, method: this.method, error: thrown }, `${threw}: ${thrownText(thrown)}`);
    }
  }
}

function ignore(): void {}
