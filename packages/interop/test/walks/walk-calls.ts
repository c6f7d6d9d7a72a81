import { methodsOf, type Batch, type CallHandle, type Client, type FanOutOptions, type Receipt } from '@rpcxjs/client';
import { RpcError, type CallOptions, type RawMessage } from '@rpcxjs/core';
import type { WalkGround } from './walk-ground.ts';

interface Service {
  Do(input: number): Promise<number>;
  Idem(input: number): Promise<number>;
}
type Method = keyof Service;
type Verb = 'call' | 'typed' | 'start' | 'oneway' | 'oneshot' | 'broadcast' | 'inform' | 'fork' | 'raw' | 'batch' | 'batched' | 'locked';

/** One call of a walk: its input is its number, which a server answers with. */
export interface WalkCall {
  readonly id: number;
  readonly verb: Verb;
  readonly method: Method;
  readonly begunAt: number;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  handle?: CallHandle;
  cancelled?: boolean;
  /** How often `onReply` was told. */
  replies: number;
  ended?: { readonly at: number; readonly value?: unknown; readonly error?: unknown };
}

const verbs = ['call', 'call', 'typed', 'typed', 'start', 'start', 'oneway', 'oneshot', 'batch', 'broadcast', 'inform', 'fork', 'raw'] as const;
const refs = methodsOf<Service>('S', { idempotent: ['Idem'] });

/** Makes the calls of a walk and writes down what becomes of them. */
export class WalkCalls {
  readonly all: WalkCall[] = [];
  /** Every signal that was given to a call. */
  readonly signals = new Set<AbortSignal>();
  openBatches = 0;
  readonly #ground: WalkGround;
  readonly #client: Client;
  readonly #usualMs: number;
  readonly #controllers: AbortController[] = [new AbortController()];

  constructor(ground: WalkGround, client: Client, usualMs: number) {
    this.#ground = ground;
    this.#client = client;
    this.#usualMs = usualMs;
  }

  make(): void {
    const { dice } = this.#ground;
    const verb = dice.one(verbs);
    if (verb === 'batch') this.#batch();
    else this.#one(verb);
  }

  /** A plain call, for example one that comes too late. */
  plain(client: Pick<Client, 'call'>, verb: 'call' | 'locked', options: CallOptions = {}): Promise<void> {
    const made = this.#made(verb, 'Do');
    if (options.timeoutMs !== undefined) made.timeoutMs = options.timeoutMs;
    return this.#follow(made, client.call('S', 'Do', made.id, options));
  }

  cancelOne(): void {
    const open = this.all.filter(({ handle, ended }) => handle !== undefined && ended === undefined);
    if (open.length === 0) return;
    const one = this.#ground.dice.one(open);
    one.cancelled = true;
    one.handle?.cancel('no more');
  }

  abortOne(): void {
    const controller = this.#ground.dice.one(this.#controllers);
    controller.abort(new Error('enough'));
    if (!this.#ground.dice.chance(0.7)) return;
    this.#controllers.splice(this.#controllers.indexOf(controller), 1);
    if (this.#controllers.length === 0) this.#controllers.push(new AbortController());
  }

  #made(verb: Verb, method: Method): WalkCall {
    const call: WalkCall = { id: this.all.length + 1, verb, method, begunAt: this.#ground.clock.now(), timeoutMs: this.#usualMs, replies: 0 };
    this.all.push(call);
    return call;
  }

  #signal(): AbortSignal {
    const { dice } = this.#ground;
    const controller = dice.chance(0.5) ? dice.one(this.#controllers) : new AbortController();
    if (!this.#controllers.includes(controller)) this.#controllers.push(controller);
    this.signals.add(controller.signal);
    return controller.signal;
  }

  #optionsOf(call: WalkCall): FanOutOptions | undefined {
    const { dice } = this.#ground;
    if (dice.chance(0.3)) return undefined;
    if (dice.chance(0.6)) call.timeoutMs = dice.one([1, 5, 50, 500, 3000, 20_000, ...(dice.chance(0.1) ? [Infinity] : [])]);
    if (dice.chance(0.2)) call.signal = this.#signal();
    return {
      timeoutMs: call.timeoutMs, signal: call.signal,
      ...(dice.chance(0.2) ? { metadata: { k: 'v' } } : {}),
      ...(dice.chance(0.3) ? { hashKey: `u${dice.int(5)}` } : {}),
      ...(dice.chance(0.15) ? { waitForReady: true } : {}),
      ...(dice.chance(0.2) ? { onReply: () => { call.replies += 1; } } : {}),
    };
  }

  #one(verb: Exclude<(typeof verbs)[number], 'batch'>): void {
    const call = this.#made(verb, this.#ground.dice.one(['Do', 'Do', 'Idem']));
    const options = this.#optionsOf(call);
    this.#ground.note(verb, call.id, call.method, { ...options, signal: call.signal !== undefined });
    void this.#follow(call, this.#launch(verb, call, options));
  }

  #launch(verb: Exclude<(typeof verbs)[number], 'batch'>, call: WalkCall, options: FanOutOptions | undefined): PromiseLike<unknown> {
    const client = this.#client;
    const ref = refs[call.method];
    switch (verb) {
      case 'call': return client.call('S', call.method, call.id, options);
      case 'typed': return client.service<Service>('S', { idempotent: ['Idem'] })[call.method](call.id, options);
      case 'start': return this.#start(call, options);
      case 'raw': return client.raw(rawOf(call), options);
      case 'oneway': return client.oneway(ref, call.id, options);
      case 'oneshot': return client.oneshot(ref, call.id, options);
      case 'broadcast': return client.broadcast(ref, call.id, options);
      case 'inform': return client.inform(ref, call.id, options);
      case 'fork': return client.fork(ref, call.id, options);
    }
  }

  #start(call: WalkCall, options: FanOutOptions | undefined): PromiseLike<unknown> {
    let told = 0;
    const done = (): void => { if (++told > 1) this.#ground.wrong(`${call.id}: the handle was told twice that it is over`); };
    const handle = this.#client.start(refs[call.method], call.id, { ...options, done });
    call.handle = handle;
    handle.sent.catch(() => {});
    return handle;
  }

  #batch(): void {
    const { dice } = this.#ground;
    const batch = this.#client.batch();
    const timeoutMs = dice.chance(0.5) ? dice.one([5, 50, 500]) : undefined;
    const signal = dice.chance(0.2) ? this.#signal() : undefined;
    const calls = Array.from({ length: 1 + dice.int(5) }, () => {
      const call = this.#made(dice.chance(0.2) ? 'oneway' : 'batched', dice.one(['Do', 'Idem']));
      const handle = call.verb === 'oneway' ? batch.addOneway(refs[call.method], call.id) : batch.add(refs[call.method], call.id);
      Object.assign(call, { handle, signal, timeoutMs: timeoutMs ?? this.#usualMs });
      void this.#follow(call, handle);
      if (dice.chance(0.1)) { call.cancelled = true; handle.cancel('before it began'); }
      return call;
    });
    this.#ground.note('batch', calls.map(({ id }) => id), { timeoutMs, signal: signal !== undefined });
    void this.#callBatch(batch, calls, { timeoutMs, signal });
  }

  async #callBatch(batch: Batch, calls: readonly WalkCall[], options: CallOptions): Promise<void> {
    this.openBatches += 1;
    try {
      await batch.call(options);
      for (const { id, handle } of calls) if (handle?.state !== 'settled') this.#ground.wrong(`${id} is not over, and its batch is`);
    } catch (error) {
      if (!RpcError.is(error)) this.#ground.wrong(`a batch failed with ${error}`);
    }
    this.openBatches -= 1;
  }

  async #follow(call: WalkCall, result: PromiseLike<unknown>): Promise<void> {
    const { clock } = this.#ground;
    try {
      const value = await result;
      call.ended = { at: clock.now(), value };
      this.#ground.note('done', call.id);
    } catch (error) {
      call.ended = { at: clock.now(), error };
      this.#ground.note('failed', call.id, String(error), error);
    }
  }
}

/** What came of a call to all servers, if it was one that tells. */
export function receiptsOf({ verb, ended }: WalkCall): readonly Receipt<number>[] {
  return (verb === 'broadcast' || verb === 'inform') && ended !== undefined && !('error' in ended) ? (ended.value as readonly Receipt<number>[]) : []; // as these verbs resolve
}

function rawOf({ id, method }: WalkCall): RawMessage {
  return { service: 'S', method, codecId: 1, compressorId: 0, oneway: false, error: false, metadata: {}, payload: Buffer.from(String(id)) };
}
