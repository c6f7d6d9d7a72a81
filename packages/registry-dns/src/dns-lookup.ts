import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { Resolver } from 'node:dns/promises';
import type { Clock, ServiceInstance, Timer } from '@rpcxjs/core';
import { serviceInstance, sortedInstances } from '@rpcxjs/core/discoveries';
import type { DnsResolver, ResolvedDnsOptions } from './dns-options.ts';

/** What was answered. */
export interface DnsAnswer {
  readonly instances: readonly ServiceInstance[];
  /** Milliseconds for which the answer is valid; undefined when it does not say. */
  readonly ttlMs: number | undefined;
  /** Nothing of that name exists. */
  readonly unknown: boolean;
  /** Set when one half of the lookup failed, IPv4 or IPv6. */
  readonly failure?: unknown;
  /** The half that failed: its addresses from before still count. */
  readonly missing?: 4 | 6 | undefined;
}
interface Part {
  readonly addresses: readonly { readonly address: string; readonly ttl: number }[];
  readonly unknown: boolean;
  readonly failure?: unknown;
}

/** One lookup. Rejects when nobody answers, in time and for good; `servers` is known from then on. */
export class DnsLookup {
  readonly #options: ResolvedDnsOptions;
  readonly #resolver: DnsResolver;
  servers: string;
  #cancelled = false;

  /** A resolver for each lookup, so that cancelling affects no other lookup, and changed settings of the system are seen. */
  constructor(options: ResolvedDnsOptions) {
    this.#options = options;
    if (options.resolver === undefined) {
      const resolver = new Resolver({ timeout: Math.max(1, Math.ceil(options.timeoutMs / 3)), tries: 2 });
      if (options.servers !== undefined) resolver.setServers(options.servers);
      this.servers = resolver.getServers().join(', ') || 'no DNS server';
      this.#resolver = resolver;
    } else {
      this.servers = 'the given resolver';
      this.#resolver = options.resolver;
    }
  }

  /** Ends with its deadline, and when `signal` aborts, whatever the resolver does. */
  async run(name: string, clock: Clock, signal: AbortSignal): Promise<DnsAnswer> {
    const { timeoutMs } = this.#options;
    let timer: Timer | undefined;
    let stop = (): void => {};
    const over = new Promise<never>((_resolve, reject) => {
      timer = clock.setTimer(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      stop = () => reject(new Error('nobody asks any more'));
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
    });
    let settled = false;
    try {
      const answer = await Promise.race([this.#search(name), over]);
      settled = true;
      return answer;
    } finally {
      timer?.cancel();
      signal.removeEventListener('abort', stop);
      if (!settled) this.#cancel();
    }
  }

  #cancel(): void {
    this.#cancelled = true;
    try {
      this.#resolver.cancel?.();
    } catch {
      // It is somebody else's, and over.
    }
  }

  /** The first name that has anything. A server that fails for one of them, perhaps a search domain that it does not serve, may know the next. */
  async #search(name: string): Promise<DnsAnswer> {
    let best: DnsAnswer | undefined;
    const failures: unknown[] = [];
    for (const candidate of await candidates(name, this.#options.search)) {
      try {
        const answer = this.#options.port === undefined ? await this.#services(candidate) : await this.#addresses(candidate, this.#options.port);
        if (answer.instances.length > 0) return answer;
        best = best === undefined || best.unknown ? answer : best;
      } catch (error) {
        if (this.#cancelled) throw error;
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return best ?? { instances: [], ttlMs: undefined, unknown: true };
  }

  async #addresses(name: string, port: number): Promise<DnsAnswer> {
    const { network } = this.#options;
    const [four, six] = await Promise.all([part(() => this.#resolver.resolve4(name, { ttl: true })), part(() => this.#resolver.resolve6(name, { ttl: true }))]);
    const found = [...four.addresses, ...six.addresses];
    const failed = [four, six].find(({ failure }) => failure !== undefined);
    // Servers that cannot answer for IPv6 are common; a half that failed must not take away the other one.
    if (failed !== undefined && found.length === 0) throw failed.failure;
    const instances = sortedInstances(found.map(({ address }) => serviceInstance(`${network}@${isIPv6(address) ? `[${address}]` : address}:${port}`)));
    // Node tells that of the first 256 only.
    const ttls = found.map(({ ttl }) => ttl).filter(Number.isFinite);
    const ttlMs = ttls.length === 0 ? undefined : Math.min(...ttls) * 1000;
    return { instances, ttlMs, unknown: four.unknown && six.unknown, ...(failed === undefined ? {} : { failure: failed.failure, missing: failed === four ? 4 : 6 }) };
  }

  async #services(name: string): Promise<DnsAnswer> {
    try {
      // A single dot is RFC 2782's word for "not here".
      const records = (await this.#resolver.resolveSrv(name)).filter((record) => record.port > 0 && /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(record.name));
      const best = Math.min(...records.map(({ priority }) => priority));
      const wanted = records.filter(({ priority }) => priority === best);
      const weighted = wanted.some(({ weight }) => weight > 0);
      // In DNS a weight of 0 beside others means few calls, in rpcx none at all.
      const instances = wanted.map((record) => serviceInstance(`${this.#options.network}@${record.name.replace(/\.$/, '')}:${record.port}`, weighted ? { weight: `${Math.max(1, record.weight)}` } : {}));
      return { instances: sortedInstances(instances), ttlMs: undefined, unknown: false };
    } catch (error) {
      if (!isEmpty(error)) throw error;
      return { instances: [], ttlMs: undefined, unknown: codeOf(error) === 'ENOTFOUND' };
    }
  }
}

async function part(ask: () => Promise<Part['addresses']>): Promise<Part> {
  try {
    return { addresses: await ask(), unknown: false };
  } catch (error) {
    return { addresses: [], unknown: codeOf(error) === 'ENOTFOUND', failure: isEmpty(error) ? undefined : error };
  }
}

/** The server has answered, and there is nothing. */
function isEmpty(error: unknown): boolean {
  return codeOf(error) === 'ENOTFOUND' || codeOf(error) === 'ENODATA';
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

/** In which order names are tried, as resolv.conf(5) says; Node's own lookups by record type know no search domains. */
async function candidates(name: string, given: readonly string[] | undefined): Promise<readonly string[]> {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const { search, dots } = given === undefined ? await systemSearch() : { search: given, dots: 1 };
  const longer = search.map((domain) => `${name}.${domain.replace(/^\.+|\.+$/g, '')}`);
  return name.split('.').length > dots ? [name, ...longer] : [...longer, name];
}

async function systemSearch(): Promise<{ readonly search: readonly string[]; readonly dots: number }> {
  const lines = (await readFile('/etc/resolv.conf', 'utf8').catch(() => '')).split('\n').map((line) => line.trim().split(/\s+/));
  const search = lines.filter(([word]) => word === 'search' || word === 'domain').at(-1)?.slice(1) ?? [];
  const dots = lines.filter(([word]) => word === 'options').flat().map((option) => /^ndots:(\d{1,2})$/.exec(option)?.[1]).findLast((digits) => digits !== undefined);
  return { search: search.filter((domain) => domain !== '.').slice(0, 6), dots: dots === undefined ? 1 : Number(dots) };
}
