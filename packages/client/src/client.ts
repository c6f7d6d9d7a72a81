import {
  RpcError, type CallOptions, type Codec, type Contract, type ContractClient, type InterfaceClient, type MethodRef, type Methods, type RawMessage, type Selector,
} from '@rpcxjs/core';
import { addTraffic, createTraffic, type Traffic } from '@rpcxjs/session';
import { notSent, wrongMessage } from './call-errors.ts';
import type { StartOptions } from './call-handle.ts';
import { CallRunner } from './call-runner.ts';
import { ClientBinding } from './client-binding.ts';
import type { ClientOptions, ResolvedClientOptions } from './client-options.ts';
import { countDials, statsSince, type ClientStats, type CountedStats } from './client-stats.ts';
import { checkEvent, checkListener, checkService, checkTransports, graceOf } from './composed-options.ts';
import type { FanOutOptions } from './fan-out.ts';
import { withoutDeadline } from './filters.ts';
import { LinkControl, type ClientConnections } from './link-control.ts';
import { HeldConnection } from './link-lock.ts';
import type { NodeInfo } from './nodes/node-info.ts';
import { NodeTable } from './nodes/node-table.ts';
import { OutboundCall, type CallKind, type CallTarget } from './outbound-call.ts';
import { notStarted, startedWithin, stopPlugins, type CalledName } from './plugin-life.ts';
import { Pushes, type PushInfo } from './pushes.ts';
import { readPayload } from './reply-reader.ts';
import { resolveClientOptions } from './resolved-options.ts';
import { ServerLink } from './server-link.ts';
import { ServerMessages, type ServerMessage } from './server-messages.ts';
import { clientClosed, ServiceRoute, type RouteOwner } from './service-route.ts';
import { contractService, interfaceService, type MakeCaller, type ServiceOptions } from './typed-service.ts';
import { PinnedRoute, Verbs, type ClientVerbs } from './verbs.ts';

/** Calls services over as many connections as it has servers. Everything is opened on first use. */
export interface Client extends AsyncDisposable, ClientVerbs, ClientConnections {
  /** A service described by a plain interface, for a server in another language: every name that the interface has is a method. */
  service<T>(name: string, options?: ServiceOptions<keyof T>): InterfaceClient<T>;
  /** The methods of a contract as functions. A function of your own that is generic takes a `Contract<M>` with `M extends Methods`: it returns all of them. */
  service<M extends Methods>(contract: Contract<M>, options?: ServiceOptions<keyof M>): ContractClient<M>;
  /** Calls a method by name, for scripts and gateways. */
  call<Out = unknown>(service: string, method: string, input: unknown, options?: CallOptions): Promise<Out>;
  /** Sends a message that no codec touches; an error status is part of the reply, not an exception. */
  raw(message: RawMessage, options?: CallOptions): Promise<RawMessage>;
  /** Messages of one name from the servers, kept from the moment of the call; a reader that falls behind loses the oldest. */
  pushes<T>(event: MethodRef<'push', T>): AsyncIterableIterator<T> & Disposable;
  /** Calls back for each message, until the returned function is called. */
  onPush<T>(event: MethodRef<'push', T>, listener: (value: T, info: PushInfo) => void): () => void;
  /** Every message of every server, also those that nobody listens for by name; the reader that falls behind loses the oldest. */
  messages(): AsyncIterableIterator<ServerMessage> & Disposable;
  stats(): ClientStats;
  /** Lets the counts of `stats` begin at 0 again. */
  resetStats(): void;
  /** Calls that have begun and not ended, for example to balance between several clients. */
  readonly pendingCount: number;
  /** The pending calls that wait for a connection. */
  readonly queuedCount: number;
  /** Every server that the client knows: its state, its figures, and why it is avoided if it is. Empty with `health: false`. */
  nodes(): readonly NodeInfo[];
  /**
   * Keeps new calls away from a server for so many milliseconds, as long as its services have others; `Infinity` for good, 0 to end it. Throws TypeError for an
   * invalid address or time, and on a client with `health: false`.
   */
  quarantine(address: string, forMs: number): void;
  /** Refuses new calls, lets those under way finish, then closes. After `graceMs` (25 000) the rest fails. */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
  /** Fails everything now. */
  abort(reason?: Error): void;
}

class RpcxClient implements Client {
  readonly #options: ResolvedClientOptions;
  readonly #runner: CallRunner;
  readonly #pushes: Pushes;
  readonly #messages: ServerMessages;
  readonly #verbs: Verbs;
  readonly #control: LinkControl;
  readonly #dialCounters = { dials: 0, dialErrors: 0, connectionErrors: 0 };
  #statsStart: CountedStats | undefined;
  readonly #links = new Map<string, ServerLink>();
  readonly #routes = new Map<Selector | undefined, Map<string, ServiceRoute>>();
  readonly #awake = new Set<ServiceRoute>();
  /** By service, then by name for calls without a contract, by the method itself for those with one, which has wire types. */
  readonly #targets = new Map<string, Map<string | MethodRef, CallTarget>>();
  /** In how many lists each address is. */
  readonly #uses = new Map<string, number>();
  readonly #nodes: NodeTable | undefined;
  readonly #routeOwner: RouteOwner;
  readonly #ended: Traffic = createTraffic();
  #lateReplies = 0;
  #closing: Promise<void> | undefined;
  #stopped = false;
  #started: Promise<void> | undefined;
  #startedPlugins = 0;
  #leaveStart: (error: RpcError) => void = () => {};

  constructor(options: ClientOptions) {
    checkTransports(options);
    this.#options = resolveClientOptions({ ...options, transports: countDials(options.transports, this.#dialCounters) });
    const { health, runtime } = this.#options;
    this.#nodes = health === undefined ? undefined : new NodeTable(health, runtime.clock, (address) => this.#link(address).check());
    this.#routeOwner = {
      stopped: () => this.#stopped,
      nodes: this.#nodes,
      awake: this.#awake,
      linkOf: (address) => {
        this.#uses.set(address, (this.#uses.get(address) ?? 0) + 1);
        return this.#link(address);
      },
      left: (address) => this.#left(address),
      failed: (call, error) => this.#runner.failed(call, error),
    };
    this.#pushes = new Pushes({
      most: this.#options.limits.maxQueuedPushes,
      logger: runtime.logger,
      read: (service, method, frame) => readPayload({ kind: 'push', service, method }, undefined, frame, this.#options),
    });
    this.#messages = new ServerMessages(this.#pushes, this.#options);
    this.#runner = new CallRunner(this.#options, (call, service, method) => {
      // What goes to one server goes there under any name.
      const { route: own } = call.target;
      const route = own instanceof PinnedRoute || own instanceof HeldConnection ? own : this.#route(service);
      return { binding: call.binding.renamed(service, method), route };
    });
    const closed = (): boolean => this.#runner.closed;
    this.#verbs = new Verbs({
      options: this.#options,
      closed,
      target: (method) => this.#target(method.service, method.name, method),
      route: (service, group) => this.#route(service, group === undefined ? {} : { group }),
      started: (call, options) => (this.#hasStarted ? undefined : this.#startedFor(call, options)),
      run: (target, input, given, kind) => this.#run(target, input, given, kind),
    });
    this.#control = new LinkControl({
      options: this.#options,
      closed,
      links: this.#links,
      link: (address) => this.#link(address),
      target: (service, method) => this.#target(service, method),
      started: () => this.#ready(),
      run: (target, input, given) => this.#run(target, input, given),
      failed: (call, error) => this.#runner.failed(call, error),
    });
  }

  service(first: Contract | string, options: ServiceOptions<PropertyKey> = {}): never {
    checkService(first, options);
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

  readonly ready: ClientConnections['ready'] = () => this.#control.ready();
  readonly ping: ClientConnections['ping'] = (address, options) => this.#control.ping(address, options);
  readonly lock: ClientConnections['lock'] = (address) => this.#control.lock(address);
  readonly closeConnections: ClientConnections['closeConnections'] = (address) => this.#control.closeConnections(address);

  readonly oneway: ClientVerbs['oneway'] = (method: MethodRef, input?: unknown, options?: CallOptions) => this.#verbs.oneway(method, input, options);
  readonly oneshot: ClientVerbs['oneshot'] = (method: MethodRef, input?: unknown, options?: CallOptions) => this.#verbs.oneshot(method, input, options);
  readonly start: ClientVerbs['start'] = (method: MethodRef<'unary'>, input?: unknown, options?: StartOptions) => this.#verbs.start(method, input, options);
  readonly batch: ClientVerbs['batch'] = () => this.#verbs.batch();
  readonly broadcast: ClientVerbs['broadcast'] = (method: MethodRef<'unary'>, input?: unknown, options?: FanOutOptions) => this.#verbs.broadcast(method, input, options);
  readonly fork: ClientVerbs['fork'] = (method: MethodRef<'unary'>, input?: unknown, options?: FanOutOptions) => this.#verbs.fork(method, input, options);
  readonly inform: ClientVerbs['inform'] = (method: MethodRef<'unary'>, input?: unknown, options?: FanOutOptions) => this.#verbs.inform(method, input, options);

  async raw(message: RawMessage, options?: CallOptions): Promise<RawMessage> {
    const wrong = wrongMessage(message) ?? (this.#options.requireDeadline && !message.oneway ? withoutDeadline(message, options) : undefined);
    if (wrong !== undefined) throw wrong;
    const { service, method, metadata } = message;
    const left = this.#hasStarted ? options : await this.#startedFor(message, options);
    const merged = { ...left, metadata: { ...options?.metadata, ...metadata } };
    const call = new OutboundCall(this.#runner, this.#rawTarget(service, method), undefined, merged);
    call.kind = message.oneway ? 'oneway' : 'raw';
    call.raw = message;
    const reply = await this.#runner.runRaw(call);
    const empty: RawMessage = { ...message, metadata: {}, payload: new Uint8Array(0), compressorId: 0 };
    return message.oneway ? empty : (reply as RawMessage); // a raw call resolves with one
  }

  pushes<T>(event: MethodRef<'push', T>): AsyncIterableIterator<T> & Disposable {
    return this.#pushes.iterate(checkEvent(event));
  }
  onPush<T>(event: MethodRef<'push', T>, listener: (value: T, info: PushInfo) => void): () => void {
    checkListener(listener);
    return this.#pushes.listen(checkEvent(event), listener);
  }
  messages(): AsyncIterableIterator<ServerMessage> & Disposable {
    return this.#messages.open();
  }

  get pendingCount(): number {
    return this.#runner.pending;
  }
  get queuedCount(): number {
    return [...this.#links.values()].reduce((queued, link) => queued + link.queued, 0);
  }
  stats(): ClientStats {
    return statsSince(this.#statsStart, this.#counted());
  }
  resetStats(): void {
    this.#statsStart = this.#counted();
  }
  #counted(): CountedStats {
    const traffic = { ...this.#ended };
    let connections = 0;
    for (const link of this.#links.values()) {
      for (const session of link.sessions) {
        connections += 1;
        addTraffic(traffic, session.traffic);
      }
    }
    const { counters, attempts, active, awaitingStart } = this.#runner;
    return { ...counters, calls: counters.calls + awaitingStart, retries: attempts.retries, hedges: attempts.hedges, overBudget: attempts.overBudget, ...this.#dialCounters, active: active + awaitingStart, queued: this.queuedCount, lateReplies: this.#lateReplies, droppedPushes: this.#pushes.dropped, connections, traffic };
  }

  nodes(): readonly NodeInfo[] {
    return (this.#nodes?.snapshot() ?? []).map((node) => ({ ...node, connections: this.#links.get(node.address)?.sessions.length ?? 0 }));
  }

  quarantine(address: string, forMs: number): void {
    if (this.#nodes === undefined) throw new TypeError('quarantine: the client was made with health: false, and avoids nobody');
    this.#nodes.quarantine(address, forMs);
  }

  async close(options: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    const graceMs = graceOf(options);
    await (this.#closing ??= this.#drain(graceMs));
  }

  abort(reason?: Error): void {
    this.#runner.closed = true;
    this.#cut(new RpcError('canceled', 'the client was stopped', { reason: 'CLOSED', cause: reason }));
    this.#closing ??= this.#stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The target may be made by the first call, which may find that it cannot be called. */
  #run(target: CallTarget | (() => CallTarget), input: unknown, options: CallOptions | undefined, kind: CallKind = 'value'): Promise<unknown> {
    let made: CallTarget;
    try {
      made = typeof target === 'function' ? target() : target;
    } catch (error) {
      return Promise.reject(error); // of checkName, or of a codec that does not compile its wire type
    }
    const wrong = this.#options.requireDeadline && kind !== 'oneway' ? withoutDeadline(made.binding, options) : undefined;
    if (wrong !== undefined) return Promise.reject(wrong);
    if (this.#hasStarted) return this.#runner.run(made, input, options, kind);
    return this.#startedFor(made.binding, options).then((left) => this.#runner.run(made, input, left, kind));
  }

  get #hasStarted(): boolean {
    return this.#options.plugins.length === 0 || this.#started === started;
  }
  /** The call waits for the plugins; resolves with its options and what is left of its time. */
  #startedFor(call: CalledName, options: CallOptions | undefined): Promise<CallOptions | undefined> {
    return this.#runner.waits(startedWithin(this.#ready(), call, options, this.#options));
  }
  /** Plugins start with the first call. */
  async #ready(): Promise<void> {
    // A client that is closed waits for no plugin.
    if (this.#started !== started) await (this.#started ??= new Promise((resolve, reject) => void this.#start().then(resolve, (this.#leaveStart = reject))));
  }
  async #start(): Promise<void> {
    // A plugin that calls the client while it starts waits for itself, which its deadline ends.
    await started;
    const { plugins, runtime } = this.#options;
    try {
      for (; this.#startedPlugins < plugins.length; this.#startedPlugins++) await plugins[this.#startedPlugins]?.start?.(runtime);
      this.#started = started;
    } catch (error) {
      // The next call tries again, from the plugin that failed.
      this.#started = undefined;
      throw notStarted(plugins[this.#startedPlugins], error);
    }
  }

  #codec(name: string | undefined): Codec {
    const { codecs } = this.#options;
    const codec = name === undefined ? codecs[0] : codecs.find((one) => one.name === name);
    if (codec !== undefined) return codec;
    throw new TypeError(`the client has no codec "${name}" (it has: ${codecs.map((one) => one.name).join(', ')})`);
  }

  #target(service: string, method: string, ref?: MethodRef): CallTarget {
    // A gateway may be asked for any names: they must not pile up.
    if (this.#targets.size > mostTargets) this.#targets.clear();
    let methods = this.#targets.get(service);
    if (methods === undefined) this.#targets.set(service, (methods = new Map()));
    let target = methods.get(ref ?? method);
    if (target === undefined) {
      if (methods.size >= mostTargets) methods.clear();
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
    const routes = this.#routes.get(selector) ?? new Map<string, ServiceRoute>();
    this.#routes.set(selector, routes);
    // Every service is on every server of a list, so that one route serves them all.
    const name = this.#options.discovery === undefined ? '' : service;
    const key = group === undefined ? name : JSON.stringify([name, group]);
    let route = routes.get(key);
    if (route === undefined) routes.set(key, (route = new ServiceRoute(service, this.#options, { selector, group, rested: () => void (routes.get(key) === route && routes.delete(key)) }, this.#routeOwner)));
    return route;
  }

  #link(address: string): ServerLink {
    let link = this.#links.get(address);
    if (link === undefined) {
      this.#links.set(address, (link = new ServerLink(address, this.#options, {
        succeeded: (call, value) => this.#runner.succeeded(call, value),
        failed: (call, error) => this.#runner.failed(call, error),
        pushed: (frame, from) => this.#pushes.received(frame, from, this.#messages.received(frame, from)),
        late: () => (this.#lateReplies += 1),
        ended: (traffic, { reason, cause }) => {
          addTraffic(this.#ended, traffic);
          if (cause !== undefined && reason !== 'CLOSED') this.#dialCounters.connectionErrors += 1;
        },
        draining: (leaving) => this.#nodes?.drains(leaving),
        slow: (late, afterMs) => [...this.#links.values()].some(({ session }) => session !== undefined) && this.#nodes?.unconnected(late, afterMs),
      })));
    }
    return link;
  }

  /** A server that is in no list any more: its calls end, and then its connections do. */
  #left(address: string): void {
    const uses = (this.#uses.get(address) ?? 1) - 1;
    if (uses > 0) {
      this.#uses.set(address, uses);
      return;
    }
    this.#uses.delete(address);
    const link = this.#links.get(address);
    const forget = (): void => {
      if (this.#uses.has(address) || this.#links.get(address) !== link) return;
      this.#links.delete(address);
      void link?.close();
    };
    void link?.retire().then(forget);
  }

  async #drain(graceMs: number): Promise<void> {
    this.#runner.closed = true;
    let cut!: () => void;
    const patience = new Promise<void>((resolve) => (cut = resolve));
    const timer = this.#options.runtime.clock.setTimer(cut, graceMs);
    await Promise.race([this.#runner.idle(), patience]);
    timer.cancel();
    if (this.#runner.busy) this.#cut(new RpcError('canceled', `the client was closed and waited ${graceMs} ms for this call`, { reason: 'CLOSED' }));
    await this.#stop();
  }

  /** Ends every call, wherever it waits. */
  #cut(error: RpcError): void {
    this.#runner.end(error);
    for (const route of this.#awake) route.close(notSent(error));
    this.#runner.attempts.endResting(error);
    for (const link of this.#links.values()) link.abort(error);
  }

  async #stop(): Promise<void> {
    this.#stopped = true;
    this.#pushes.close();
    const { plugins, runtime } = this.#options;
    const closed = clientClosed();
    this.#leaveStart(closed);
    for (const route of this.#awake) route.close(closed);
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    await stopPlugins(plugins, runtime);
  }
}

const started = Promise.resolve();
const mostTargets = 1000;

/** Makes a client; connections are opened by the first calls. Throws TypeError for invalid options. */
export function createClient(options: ClientOptions): Client {
  return new RpcxClient(options);
}
