import { RpcError, sleep, thrownText, type Discovery, type Picker, type Selector, type ServiceInstance } from '@rpcxjs/core';
import type { ResolvedClientOptions } from './client-options.ts';
import type { CallRoute, OutboundCall } from './outbound-call.ts';
import type { ServerLink } from './server-link.ts';

/** What may differ between two ways to the same service. */
export interface RouteTraits {
  readonly selector: Selector | undefined;
  readonly group: string | undefined;
}

/** Which server a call of one service goes to. */
export class ServiceRoute implements CallRoute {
  readonly #service: string;
  readonly #options: ResolvedClientOptions;
  readonly #selector: Selector | undefined;
  readonly #group: string | undefined;
  readonly #linkOf: (address: string) => ServerLink;
  readonly #failed: (call: OutboundCall, error: RpcError) => void;
  #instances: readonly ServiceInstance[] | undefined;
  #links: readonly ServerLink[] = [];
  /** The selector's own, and what plugins made of it. */
  #built: Picker | undefined;
  #picker: Picker | undefined;
  #turn = 0;
  #waiting: OutboundCall[] = [];
  /** Who waits for the first list itself. */
  readonly #asked: { resolve(links: readonly ServerLink[]): void; reject(error: RpcError): void }[] = [];
  #failure: RpcError | undefined;
  readonly #stop = new AbortController();

  constructor(
    service: string,
    options: ResolvedClientOptions,
    traits: RouteTraits,
    owner: { linkOf(address: string): ServerLink; failed(call: OutboundCall, error: RpcError): void },
  ) {
    this.#service = service;
    this.#options = options;
    this.#selector = traits.selector;
    this.#group = traits.group;
    this.#linkOf = (address) => owner.linkOf(address);
    this.#failed = (call, error) => owner.failed(call, error);
    if (options.discovery === undefined) this.#update(options.addresses.map((address) => ({ address, metadata: {} })));
    else void this.#watch(options.discovery);
  }

  send(call: OutboundCall, now: number): void {
    if (this.#instances === undefined) {
      if (this.#failure === undefined) this.#waiting.push(call);
      else this.#failed(call, this.#failure);
      return;
    }
    const link = this.#tryToChoose(call);
    if (link !== undefined) link.send(call, now);
    else if (!call.settled) this.#failed(call, this.#none(call));
  }

  /** All servers in their order, once the first list has come; rejects when it cannot come. The list may be empty. */
  everyone(): Promise<readonly ServerLink[]> {
    if (this.#instances !== undefined) return Promise.resolve(this.#links);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#asked.push({ resolve, reject }));
  }

  /** Calls that wait for the first list get the error. */
  close(error: RpcError): void {
    this.#stop.abort();
    this.#failure = error;
    for (const { reject } of this.#asked.splice(0)) reject(error);
    for (const call of this.#waiting.splice(0)) if (!call.settled) this.#failed(call, error);
  }

  #tryToChoose(call: OutboundCall): ServerLink | undefined {
    try {
      return this.#choose(call);
    } catch (thrown) {
      const message = `the selector of "${call.service}" threw: ${thrownText(thrown)}`;
      this.#failed(call, new RpcError('internal', message, { sent: false, cause: thrown }));
      return undefined;
    }
  }

  #choose(call: OutboundCall): ServerLink | undefined {
    const links = this.#links;
    const { again, failures } = call.root;
    const same = again === 'same' ? links.find(({ address }) => address === failures?.at(-1)?.address) : undefined;
    if (same !== undefined) return same;
    if (this.#picker !== undefined) return this.#pick(call, this.#picker);
    if (links.length <= 1) return links[0];
    const avoid = avoided(call);
    let second: ServerLink | undefined;
    for (let count = 0; count < links.length; count++) {
      const link = links[this.#turn++ % links.length] as ServerLink; // within the list
      if (avoid?.has(link.address) === true) second ??= link;
      else if (!link.failing) return link;
      else second = link;
    }
    return second;
  }

  #pick(call: OutboundCall, picker: Picker): ServerLink | undefined {
    const { service, method, input, hashKey, options } = call;
    const pick = picker.pick({ service, method, input, metadata: options?.metadata ?? {}, hashKey, avoid: avoided(call) });
    call.pick = pick;
    return pick === undefined ? undefined : this.#linkOf(pick.instance.address);
  }

  #none(call: OutboundCall): RpcError {
    const known = this.#instances?.length ?? 0;
    const avoid = avoided(call)?.size ?? 0;
    const message = `no instance of "${call.service}" (${known} known, ${avoid} avoided): is a server registered under this name?`;
    return new RpcError('unavailable', message, { reason: 'NO_INSTANCE', sent: false });
  }

  /** A discovery that fails is asked again, later and later; one that ends has said its last word. */
  async #watch(discovery: Discovery): Promise<void> {
    const { signal } = this.#stop;
    const { clock } = this.#options.runtime;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#follow(discovery, signal);
        return;
      } catch (cause) {
        if (signal.aborted) return;
        if (this.#failure === undefined && this.#instances !== undefined) failures = 0;
        this.#lost(cause);
      }
      await sleep(clock, clock.random() * Math.min(5000, 100 * 1.6 ** failures), signal).catch(() => {});
    }
  }

  async #follow(discovery: Discovery, signal: AbortSignal): Promise<void> {
    const { runtime } = this.#options;
    for await (const instances of discovery.watch(this.#service, { signal, runtime })) {
      if (signal.aborted) break;
      this.#update(instances);
    }
  }

  #lost(cause: unknown): void {
    this.#options.runtime.logger.warn({ service: this.#service, error: cause }, 'the discovery of a service failed; its last known servers stay in use');
    this.#failure = new RpcError('unavailable', `the servers of "${this.#service}" cannot be found: ${thrownText(cause)}`, { reason: 'NO_INSTANCE', sent: false, cause });
    if (this.#instances !== undefined) return;
    for (const { reject } of this.#asked.splice(0)) reject(this.#failure);
    for (const call of this.#waiting.splice(0)) this.#failed(call, this.#failure);
  }

  #update(instances: readonly ServiceInstance[]): void {
    this.#failure = undefined;
    this.#instances = usable(instances, this.#group).sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    this.#links = this.#instances.map(({ address }) => this.#linkOf(address));
    for (const { resolve } of this.#asked.splice(0)) resolve(this.#links);
    this.#picker = this.#built = this.#selector?.build(this.#instances, this.#built);
    for (const { wrapPicker } of this.#options.plugins) {
      if (wrapPicker !== undefined && this.#picker !== undefined) this.#picker = wrapPicker(this.#picker, this.#instances);
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    const now = this.#options.runtime.clock.now();
    for (const call of waiting) if (!call.settled) this.send(call, now);
  }
}

/** As Go: a server says itself that it is inactive, and may be in several groups (rpcx client/xclient_discovery.go, filterByStateAndGroup). */
function usable(instances: readonly ServiceInstance[], group: string | undefined): ServiceInstance[] {
  return instances.filter(({ metadata }) => {
    const [state] = [metadata['state'] ?? []].flat();
    return state !== 'inactive' && (group === undefined || [metadata['group'] ?? []].flat().includes(group));
  });
}

function avoided(call: OutboundCall): ReadonlySet<string> | undefined {
  const { failures } = call.root;
  if (failures === undefined) return undefined;
  return new Set(failures.flatMap(({ address }) => address ?? []));
}
