import {
  RpcError,
  type CallOptions, type Codec, type Contract, type ContractClient, type InterfaceClient, type MethodRef, type Methods, type RawMessage, type Selector,
} from '@rpcxjs/core';
import { addTraffic, createTraffic, type Traffic } from '@rpcxjs/session';
import { CallRunner, type CallCounters } from './call-runner.ts';
import { ClientBinding } from './client-binding.ts';
import { resolveClientOptions, type ClientOptions, type ResolvedClientOptions } from './client-options.ts';
import { OutboundCall, type CallTarget } from './outbound-call.ts';
import { Pushes, type PushInfo } from './pushes.ts';
import { ServerLink } from './server-link.ts';
import { ServiceRoute } from './service-route.ts';
import { contractService, interfaceService, type MakeCaller, type ServiceOptions } from './typed-service.ts';

export interface ClientStats extends Readonly<CallCounters> {
  /** Calls that have begun and not ended. */
  readonly active: number;
  /** Calls that wait for a connection. */
  readonly queued: number;
  /** Replies that nobody waited for any more. */
  readonly lateReplies: number;
  /** Messages of servers that nobody heard. */
  readonly droppedPushes: number;
  readonly connections: number;
  readonly traffic: Readonly<Traffic>;
}

/** Calls services over as many connections as it has servers. Everything is opened on first use. */
export interface Client extends AsyncDisposable {
  /** By a plain interface, for a server whose code is not ours: any name that the interface has is a method. */
  service<T>(name: string, options?: ServiceOptions<keyof T>): InterfaceClient<T>;
  service<M extends Methods>(contract: Contract<M>, options?: ServiceOptions<keyof M>): ContractClient<M>;
  /** By name, for scripts and gateways. */
  call<Out = unknown>(service: string, method: string, input: unknown, options?: CallOptions): Promise<Out>;
  /** Resolves when the bytes are written; whether the server ran it, nobody knows. */
  oneway<In>(method: MethodRef<'unary', In>, input: In, options?: CallOptions): Promise<void>;
  /** Untouched by codecs; an error status is part of the reply, not an exception. */
  raw(message: RawMessage, options?: CallOptions): Promise<RawMessage>;
  /** Listens from the moment it is called; the reader that falls behind loses the oldest. */
  pushes<T>(event: MethodRef<'push', T>): AsyncIterableIterator<T> & Disposable;
  /** Calls back for each message, until the returned function is called. */
  onPush<T>(event: MethodRef<'push', T>, listener: (value: T, info: PushInfo) => void): () => void;
  stats(): ClientStats;
  /** Refuses new calls, lets those under way finish, then closes. After `graceMs` (25 000) the rest fails. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
  /** Fails everything now. */
  abort(reason?: Error): void;
}

class RpcxClient implements Client {
  readonly #options: ResolvedClientOptions;
  readonly #runner: CallRunner;
  readonly #pushes: Pushes;
  readonly #links = new Map<string, ServerLink>();
  readonly #routes = new Map<Selector | undefined, Map<string, ServiceRoute>>();
  /** By service, then by name for calls without a contract, by the method itself for those with one, which has wire types. */
  readonly #targets = new Map<string, Map<string | MethodRef, CallTarget>>();
  readonly #ended: Traffic = createTraffic();
  #lateReplies = 0;
  #closing: Promise<void> | undefined;
  #started: Promise<void> | undefined;

  constructor(options: ClientOptions) {
    this.#options = resolveClientOptions(options);
    this.#pushes = new Pushes(this.#options);
    this.#runner = new CallRunner(this.#options, (call, service, method) => ({ binding: call.binding.renamed(service, method), route: this.#route(service) }));
  }

  service(first: Contract | string, options: ServiceOptions<PropertyKey> = {}): never {
    const path = options.path ?? (typeof first === 'string' ? first : first.name);
    const idempotent = (options.idempotent ?? []).map(String);
    const codec = this.#codec(options.codec);
    const route = this.#route(path, options);
    const make: MakeCaller = (method, traits) => {
      let target: CallTarget | undefined;
      const prepare = (): CallTarget => ({ binding: new ClientBinding({ ...traits, service: path, method, codec }), route, failMode: options.failMode });
      return (input, callOptions) => {
        return target === undefined ? this.#run(() => (target = prepare()), input, callOptions) : this.#run(target, input, callOptions);
      };
    };
    return (typeof first === 'string' ? interfaceService(idempotent, make) : contractService(first, idempotent, make)) as never; // the overloads say what it is
  }

  call<Out = unknown>(service: string, method: string, input: unknown, options?: CallOptions): Promise<Out> {
    return this.#run(() => this.#target(service, method), input, options) as Promise<Out>; // the caller says what it is
  }

  async oneway<In>(method: MethodRef<'unary', In>, input: In, options?: CallOptions): Promise<void> {
    await this.#ready();
    await this.#runner.run(this.#target(method.service, method.name, method), input, options, 'oneway');
  }

  async raw(message: RawMessage, options?: CallOptions): Promise<RawMessage> {
    const { service, method, metadata } = message;
    await this.#ready();
    const merged = { ...options, metadata: { ...options?.metadata, ...metadata } };
    const call = new OutboundCall(this.#runner, this.#rawTarget(service, method), undefined, merged);
    call.kind = message.oneway ? 'oneway' : 'raw';
    call.raw = message;
    const reply = await this.#runner.runRaw(call);
    const empty: RawMessage = { ...message, metadata: {}, payload: new Uint8Array(0), compressorId: 0 };
    return message.oneway ? empty : (reply as RawMessage); // a raw call resolves with one
  }

  pushes<T>(event: MethodRef<'push', T>): AsyncIterableIterator<T> & Disposable {
    return this.#pushes.iterate(event);
  }
  onPush<T>(event: MethodRef<'push', T>, listener: (value: T, info: PushInfo) => void): () => void {
    return this.#pushes.listen(event, listener);
  }

  stats(): ClientStats {
    const traffic = { ...this.#ended };
    let connections = 0;
    let queued = 0;
    for (const link of this.#links.values()) {
      queued += link.queued;
      if (link.session === undefined) continue;
      connections += 1;
      addTraffic(traffic, link.session.traffic);
    }
    const { counters, attempts, active } = this.#runner;
    return { ...counters, retries: attempts.retries, hedges: attempts.hedges, active, queued, lateReplies: this.#lateReplies, droppedPushes: this.#pushes.dropped, connections, traffic };
  }

  close(options: { readonly graceMs?: number } = {}): Promise<void> {
    return (this.#closing ??= this.#drain(options.graceMs ?? 25_000));
  }

  abort(reason?: Error): void {
    this.#runner.closed = true;
    this.#cut(new RpcError('canceled', 'the client was stopped', { reason: 'CLOSED', cause: reason }));
    this.#closing ??= this.#stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What is called is made by the first call, and may turn out not to be callable. */
  #run(target: CallTarget | (() => CallTarget), input: unknown, options: CallOptions | undefined): Promise<unknown> {
    let made: CallTarget;
    try {
      made = typeof target === 'function' ? target() : target;
    } catch (error) {
      return Promise.reject(error); // of checkName, or of a codec that does not compile its wire type
    }
    if (this.#options.plugins.length === 0 || this.#started === started) return this.#runner.run(made, input, options, 'value');
    return this.#ready().then(() => this.#runner.run(made, input, options, 'value'));
  }

  /** Plugins start with the first call. */
  async #ready(): Promise<void> {
    if (this.#started === started) return;
    await (this.#started ??= this.#start());
    this.#started = started;
  }
  async #start(): Promise<void> {
    for (const plugin of this.#options.plugins) await plugin.start?.(this.#options.runtime);
  }

  #codec(name: string | undefined): Codec {
    const { codecs } = this.#options;
    const codec = name === undefined ? codecs[0] : codecs.find((one) => one.name === name);
    if (codec !== undefined) return codec;
    throw new TypeError(`the client has no codec "${name}" (it has: ${codecs.map((one) => one.name).join(', ')})`);
  }

  #target(service: string, method: string, ref?: MethodRef): CallTarget {
    // Names may come from outside, by way of a gateway.
    if (this.#targets.size > mostTargets) this.#targets.clear();
    let methods = this.#targets.get(service);
    if (methods === undefined) this.#targets.set(service, (methods = new Map()));
    let target = methods.get(ref ?? method);
    if (target === undefined) {
      const binding = new ClientBinding({ service, method, codec: this.#codec(undefined), input: ref?.input, output: ref?.output, idempotent: ref?.idempotent });
      methods.set(ref ?? method, (target = { binding, route: this.#route(service) }));
    }
    return target;
  }

  #rawTarget(service: string, method: string): CallTarget {
    const codec = this.#options.codecs.find(({ id }) => id === 0) as Codec; // bytes are always among them
    return { binding: new ClientBinding({ service, method, codec }), route: this.#route(service) };
  }

  #route(service: string, options: Pick<ServiceOptions, 'selector' | 'group'> = {}): ServiceRoute {
    const selector = options.selector ?? this.#options.selector;
    const { group } = options;
    let routes = this.#routes.get(selector);
    if (routes === undefined) this.#routes.set(selector, (routes = new Map()));
    // Every service is on every server of a list, so that one route serves them all.
    const name = this.#options.discovery === undefined ? '' : service;
    const key = group === undefined ? name : JSON.stringify([name, group]);
    let route = routes.get(key);
    if (route === undefined) {
      const owner = { linkOf: (address: string) => this.#link(address), failed: (call: OutboundCall, error: RpcError) => this.#runner.failed(call, error) };
      routes.set(key, (route = new ServiceRoute(service, this.#options, { selector, group }, owner)));
    }
    return route;
  }

  #link(address: string): ServerLink {
    let link = this.#links.get(address);
    if (link === undefined) {
      link = new ServerLink(address, this.#options, {
        succeeded: (call, value) => this.#runner.succeeded(call, value),
        failed: (call, error) => this.#runner.failed(call, error),
        pushed: (frame, from) => this.#pushes.received(frame, from),
        late: () => (this.#lateReplies += 1),
        ended: (traffic) => addTraffic(this.#ended, traffic),
      });
      this.#links.set(address, link);
    }
    return link;
  }

  async #drain(graceMs: number): Promise<void> {
    this.#runner.closed = true;
    let cut!: () => void;
    const patience = new Promise<void>((resolve) => (cut = resolve));
    const timer = this.#options.runtime.clock.setTimer(cut, graceMs);
    await Promise.race([this.#runner.idle(), patience]);
    timer.cancel();
    if (this.#runner.active > 0) this.#cut(new RpcError('canceled', `the client was closed and waited ${graceMs} ms for this call`, { reason: 'CLOSED' }));
    await this.#stop();
  }

  /** Ends every call, wherever it waits. */
  #cut(error: RpcError): void {
    for (const routes of this.#routes.values()) for (const route of routes.values()) route.close(error);
    this.#runner.attempts.endResting(error);
    for (const link of this.#links.values()) link.abort(error);
  }

  async #stop(): Promise<void> {
    this.#pushes.close();
    const { plugins, runtime } = this.#options;
    const closed = new RpcError('canceled', 'the client was closed', { reason: 'CLOSED' });
    for (const routes of this.#routes.values()) for (const route of routes.values()) route.close(closed);
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    for (const plugin of plugins) {
      try {
        await plugin.stop?.();
      } catch (error) {
        runtime.logger.warn({ plugin: plugin.name, error }, 'a plugin failed to stop');
      }
    }
  }
}

const started = Promise.resolve();
const mostTargets = 1000;

/** Makes a client; connections are opened by the first calls. Throws TypeError for options that cannot work. */
export function createClient(options: ClientOptions): Client {
  return new RpcxClient(options);
}
