import {
  RpcError,
  type Contract, type ContractHandlers, type MaybePromise, type Methods, type Peer, type RawMessage, type ServerCall,
} from '@rpcxjs/core';
import type { FrameView } from '@rpcxjs/protocol';
import { observe, type RpcxSession, type Traffic } from '@rpcxjs/session';
import { Admission } from './admission.ts';
import { CallPipeline } from './call-pipeline.ts';
import { Connections } from './connections.ts';
import type { InboundCall } from './inbound-call.ts';
import { MethodEntry, type MethodEntryInit } from './method-entry.ts';
import type { PeerServices, ServerCounters } from './peer-services.ts';
import { checkName, contractEntries, objectEntries, type RegisterOptions } from './register.ts';
import { resolveServerOptions, type ResolvedServerOptions, type ServerOptions } from './server-options.ts';
import { ServiceTable } from './service-table.ts';

// How long handlers may take to answer after their signal fired, and peers to end after the server did, when the grace is over.
const goodbyeMs = 40;

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
  readonly counters: ServerCounters = { calls: 0, failed: 0, oneways: 0, pushes: 0, connectionsAccepted: 0, connectionsRefused: 0, protocolErrors: 0 };
  readonly #connections: Connections;
  readonly #pipeline: CallPipeline;
  readonly #idle: (() => void)[] = [];
  #state: 'open' | 'draining' | 'closed' = 'open';
  #started: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #pushes = 0;

  constructor(options: ServerOptions) {
    this.options = resolveServerOptions(options);
    this.admission = new Admission(this.options.limits);
    this.#connections = new Connections(this);
    this.#pipeline = new CallPipeline(this.options, this.table);
  }

  register(first: Contract | string, implementation: object, options: RegisterOptions<PropertyKey> = {}): this {
    const path = options.path ?? (typeof first === 'string' ? first : first.name);
    checkName('service path', path);
    const entries = typeof first === 'string' ? objectEntries(implementation, options.methods ?? [], path) : contractEntries(first, implementation as never, path);
    for (const entry of entries) this.#pipeline.compose(entry, options.intercept);
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
    this.table.addFallback(service, (name) => this.#pipeline.compose(new MethodEntry({ service, method: name, raw })));
    this.#announce(service);
    return this;
  }

  unregister(service: string): void {
    const methods = this.table.methods(service);
    if (this.table.remove(service)) observe(this.options.plugins, this.options.runtime, (plugin) => plugin.serviceUnregistered?.({ name: service, methods }));
  }

  async listen(...addresses: readonly string[]): Promise<readonly string[]> {
    if (this.#state !== 'open') throw new RpcError('failed_precondition', 'the server is closed and cannot listen again; make a new one', { reason: 'CLOSED' });
    await (this.#started ??= this.#start());
    return this.#connections.listen(addresses);
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
    const stopped = this.#connections.stopListening();
    for (const peer of this.#connections.peers) peer.session.fail(error);
    this.#closing ??= stopped.then(() => this.#stop());
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  draining(): boolean {
    return this.#state !== 'open';
  }
  tokenRefused(call: InboundCall): boolean {
    return this.#pipeline.tokenRefused(call);
  }
  nextPushSequence(): number {
    return (this.#pushes = (this.#pushes + 1) >>> 0);
  }
  left(): void {
    if (this.#state === 'open' || this.admission.running > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
  disconnected(session: RpcxSession, reason: RpcError | undefined): void {
    this.#connections.forget(session, reason);
  }

  unknown(frame: FrameView): MethodEntry {
    return this.#pipeline.unknown(frame);
  }

  #add(init: MethodEntryInit): this {
    checkName('service path', init.service);
    checkName('method', init.method);
    this.table.add(this.#pipeline.compose(new MethodEntry(init)));
    this.#announce(init.service);
    return this;
  }

  #announce(name: string): void {
    observe(this.options.plugins, this.options.runtime, (plugin) => plugin.serviceRegistered?.({ name, methods: this.table.methods(name) }));
  }

  async #start(): Promise<void> {
    for (const plugin of this.options.plugins) await plugin.start?.(this.options.runtime);
  }

  async #drain(graceMs: number): Promise<void> {
    this.#state = 'draining';
    const until = this.options.runtime.clock.now() + graceMs;
    await this.#connections.stopListening();
    if (!(await this.#within(until, this.#whenIdle()))) {
      for (const peer of this.#connections.peers) peer.dispatcher.abortCalls(closed());
      await this.#within(this.options.runtime.clock.now() + goodbyeMs, this.#whenIdle());
    }
    const peers = [...this.#connections.peers];
    const ended = Promise.all(peers.map((peer) => peer.session.close()));
    await this.#within(Math.max(until, this.options.runtime.clock.now() + goodbyeMs), ended);
    await this.#stop();
  }

  #whenIdle(): Promise<void> {
    return this.#state === 'closed' || this.admission.running === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** False when the time has come first. */
  async #within(until: number, done: Promise<unknown>): Promise<boolean> {
    const { clock } = this.options.runtime;
    let cut!: (inTime: boolean) => void;
    const late = new Promise<boolean>((resolve) => (cut = resolve));
    const timer = clock.setTimer(() => cut(false), until - clock.now());
    const inTime = await Promise.race([done.then(() => true), late]);
    timer.cancel();
    return inTime;
  }

  async #stop(): Promise<void> {
    this.#state = 'closed';
    for (const peer of this.#connections.peers) peer.session.fail(closed());
    for (const plugin of this.options.plugins) {
      try {
        await plugin.stop?.();
      } catch (error) {
        this.options.runtime.logger.warn({ plugin: plugin.name, error }, 'a plugin failed to stop');
      }
    }
  }
}

function closed(): RpcError {
  return new RpcError('unavailable', 'the server has closed', { reason: 'CLOSED' });
}

/** Makes a server; `listen` opens it. Throws TypeError for options that cannot work. */
export function createServer(options: ServerOptions = {}): Server {
  return new RpcxServer(options) as Server; // register's overloads are wider than its implementation's parameters
}
