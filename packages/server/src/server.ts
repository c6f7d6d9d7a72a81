import {
  intercept, readUtf8, RpcError,
  type Contract, type ContractHandlers, type Interceptor, type MaybePromise, type Methods, type Peer, type RawMessage, type Reply, type ServerCall,
} from '@rpcxjs/core';
import type { FrameView } from '@rpcxjs/protocol';
import type { Traffic } from '@rpcxjs/session';
import { Admission } from './admission.ts';
import { authInterceptor } from './auth.ts';
import type { ConnectedPeer } from './connected-peer.ts';
import { Connections, observe } from './connections.ts';
import { DerivedCall } from './derived-call.ts';
import { InboundCall } from './inbound-call.ts';
import { inflate } from './inflate.ts';
import { MethodEntry, type MethodEntryInit } from './method-entry.ts';
import type { PeerServices, ServerCounters } from './peer-services.ts';
import { unknownMethod, unknownService } from './refusals.ts';
import { checkName, contractEntries, objectEntries, type RegisterOptions } from './register.ts';
import { runMethod } from './run-method.ts';
import { resolveServerOptions, type ResolvedServerOptions, type ServerOptions } from './server-options.ts';
import { ServiceTable } from './service-table.ts';

type RawHandler = (message: RawMessage, call: ServerCall) => MaybePromise<RawMessage>;

export interface ServerStats extends Readonly<ServerCounters> {
  readonly connections: number;
  readonly running: number;
  readonly queued: number;
  /** Calls refused because too many were running. */
  readonly refused: number;
  readonly traffic: Readonly<Traffic>;
}

/** Serves services over any number of transports. Life cycle: made → listening → draining → closed. */
export interface Server extends AsyncDisposable {
  /** Replaces the service if it is registered already. Throws TypeError for a missing handler or a reserved name. */
  register<M extends Methods>(contract: Contract<M>, handlers: ContractHandlers<M>, options?: RegisterOptions): this;
  /** A class or object needs its method list: exported does not mean remote. */
  register<T extends object>(name: string, implementation: T, options: RegisterOptions<keyof T> & { readonly methods: readonly (keyof T)[] }): this;
  /** One function as one method; others of the same service stay. */
  registerFunction(service: string, method: string, run: (input: never, call: ServerCall) => unknown): this;
  /** Payload in, payload out; without a method, for every method of the service that has no handler of its own. */
  handle(service: string, method: string | undefined, handler: RawHandler): this;
  /** Running calls end in peace, new ones find nothing. */
  unregister(service: string): void;
  /** Resolves with the addresses as bound, port 0 replaced by a real one. */
  listen(...addresses: readonly string[]): Promise<readonly string[]>;
  peers(): Iterable<Peer>;
  stats(): ServerStats;
  /** Drains: takes nothing new, lets running calls finish, then closes. After `graceMs` (25 000) it aborts what is left. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
  /** Ends everything now. */
  abort(reason?: Error): void;
}

class RpcxServer implements Server, PeerServices {
  readonly options: ResolvedServerOptions;
  readonly table: ServiceTable = new ServiceTable();
  readonly admission: Admission;
  readonly counters: ServerCounters = { calls: 0, failed: 0, oneways: 0, pushes: 0, connectionsAccepted: 0, connectionsRefused: 0 };
  readonly #connections: Connections;
  readonly #interceptors: readonly Interceptor<ServerCall>[];
  readonly #refusedTokens = new WeakSet<ServerCall>();
  readonly #drained: (() => void)[] = [];
  #state: 'open' | 'draining' | 'closed' = 'open';
  #started: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #pushes = 0;

  constructor(options: ServerOptions) {
    this.options = resolveServerOptions(options);
    this.admission = new Admission(this.options.limits);
    this.#connections = new Connections(this);
    this.#interceptors = this.#outermost();
  }

  register(first: Contract | string, implementation: object, options: RegisterOptions<PropertyKey> = {}): this {
    const path = options.path ?? (typeof first === 'string' ? first : first.name);
    checkName('service path', path);
    const entries = typeof first === 'string' ? objectEntries(implementation, options.methods ?? [], path) : contractEntries(first, implementation as never, path);
    for (const entry of entries) this.#compose(entry, options.intercept);
    this.table.replace(path, entries);
    this.#announce(path);
    return this;
  }

  registerFunction(service: string, method: string, run: (input: never, call: ServerCall) => unknown): this {
    return this.#add({ service, method, run: run as MethodEntryInit['run'] });
  }

  handle(service: string, method: string | undefined, raw: RawHandler): this {
    if (method !== undefined) return this.#add({ service, method, raw });
    checkName('service path', service);
    this.table.addFallback(service, (name) => this.#compose(new MethodEntry({ service, method: name, raw })));
    this.#announce(service);
    return this;
  }

  unregister(service: string): void {
    const methods = this.table.methods(service);
    if (this.table.remove(service)) observe(this, (plugin) => plugin.serviceUnregistered?.({ name: service, methods }));
  }

  async listen(...addresses: readonly string[]): Promise<readonly string[]> {
    if (this.#state !== 'open') throw new RpcError('failed_precondition', 'the server is closed and cannot listen again; make a new one', { reason: 'CLOSED' });
    await (this.#started ??= this.#start());
    const bound: string[] = [];
    for (const address of addresses) bound.push(await this.#connections.listen(address));
    return bound;
  }

  peers(): Iterable<Peer> {
    return this.#connections.peers;
  }

  stats(): ServerStats {
    const { running, queued, refused } = this.admission;
    return { ...this.counters, connections: this.#connections.count, running, queued, refused, traffic: this.#connections.traffic };
  }

  close(options: { readonly graceMs?: number } = {}): Promise<void> {
    return (this.#closing ??= this.#drain(options.graceMs ?? 25_000));
  }

  abort(reason?: Error): void {
    const error = new RpcError('unavailable', 'the server was stopped', { reason: 'CLOSED', cause: reason });
    this.#state = 'closed';
    void this.#connections.stopListening();
    for (const peer of this.#connections.peers) peer.session.fail(error);
    this.#closing ??= this.#stop();
    this.left();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  draining(): boolean {
    return this.#state !== 'open';
  }
  tokenRefused(call: InboundCall): boolean {
    return this.options.auth !== undefined && this.#refusedTokens.has(call);
  }
  nextPushSequence(): number {
    return (this.#pushes = (this.#pushes + 1) >>> 0);
  }
  left(): void {
    if (this.#state === 'open' || this.admission.running > 0) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }
  disconnected(peer: ConnectedPeer, reason: RpcError | undefined): void {
    this.#connections.forget(peer, reason);
  }

  unknown(frame: FrameView): MethodEntry {
    const service = readUtf8(frame.bytes, frame.serviceStart, frame.serviceEnd);
    const method = readUtf8(frame.bytes, frame.methodStart, frame.methodEnd);
    const error = this.table.has(service) ? unknownMethod(method) : unknownService(service);
    const raw = (): never => {
      throw error;
    };
    return this.#compose(new MethodEntry({ service, method, raw }));
  }

  #add(init: MethodEntryInit): this {
    checkName('service path', init.service);
    checkName('method', init.method);
    this.table.add(this.#compose(new MethodEntry(init)));
    this.#announce(init.service);
    return this;
  }

  #announce(name: string): void {
    observe(this, (plugin) => plugin.serviceRegistered?.({ name, methods: this.table.methods(name) }));
  }

  /** Auth, then inflating, then the user's: what was refused is not unpacked. */
  #outermost(): readonly Interceptor<ServerCall>[] {
    const { auth, interceptors, compressors } = this.options;
    const inflating: Interceptor<ServerCall> = (next) => (call) => {
      const original = originalOf(call);
      if (original.compressorId === 0 || original.entry.run === undefined) return next(call);
      const inflated = inflate(original, this.options);
      return inflated instanceof Promise ? inflated.then(() => next(call)) : next(call);
    };
    if (auth === undefined && interceptors.length === 0) return [];
    const guard = auth === undefined ? [] : [authInterceptor(auth, (call) => this.#refusedTokens.add(originalOf(call)))];
    return [...guard, ...(compressors.length === 0 ? [] : [inflating]), ...interceptors];
  }

  #compose(entry: MethodEntry, own: readonly Interceptor<ServerCall>[] = []): MethodEntry {
    const interceptors = [...this.#interceptors, ...own];
    if (interceptors.length === 0) return entry;
    entry.chain = intercept(interceptors, (call) => this.#terminal(call, entry));
    return entry;
  }

  #terminal(call: ServerCall, entry: MethodEntry): MaybePromise<Reply> {
    const original = originalOf(call);
    const moved = call.service !== entry.service || call.method !== entry.method;
    const target = moved ? this.table.find(call.service, call.method) : entry;
    if (target === undefined) throw this.table.has(call.service) ? unknownMethod(call.method) : unknownService(call.service);
    const output = runMethod(call, target, original);
    const reply = (value: unknown): Reply => ({ output: value, metadata: original.response ?? {} });
    return output instanceof Promise ? output.then(reply) : reply(output);
  }

  async #start(): Promise<void> {
    for (const plugin of this.options.plugins) await plugin.start?.(this.options.runtime);
  }

  async #drain(graceMs: number): Promise<void> {
    if (this.#state === 'open') this.#state = 'draining';
    await this.#connections.stopListening();
    const { clock } = this.options.runtime;
    if (this.admission.running > 0) {
      const idle = new Promise<void>((resolve) => this.#drained.push(resolve));
      let cut!: () => void;
      const patience = new Promise<void>((resolve) => (cut = resolve));
      const timer = clock.setTimer(cut, graceMs);
      await Promise.race([idle, patience]);
      timer.cancel();
    }
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const wasOpen = this.#state !== 'closed';
    this.#state = 'closed';
    const error = new RpcError('unavailable', 'the server has closed', { reason: 'CLOSED' });
    const peers = [...this.#connections.peers];
    for (const peer of peers) peer.dispatcher.abortCalls(error);
    if (wasOpen) await Promise.all(peers.map((peer) => peer.session.close()));
    for (const plugin of this.options.plugins) await plugin.stop?.();
  }
}

function originalOf(call: ServerCall): InboundCall {
  let current = call;
  while (current instanceof DerivedCall) current = current.original;
  return current as InboundCall; // interceptors get InboundCalls and can only derive from them
}

/** Makes a server; `listen` opens it. Throws TypeError for options that cannot work. */
export function createServer(options: ServerOptions = {}): Server {
  return new RpcxServer(options) as Server; // register's overloads are wider than its implementation's parameters
}
