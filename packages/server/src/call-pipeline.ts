import { intercept, readUtf8, type Interceptor, type MaybePromise, type Reply, type ServerCall } from '@rpcxjs/core';
import type { FrameView } from '@rpcxjs/protocol';
import { authInterceptor } from './auth.ts';
import { DerivedCall } from './derived-call.ts';
import type { InboundCall } from './inbound-call.ts';
import { inflate } from './inflate.ts';
import { MethodEntry } from './method-entry.ts';
import { checkStillWanted, unknownMethod, unknownService } from './refusals.ts';
import { runMethod } from './run-method.ts';
import type { ResolvedServerOptions } from './server-options.ts';
import type { ServiceTable } from './service-table.ts';
import { isThenable } from './thenable.ts';

/** What stands between calls and their handlers: the token, inflating, the interceptors of the server, then those of the service. */
export class CallPipeline {
  readonly #options: ResolvedServerOptions;
  readonly #table: ServiceTable;
  readonly #outer: readonly Interceptor<ServerCall>[];
  readonly #refusedTokens = new WeakSet<ServerCall>();

  constructor(options: ResolvedServerOptions, table: ServiceTable) {
    this.#options = options;
    this.#table = table;
    const { auth, interceptors, runtime } = options;
    const guard = auth === undefined ? [] : [authInterceptor(auth, (call) => this.#refusedTokens.add(originalOf(call)), runtime.logger)];
    this.#outer = [...guard, ...interceptors];
  }

  /** With nothing in between, a call goes straight to its handler. */
  compose(entry: MethodEntry, own: readonly Interceptor<ServerCall>[] = []): MethodEntry {
    if (this.#outer.length + own.length === 0) return entry;
    if (own.length > 0) entry.inner = intercept(own, (call) => (this.#moved(call, entry) ? this.#route(call) : this.#run(call, entry)));
    const { auth } = this.#options;
    const inner = (call: ServerCall) => (this.#moved(call, entry) ? this.#route(call) : this.#enter(call, entry));
    const inflating: Interceptor<ServerCall> = (next) => (call) => afterInflating(originalOf(call), entry, this.#options, () => next(call));
    // What was refused is not unpacked.
    const [guard, ...others] = this.#outer;
    const ordered = auth === undefined || guard === undefined ? [inflating, ...this.#outer] : [guard, inflating, ...others];
    entry.chain = intercept(ordered, inner);
    return entry;
  }

  tokenRefused(call: InboundCall): boolean {
    return this.#options.auth !== undefined && this.#refusedTokens.has(call);
  }

  /** A stand-in for what is not registered, with the server's interceptors in front of its refusal. */
  unknown(frame: FrameView): MethodEntry {
    const service = readUtf8(frame.bytes, frame.serviceStart, frame.serviceEnd);
    const method = readUtf8(frame.bytes, frame.methodStart, frame.methodEnd);
    return this.compose(new MethodEntry({ service, method, refusal: this.#table.has(service) ? unknownMethod(method) : unknownService(service) }));
  }

  #moved(call: ServerCall, entry: MethodEntry): boolean {
    return call.service !== entry.service || call.method !== entry.method;
  }

  /** An interceptor changed the names: whoever guards the other service is asked, too. */
  #route(call: ServerCall): MaybePromise<Reply> {
    const target = this.#table.find(call.service, call.method);
    if (target === undefined) throw this.#table.has(call.service) ? unknownMethod(call.method) : unknownService(call.service);
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
