import {
  RpcError,
  type Clock, type Contract, type ContractHandlers, type MaybePromise, type Methods, type Peer, type RawMessage, type ServerCall,
} from '@rpcxjs/core';
import type { FrameView } from '@rpcxjs/protocol';
import { observe, type RpcxSession, type Traffic } from '@rpcxjs/session';
import { Admission } from './admission.ts';
import { Advertising, type MetadataChanges } from './advertising.ts';
import { CallPipeline } from './call-pipeline.ts';
import { checkAddresses } from './composed-options.ts';
import { Connections } from './connections.ts';
import { checkTimes, Drain, type CloseOptions, type Leaving, type ServerState } from './drain.ts';
import type { InboundCall } from './inbound-call.ts';
import { LoopGuard } from './loop-guard.ts';
import { MethodEntry, type MethodEntryInit } from './method-entry.ts';
import type { PeerServices, ServerCounters } from './peer-services.ts';
import { PluginStart } from './plugin-start.ts';
import { checkFunction, checkName, checkRegistration, contractEntries, objectEntries, type RegisterOptions } from './register.ts';
import { resolveServerOptions } from './resolved-options.ts';
import type { ResolvedServerOptions, ServerOptions } from './server-options.ts';
import { ServiceTable } from './service-table.ts';

type RawHandler = (message: RawMessage, call: ServerCall) => MaybePromise<RawMessage>;

/** Counters of one method since it was registered. */
export interface MethodStats {
  readonly service: string;
  readonly method: string;
  readonly calls: number;
  readonly failed: number;
  readonly running: number;
}

export interface ServerStats extends Readonly<ServerCounters> {
  readonly state: ServerState;
  readonly connections: number;
  readonly running: number;
  readonly queued: number;
  /** Calls refused because too many were running. */
  readonly refused: number;
  /** Calls that waited for a place until their time was over or nobody wanted them. */
  readonly expired: number;
  /** How late the event loop is, in milliseconds; 0 without `maxLoopDelayMs`. */
  readonly loopDelayMs: number;
  /** Entries that registries hold: services times addresses times registries. */
  readonly advertised: number;
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
  /** Registers a handler of raw messages, which no codec touches; without a method, for every method of the service that has no handler of its own. */
  handle(service: string, method: string | undefined, handler: RawHandler): this;
  /** Takes a service away. Running calls finish, new ones fail with UNKNOWN_SERVICE. */
  unregister(service: string): void;
  /**
   * Resolves with the addresses as bound, port 0 replaced by a real one, and when each registry was asked, a second later at most; one that is
   * down is asked again. Plugins start before the first one. Rejects with LISTEN_FAILED, also for a plugin that takes longer than 30 s to start, with what a
   * plugin's `start` throws, NOT_ADVERTISABLE for a wildcard with registries and no `advertise`, or CLOSED; the next `listen` tries again.
   */
  listen(...addresses: readonly string[]): Promise<readonly string[]>;
  peers(): Iterable<Peer>;
  stats(): ServerStats;
  /** Of all methods that were registered by name. */
  methodStats(): readonly MethodStats[];
  /**
   * Changes metadata in the registries, of all services or of one: `advertise({ state: 'inactive' })` takes the server out, `{ state: undefined }`
   * brings it back. Resolves when each registry was asked, a second later at most; one that is down gets it later. Throws TypeError for values that are not text.
   */
  advertise(metadata: MetadataChanges, service?: string): Promise<void>;
  /**
   * Goes: tells registries and clients, serves on as long as they may not know it, then refuses what is new, lets running calls finish, and closes.
   * After `graceMs` it aborts what is left. A second close may shorten the time.
   */
  close(options?: CloseOptions): Promise<void>;
  /** Ends everything now. */
  abort(reason?: Error): void;
}

class RpcxServer implements Server, PeerServices, Leaving {
  readonly options: ResolvedServerOptions;
  readonly table: ServiceTable = new ServiceTable();
  readonly admission: Admission;
  readonly counters: ServerCounters = { calls: 0, failed: 0, oneways: 0, pushes: 0, refusedLeaving: 0, connectionsAccepted: 0, connectionsRefused: 0, protocolErrors: 0 };
  readonly guard: LoopGuard | undefined;
  readonly connections: Connections;
  readonly advertising: Advertising;
  readonly #pipeline: CallPipeline;
  readonly #drain: Drain;
  readonly #plugins: PluginStart;
  #closing: Promise<void> | undefined;
  #pushes = 0;

  constructor(options: ServerOptions) {
    this.options = resolveServerOptions(options);
    const { limits, runtime, advertise, registries } = this.options;
    this.admission = new Admission(limits, runtime.clock);
    this.guard = limits.maxLoopDelayMs === Infinity ? undefined : new LoopGuard(runtime.clock, limits.maxLoopDelayMs);
    this.advertising = new Advertising(advertise, registries, runtime, () => ({ calls: this.counters.calls, connections: this.counters.connectionsAccepted }));
    this.#drain = new Drain(this);
    this.#plugins = new PluginStart(this.options.plugins, runtime);
    this.connections = new Connections(this);
    this.#pipeline = new CallPipeline(this.options, this.table);
  }

  register(first: Contract | string, implementation: object, options: RegisterOptions<PropertyKey> = {}): this {
    checkRegistration(first, implementation, options);
    const path = options.path ?? (typeof first === 'string' ? first : first.name);
    checkName('service path', path);
    const entries = typeof first === 'string' ? objectEntries(implementation, options.methods ?? [], path) : contractEntries(first, implementation as never, path);
    for (const entry of entries) this.#pipeline.compose(entry, options.intercept);
    this.advertising.add(path, options.metadata);
    this.table.replace(path, entries);
    this.#announce(path);
    return this;
  }

  registerFunction(service: string, method: string, run: (input: never, call: ServerCall) => unknown): this {
    checkFunction('registerFunction', service, method, run);
    return this.#add({ service, method, run: run as MethodEntryInit['run'] });
  }

  handle(service: string, method: string | undefined, raw: RawHandler): this {
    checkFunction('handle', service, method, raw);
    if (method !== undefined) return this.#add({ service, method, raw });
    checkName('service path', service);
    this.table.addFallback(service, (name) => this.#pipeline.compose(new MethodEntry({ service, method: name, raw })));
    this.advertising.add(service, undefined);
    this.#announce(service);
    return this;
  }

  unregister(service: string): void {
    const methods = this.table.methods(service);
    this.advertising.remove(service);
    if (this.table.remove(service)) observe(this.options.plugins, this.options.runtime, (plugin) => plugin.serviceUnregistered?.({ name: service, methods }));
  }

  async listen(...addresses: readonly string[]): Promise<readonly string[]> {
    if (this.leaving()) throw new RpcError('failed_precondition', 'the server is closed and cannot listen again; make a new one', { reason: 'CLOSED' });
    checkAddresses(addresses);
    this.advertising.check(addresses);
    await this.#plugins.run();
    const bound = await this.connections.listen(addresses);
    await this.advertising.listening(bound);
    return bound;
  }

  peers(): Iterable<Peer> {
    return this.connections.peers;
  }

  stats(): ServerStats {
    const { running, queued, refused, expired } = this.admission;
    const { state } = this.#drain;
    const { count: connections, traffic } = this.connections;
    const loopDelayMs = this.guard?.delayMs ?? 0;
    return { state, ...this.counters, connections, running, queued, refused, expired, loopDelayMs, advertised: this.advertising.live, traffic };
  }
  methodStats(): MethodStats[] {
    const entries = [...this.table.services].flatMap((service) => this.table.entries(service));
    return entries.map(({ service, method, calls, failed, running }) => ({ service, method, calls, failed, running }));
  }

  advertise(metadata: MetadataChanges, service?: string): Promise<void> {
    return this.advertising.change(metadata, service);
  }

  close(options: CloseOptions = {}): Promise<void> {
    checkTimes('close', options);
    if (this.#closing !== undefined && options.graceMs !== undefined) this.#drain.hurry(options.graceMs);
    return (this.#closing ??= this.#drain.run(options));
  }

  abort(reason?: Error): void {
    const error = new RpcError('unavailable', 'the server was stopped', { reason: 'CLOSED', cause: reason });
    this.#drain.state = 'closed';
    const stopped = this.connections.stopListening();
    for (const peer of this.connections.peers) peer.session.fail(error);
    this.#closing ??= this.#drain.abort(stopped);
    this.#drain.changed();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get clock(): Clock {
    return this.options.runtime.clock;
  }
  leaving(): boolean {
    return this.#drain.state !== 'open';
  }
  draining(): boolean {
    return this.#drain.state === 'draining' || this.#drain.state === 'closed';
  }
  tokenRefused(call: InboundCall): boolean {
    return this.#pipeline.tokenRefused(call);
  }
  nextPushSequence(): number {
    return (this.#pushes + 1) >>> 0;
  }
  pushed(): void {
    this.#pushes = (this.#pushes + 1) >>> 0;
    this.counters.pushes += 1;
  }
  left(): void {
    if (this.#drain.state !== 'open') this.#drain.changed();
  }
  disconnected(session: RpcxSession, reason: RpcError | undefined): void {
    this.connections.forget(session, reason);
    if (this.leaving()) this.#drain.left();
  }

  unknown(frame: FrameView): MethodEntry {
    return this.#pipeline.unknown(frame);
  }

  #add(init: MethodEntryInit): this {
    checkName('service path', init.service);
    checkName('method', init.method);
    this.table.add(this.#pipeline.compose(new MethodEntry(init)));
    this.advertising.add(init.service, undefined);
    this.#announce(init.service);
    return this;
  }

  #announce(name: string): void {
    observe(this.options.plugins, this.options.runtime, (plugin) => plugin.serviceRegistered?.({ name, methods: this.table.methods(name) }));
  }

  async stopPlugins(): Promise<void> {
    this.#plugins.close(new RpcError('failed_precondition', 'the server was closed before it listened', { reason: 'CLOSED' }));
    for (const plugin of this.options.plugins) {
      try {
        await plugin.stop?.();
      } catch (error) {
        this.options.runtime.logger.warn({ plugin: plugin.name, err: error }, 'a plugin failed to stop');
      }
    }
  }
}

/** Makes a server; `listen` opens it. Throws TypeError for invalid options. */
export function createServer(options: ServerOptions = {}): Server {
  return new RpcxServer(options) as Server; // register's overloads are wider than its implementation's parameters
}
