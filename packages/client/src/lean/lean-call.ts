import { onAbort, type CallOptions, type Clock, type Codec, type PayloadCodec, type RpcError, type Timer } from '@rpcxjs/core';

/** The method that is called, prepared once for all calls. */
export interface LeanMethod {
  readonly service: string;
  readonly method: string;
  readonly codec: Codec;
  readonly input: PayloadCodec;
  readonly output: PayloadCodec;
  readonly idempotent: boolean;
}

export interface LeanCallInit {
  readonly options: CallOptions | undefined;
  readonly oneway: boolean;
  readonly startedAt: number;
  readonly deadlineAt: number;
  /** Called once when the call has ended, however it ended. */
  readonly over: (call: LeanCall) => void;
}

/** One call from its start to its result, over all connections. */
export class LeanCall {
  readonly to: LeanMethod;
  readonly input: unknown;
  readonly options: CallOptions | undefined;
  readonly oneway: boolean;
  readonly promise: Promise<unknown>;
  /** When the call's time is over, on the clock's axis; Infinity for no deadline. */
  readonly deadlineAt: number;
  readonly startedAt: number;
  /** Its number on the connection where it waits for a reply; -1 while it waits for a connection. */
  sequence = -1;
  sent = false;
  attempts = 0;
  #settled = false;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;
  #timer: Timer | undefined;
  #release: (() => void) | undefined;
  readonly #over: (call: LeanCall) => void;

  constructor(to: LeanMethod, input: unknown, init: LeanCallInit) {
    const { options, oneway, startedAt, deadlineAt } = init;
    this.#over = init.over;
    this.to = to;
    this.input = input;
    this.options = options;
    this.oneway = oneway;
    this.startedAt = startedAt;
    this.deadlineAt = deadlineAt;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get name(): string {
    return `${this.to.service}.${this.to.method}`;
  }

  /** Calls one of the functions, once, at the deadline or when the caller's signal aborts. */
  watch(clock: Clock, events: { readonly expired: () => void; readonly aborted: (reason: unknown) => void }): void {
    if (this.deadlineAt !== Infinity) this.#timer = clock.setTimer(events.expired, this.deadlineAt - this.startedAt);
    const signal = this.options?.signal;
    if (signal !== undefined) this.#release = onAbort(signal, events.aborted);
  }

  get settled(): boolean {
    return this.#settled;
  }
  succeed(value: unknown): void {
    if (this.#end()) this.#resolve(value);
  }
  fail(error: RpcError<string>): void {
    if (this.#end()) this.#reject(error);
  }

  #end(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#timer?.cancel();
    this.#release?.();
    this.#over(this);
    return true;
  }
}
