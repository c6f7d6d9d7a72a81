import { intercept, readUtf8, type Handle, type Interceptor, type MaybePromise, type Reply, type ServerCall } from '@rpcxjs/core';
import type { FrameView } from '@rpcxjs/protocol';
import { authInterceptor } from './auth.ts';
import { DerivedCall } from './derived-call.ts';
import type { InboundCall } from './inbound-call.ts';
import { inflate } from './inflate.ts';
import { MethodEntry } from './method-entry.ts';
import { checkStillWanted, refusalOf, unknownMethod, unknownService } from './refusals.ts';
import { runMethod } from './run-method.ts';
import type { ResolvedServerOptions } from './server-options.ts';
import type { ServiceTable } from './service-table.ts';
import { isThenable } from './thenable.ts';

/** Everything that runs between a call and its handler: the check of the token, inflating, the interceptors of the server, then those of the service. */
export class CallPipeline {
  readonly #options: ResolvedServerOptions;
  readonly #table: ServiceTable;
  /** What runs before every method, composed once. */
  readonly #chain: Handle<ServerCall>;
  readonly #guarded: boolean;
  /** What runs before the methods of one registration, composed once for each list of interceptors. */
  readonly #inner = new WeakMap<readonly Interceptor<ServerCall>[], Handle<ServerCall>>();
  readonly #refusedTokens = new WeakSet<ServerCall>();

  constructor(options: ResolvedServerOptions, table: ServiceTable) {
    this.#options = options;
    this.#table = table;
    const { auth, interceptors, runtime } = options;
    const guard = auth === undefined ? [] : [authInterceptor(auth, (call) => this.#refusedTokens.add(originalOf(call)), runtime.logger)];
    const inflating: Interceptor<ServerCall> = (next) => (call) => {
      const original = originalOf(call);
      return afterInflating(original, original.entry, options, () => next(call));
    };
    const enter = (call: ServerCall): MaybePromise<Reply> => {
      const { entry } = originalOf(call);
      return this.#moved(call, entry) ? this.#route(call) : this.#enter(call, entry);
    };
    // The token is checked first, so that a refused call is not inflated.
    this.#chain = intercept([...guard, inflating, ...interceptors], enter);
    this.#guarded = guard.length + interceptors.length > 0;
  }

  /** Puts the interceptors before a method; where there are none, calls go straight to the handler. */
  compose(entry: MethodEntry, own: readonly Interceptor<ServerCall>[] = []): MethodEntry {
    if (own.length > 0) entry.inner = this.#composeOwn(own);
    if (this.#guarded || own.length > 0) entry.chain = this.#chain;
    return entry;
  }

  tokenRefused(call: InboundCall): boolean {
    return this.#options.auth !== undefined && this.#refusedTokens.has(call);
  }

  /** An entry for a method that is not registered: the server's interceptors run, then the call is refused. */
  unknown(frame: FrameView): MethodEntry {
    const service = readUtf8(frame.bytes, frame.serviceStart, frame.serviceEnd);
    const method = readUtf8(frame.bytes, frame.methodStart, frame.methodEnd);
    return this.compose(new MethodEntry({ service, method, refusal: this.#table.has(service) ? unknownMethod(method) : unknownService(service) }));
  }

  #composeOwn(own: readonly Interceptor<ServerCall>[]): Handle<ServerCall> {
    let composed = this.#inner.get(own);
    if (composed === undefined) {
      composed = intercept(own, (call) => {
        const { target } = originalOf(call);
        return this.#moved(call, target) ? this.#route(call) : this.#run(call, target);
      });
      this.#inner.set(own, composed);
    }
    return composed;
  }

  #moved(call: ServerCall, entry: MethodEntry): boolean {
    return call.service !== entry.service || call.method !== entry.method;
  }

  /** An interceptor changed the names: the call goes to that method, through the interceptors of its service. */
  #route(call: ServerCall): MaybePromise<Reply> {
    const target = this.#table.find(call.service, call.method);
    if (target === undefined) throw refusalOf(this.#table.has(call.service) ? unknownMethod(call.method) : unknownService(call.service));
    const original = originalOf(call);
    original.reroute(target, this.#options.codecs[original.codecId]);
    return afterInflating(original, target, this.#options, () => this.#enter(call, target));
  }

  #enter(call: ServerCall, entry: MethodEntry): MaybePromise<Reply> {
    return entry.inner === undefined ? this.#run(call, entry) : entry.inner(call);
  }

  #run(call: ServerCall, entry: MethodEntry): MaybePromise<Reply> {
    const original = originalOf(call);
    checkStillWanted(original);
    const output = runMethod(call, entry, original);
    const reply = (value: unknown): Reply => ({ output: value, metadata: original.response ?? {} });
    return isThenable(output) ? Promise.resolve(output).then(reply) : reply(output);
  }
}

function afterInflating(call: InboundCall, entry: MethodEntry, options: ResolvedServerOptions, next: () => MaybePromise<Reply>): MaybePromise<Reply> {
  if (call.compressorId === 0 || call.inflated || entry.run === undefined) return next();
  const inflated = inflate(call, options);
  return inflated instanceof Promise ? inflated.then(next) : next();
}

function originalOf(call: ServerCall): InboundCall {
  let current = call;
  while (current instanceof DerivedCall) current = current.original;
  return current as InboundCall; // interceptors get InboundCalls and can only derive from them
}
