import { RpcError, sleep, thrownText, type ClientPlugin, type Discovery, type Metadata, type Picker, type Selector, type ServiceInstance, type Timer } from '@rpcxjs/core';
import { inGroup, instanceSieve, isActive } from '@rpcxjs/core/discoveries';
import type { ResolvedClientOptions } from './client-options.ts';
import type { Node } from './nodes/node.ts';
import type { NodeGroup } from './nodes/node-group.ts';
import type { NodeTable } from './nodes/node-table.ts';
import type { CallRoute, OutboundCall } from './outbound-call.ts';
import { RetryBudget } from './retry-budget.ts';
import type { ServerLink } from './server-link.ts';
import { atOnce, logLate } from './synchronous.ts';

/** What may differ between two routes to the same service. */
export interface RouteTraits {
  readonly selector: Selector | undefined;
  readonly group: string | undefined;
  /** Called when the service has no server and no caller for a while: the client may forget the route, and make another one for the next call. */
  readonly rested?: () => void;
}

/** What a route asks of the client that it belongs to. */
export interface RouteOwner {
  /** What is known of the servers; undefined when the client judges nobody. */
  readonly nodes: NodeTable | undefined;
  /** Whether the client has ended: a route made after that is closed from the start. A function, because an object with a getter is slow to read. */
  stopped(): boolean;
  /** The routes that watch their discovery, to be closed with the client. */
  readonly awake: Set<ServiceRoute>;
  linkOf(address: string): ServerLink;
  /** The address is no longer in the list of servers. */
  left(address: string): void;
  failed(call: OutboundCall, error: RpcError): void;
}

/** Milliseconds without a call after which a service that has no server is watched no longer. A gateway may be asked for any name, and each would be watched for ever. */
const restMs = 60_000;

const pickerThrew = 'a picker threw when it was told how an attempt went';
const noMetadata: Metadata = Object.freeze({});

/** One server of the service. */
interface Target {
  readonly instance: ServiceInstance;
  readonly link: ServerLink;
  readonly node: Node | undefined;
}

/** Which server a call of one service goes to. */
export class ServiceRoute implements CallRoute {
  readonly budget: RetryBudget;
  readonly #service: string;
  readonly #options: ResolvedClientOptions;
  readonly #traits: RouteTraits;
  readonly #owner: RouteOwner;
  #group: NodeGroup | undefined;
  readonly #inGroup: (instance: ServiceInstance) => boolean;
  readonly #sift: (said: readonly ServiceInstance[]) => readonly ServiceInstance[];
  #targets: ReadonlyMap<string, Target> | undefined;
  /** The addresses that health checking allows for new calls. */
  #usable: readonly string[] | undefined;
  /** The usable servers, called in turn when there is no selector. */
  #list: readonly Target[] = [];
  /** The selector's picker, and what plugins wrapped around it. */
  #built: Picker | undefined;
  #picker: Picker | undefined;
  #turn = 0;
  #waiting: OutboundCall[] = [];
  #failure: RpcError | undefined;
  #strangerSeen = false;
  #listed = 0;
  readonly #asked: { resolve(links: readonly ServerLink[]): void; reject(error: RpcError): void }[] = [];
  #stop = new AbortController();
  /** True while it watches nothing, until the next call. */
  #resting = false;
  /** When it was last used while it knew no server. */
  #missedAt = 0;
  #rest: Timer | undefined;

  constructor(service: string, options: ResolvedClientOptions, traits: RouteTraits, owner: RouteOwner) {
    this.#service = service;
    this.#options = options;
    this.#traits = traits;
    this.#owner = owner;
    this.budget = new RetryBudget(options.retryBudget, options.runtime.clock);
    this.#group = owner.nodes?.group([]);
    this.#inGroup = traits.group === undefined ? () => true : inGroup(traits.group);
    const networks = options.transports.flatMap((transport) => transport.networks);
    this.#sift = instanceSieve({ service, logger: options.runtime.logger, networks });
    if (!owner.stopped() && options.discovery === undefined) this.#update(options.addresses.map((address) => ({ address, metadata: {} })));
    this.#begin();
  }

  send(call: OutboundCall, now: number): void {
    if (this.#targets === undefined) {
      this.#missed();
      if (this.#failure === undefined) this.#waiting.push(call);
      else this.#owner.failed(call, this.#failure);
      return;
    }
    if (this.#group !== undefined && this.#group.usable() !== this.#usable) this.#rebuild();
    let target;
    try {
      target = this.#choose(call, now);
    } catch (thrown) {
      const message = `the selector of "${call.service}" threw: ${thrownText(thrown)}`;
      this.#owner.failed(call, new RpcError('internal', message, { sent: false, cause: thrown }));
      return;
    }
    if (target !== undefined) this.#give(call, target, now);
    else if (!call.settled && !call.main.settled) this.#owner.failed(call, this.#none(call));
  }

  /** Sends the call to this server, whatever the selector and health checking say. */
  sendTo(address: string, call: OutboundCall, now: number): void {
    const target = this.#targets?.get(address);
    if (target !== undefined) this.#give(call, target, now);
    else this.#owner.failed(call, new RpcError('unavailable', `${address} no longer serves "${call.service}"`, { reason: 'NO_INSTANCE', sent: false, address }));
  }

  #give(call: OutboundCall, { link, instance, node }: Target, now: number): void {
    call.address = link.address;
    call.instance = instance;
    call.chosen = true;
    if (node !== undefined) this.#owner.nodes?.began(call, node, now);
    link.send(call, now);
  }

  ended(call: OutboundCall, error: RpcError<string> | undefined, now: number): void {
    if (call.node !== undefined) this.#owner.nodes?.ended(call, error, now);
    const { pick } = call;
    if (pick === undefined) return;
    call.pick = undefined;
    if (pick.done === undefined) return;
    try {
      logLate(pick.done({ error, durationMs: now - call.attemptAt }), this.#options.runtime.logger, pickerThrew);
    } catch (thrown) {
      this.#options.runtime.logger.error({ err: thrown }, pickerThrew);
    }
  }

  hasOther(address: string | undefined): boolean {
    return this.#list.some(({ link }) => link.address !== address);
  }

  avoided(): string | undefined {
    return this.#group?.avoided(this.#options.runtime.clock.now());
  }

  holdUp({ address, chosen }: OutboundCall): string | undefined {
    if (this.#targets === undefined) return `the servers of "${this.#service}" are not known yet: does its discovery answer?`;
    return chosen ? this.#targets.get(address ?? '')?.link.holdUp : undefined;
  }

  /** Every server of the service, as soon as there is a list; rejects when its discovery failed before there was one. */
  everyone(): Promise<readonly ServerLink[]> {
    if (this.#targets !== undefined) return Promise.resolve(linksOf(this.#targets));
    this.#missed();
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#asked.push({ resolve, reject }));
  }

  /** Ends the route. Calls that wait for the first list fail with this error. */
  close(error: RpcError): void {
    this.#stop.abort();
    this.#rest?.cancel();
    this.#resting = false;
    this.#owner.awake.delete(this);
    this.#group?.close();
    this.#targets = undefined;
    this.#failure = error;
    for (const { reject } of this.#asked.splice(0)) reject(error);
    for (const call of this.#waiting.splice(0)) if (!call.settled) this.#owner.failed(call, error);
  }

  #begin(): void {
    if (this.#owner.stopped()) this.close(clientClosed());
    else {
      this.#owner.awake.add(this);
      if (this.#options.discovery !== undefined) void this.#watch(this.#options.discovery);
    }
  }

  /** The route was used while it knew no server: watches again if it had stopped, and starts the time after which it stops. */
  #missed(): void {
    const { discovery, runtime } = this.#options;
    if (discovery === undefined || this.#stop.signal.aborted) return;
    this.#missedAt = runtime.clock.now();
    if (this.#resting) {
      this.#resting = false;
      this.#group = this.#owner.nodes?.group([]);
      this.#begin();
    }
    if (!this.#stop.signal.aborted) this.#rest ??= runtime.clock.setTimer(() => this.#mayRest(), restMs);
  }

  #mayRest(): void {
    this.#rest = undefined;
    const { clock } = this.#options.runtime;
    if (this.#listed > 0) return;
    if (this.#waiting.length > 0 || this.#asked.length > 0) this.#missedAt = clock.now();
    const leftMs = this.#missedAt + restMs - clock.now();
    if (leftMs > 0) {
      this.#rest = clock.setTimer(() => this.#mayRest(), leftMs);
      return;
    }
    this.#stop.abort();
    this.#group?.close();
    this.#stop = new AbortController();
    this.#targets = undefined;
    this.#failure = undefined;
    this.#resting = true;
    this.#owner.awake.delete(this);
    this.#traits.rested?.();
  }

  #choose(call: OutboundCall, now: number): Target | undefined {
    const { again, failures } = call.main.story;
    if (failures !== undefined && again === 'same') {
      const same = this.#targets?.get(failures.at(-1)?.address ?? '');
      if (same !== undefined) return same;
    }
    // A server that was avoided for its whole time gets one call to prove itself; only a first attempt is risked for that.
    const probe = failures === undefined && call.root === call.main ? this.#group?.probe(now) : undefined;
    if (probe !== undefined) return this.#targets?.get(probe);
    return this.#picker === undefined ? this.#inTurn(call) : this.#pick(call, this.#picker);
  }

  #inTurn(call: OutboundCall): Target | undefined {
    const list = this.#list;
    if (list.length <= 1) return list[0];
    const avoid = avoided(call);
    let second: Target | undefined;
    for (let count = 0; count < list.length; count++) {
      const target = list[this.#turn++ % list.length] as Target; // within the list
      if (avoid?.has(target.link.address) === true) second ??= target;
      else if (!target.link.failing) return target;
      else second = target;
    }
    return second;
  }

  #pick(call: OutboundCall, picker: Picker): Target | undefined {
    const { service, method, input, hashKey, options } = call;
    const pick = atOnce(picker.pick({ service, method, input, metadata: options?.metadata ?? noMetadata, hashKey, avoid: avoided(call) }), 'its pick');
    if (pick === undefined) return undefined;
    const address = (pick.instance as ServiceInstance | undefined)?.address; // programs without types return what they like
    if (address === undefined) throw new TypeError('its pick has no instance');
    const target = this.#targets?.get(address);
    if (target === undefined) return this.#stranger(call, address);
    call.pick = pick;
    return target;
  }

  /** The selector chose a server that is not in the list, or no longer: another one is taken instead. */
  #stranger(call: OutboundCall, address: string): Target | undefined {
    if (!this.#strangerSeen) {
      this.#strangerSeen = true;
      const known = [...(this.#targets?.keys() ?? [])];
      this.#options.runtime.logger.warn({ service: this.#service, address, known }, 'a selector chose a server that is not in the list; another one was taken');
    }
    return this.#inTurn(call);
  }

  #none(call: OutboundCall): RpcError {
    const known = this.#targets?.size ?? 0;
    if (known === 0) this.#missed();
    const { group } = this.#traits;
    const names = group === undefined ? 'active' : `active and in the group "${group}"`;
    const nobody = this.#listed === 0 ? 'is a server registered under this name?' : group === undefined ? 'all of them are inactive' : 'the others are inactive, or their metadata names no such group';
    const advice = known === 0 ? nobody : (this.avoided() ?? 'the selector chose none of them');
    const message = `no instance of "${call.service}" (${this.#listed} listed, ${known} ${names}): ${advice}`;
    return new RpcError('unavailable', message, { reason: 'NO_INSTANCE', sent: false });
  }

  /** A discovery that fails is asked again, later and later; one that ends has said its last word. */
  async #watch(discovery: Discovery): Promise<void> {
    const { signal } = this.#stop;
    const { clock } = this.#options.runtime;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#follow(discovery, signal);
        if (this.#targets === undefined && !signal.aborted) this.#lost(new Error('the discovery ended without a list'));
        return;
      } catch (cause) {
        if (signal.aborted) return;
        if (this.#failure === undefined && this.#targets !== undefined) failures = 0;
        this.#lost(cause);
      }
      await sleep(clock, clock.random() * Math.min(5000, 100 * 1.6 ** failures), signal).catch(() => {});
    }
  }

  async #follow(discovery: Discovery, signal: AbortSignal): Promise<void> {
    const { runtime } = this.#options;
    let lists = 0;
    for await (const instances of atOnce(discovery.watch(this.#service, { signal, runtime }), 'watch')) {
      // One that never waits for a change would leave no turn to anything else.
      if (++lists % 1000 === 0) await sleep(runtime.clock, 1, signal).catch(() => {});
      if (signal.aborted) break;
      this.#update(instances);
    }
  }

  #lost(cause: unknown): void {
    if (this.#failure === undefined) {
      const meanwhile = this.#targets === undefined ? 'calls fail until it answers' : 'its last known servers stay in use';
      this.#options.runtime.logger.warn({ service: this.#service, err: cause }, `the discovery of "${this.#service}" failed and is asked again; ${meanwhile}: ${thrownText(cause)}`);
    }
    // The registry's own code stays in `cause`: `not_found` or `unauthenticated` would read as if the service had said so.
    const reason = RpcError.is(cause) && String(cause.reason).startsWith('REGISTRY_') ? cause.reason : 'NO_INSTANCE';
    this.#failure = new RpcError('unavailable', `the servers of "${this.#service}" cannot be found: ${thrownText(cause)}`, { reason, sent: false, cause });
    if (this.#targets !== undefined) return;
    for (const { reject } of this.#asked.splice(0)) reject(this.#failure);
    for (const call of this.#waiting.splice(0)) this.#owner.failed(call, this.#failure);
  }

  #update(instances: readonly ServiceInstance[]): void {
    this.#failure = undefined;
    const before = this.#targets;
    const targets = new Map<string, Target>();
    const sifted = this.#sift(instances);
    // An emptied list may stay empty, so the route may come to rest.
    if (sifted.length === 0 && this.#rest === undefined) this.#missed();
    this.#listed = sifted.length;
    for (const instance of sifted) {
      const { address } = instance;
      if (!isActive(instance) || !this.#inGroup(instance)) continue;
      targets.set(address, { instance, link: before?.get(address)?.link ?? this.#owner.linkOf(address), node: this.#owner.nodes?.nodeOf(address) });
    }
    this.#targets = targets;
    this.#group?.update([...targets.keys()]);
    this.#rebuild();
    for (const address of before?.keys() ?? []) if (!targets.has(address)) this.#owner.left(address);
    for (const { resolve } of this.#asked.splice(0)) resolve(linksOf(targets));
    const waiting = this.#waiting;
    this.#waiting = [];
    const now = this.#options.runtime.clock.now();
    for (const call of waiting) if (!call.settled) this.send(call, now);
  }

  #rebuild(): void {
    this.#usable = this.#group?.usable();
    const targets = this.#targets ?? new Map<string, Target>();
    this.#list = (this.#usable ?? [...targets.keys()]).flatMap((address) => targets.get(address) ?? []);
    const instances = this.#list.map(({ instance }) => instance);
    this.#picker = this.#built = this.#build(instances);
    for (const plugin of this.#options.plugins) {
      if (plugin.wrapPicker !== undefined && this.#picker !== undefined) this.#picker = this.#wrapped(plugin, this.#picker, instances);
    }
  }

  /** A selector that throws over a new list fails no call: the servers are taken in turn until the next list. */
  #build(instances: readonly ServiceInstance[]): Picker | undefined {
    const { selector } = this.#traits;
    try {
      return usable(selector?.build(instances, this.#built), 'its build');
    } catch (error) {
      this.#options.runtime.logger.error({ service: this.#service, selector: selector?.name, err: error }, 'a selector threw when it got a new list; the servers are taken in turn until the next one');
      return undefined;
    }
  }

  /** A plugin that throws leaves the picker as it is, so that calls still find a server. */
  #wrapped(plugin: ClientPlugin, picker: Picker, instances: readonly ServiceInstance[]): Picker {
    try {
      return usable(plugin.wrapPicker?.(picker, instances), 'wrapPicker') ?? picker;
    } catch (error) {
      this.#options.runtime.logger.error({ plugin: plugin.name, err: error }, 'a plugin threw when it was to wrap a picker, which stays as it is');
      return picker;
    }
  }
}

/** What it returned, if that is a picker or undefined. */
function usable(returned: Picker | undefined, what: string): Picker | undefined {
  // It may be anything: a null, a number.
  if (returned !== undefined && (atOnce(returned, what) as Partial<Picker> | null)?.pick === undefined) throw new TypeError(`${what} gave no picker`);
  return returned;
}

/** The error of calls on a client that was closed. */
export function clientClosed(): RpcError {
  return new RpcError('canceled', 'the client was closed', { reason: 'CLOSED', sent: false });
}

function linksOf(targets: ReadonlyMap<string, Target>): readonly ServerLink[] {
  return [...targets.values()].map(({ link }) => link);
}

/** The servers that the call has tried in vain, and the one where another attempt of it is under way. */
function avoided(call: OutboundCall): ReadonlySet<string> | undefined {
  const { main, root } = call;
  const { failures } = main.story;
  const rival = root === main || main.story.lost ? undefined : main.address;
  if (failures === undefined && rival === undefined) return undefined;
  const addresses = new Set((failures ?? []).flatMap(({ address }) => address ?? []));
  if (rival !== undefined) addresses.add(rival);
  return addresses;
}
