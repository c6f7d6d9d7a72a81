import { bytesCodec, jsonCodec, type Codec, type Dialer } from '@rpcxjs/core';
import { dialableAddress } from '@rpcxjs/core/discoveries';
import { refuse } from '@rpcxjs/core/options';
import { amounts, defaultHeartbeat, flushPolicy, FrameObserver, runtimeOf } from '@rpcxjs/session';
import { clientDefaults, defaultClientLimits, type ClientOptions, type ResolvedClientOptions } from './client-options.ts';
import { checkClient } from './composed-options.ts';
import { failover } from './fail-modes/failover.ts';
import { checkFilters } from './filters.ts';
import { countInflating } from './inflating.ts';
import { DialGate } from './link-dial-gate.ts';
import { linkRules } from './link-options.ts';
import { resolveHealthOptions } from './nodes/health-options.ts';
import { retryBudgetRule } from './retry-budget.ts';

/** Throws TypeError for invalid options. */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  checkClient(options);
  const runtime = runtimeOf(options);
  const given = amounts('limits', options.limits, defaultClientLimits);
  const heartbeat = amounts('heartbeat', options.heartbeat, defaultHeartbeat);
  const link = linkRules(options, options.limits?.maxQueuedCalls);
  const limits = { ...given, maxQueuedCalls: link.queue.max };
  const timeoutMs = options.timeoutMs ?? clientDefaults.timeoutMs;
  if (typeof timeoutMs !== 'number' || !(timeoutMs > 0)) refuse('timeoutMs', timeoutMs, 'milliseconds above 0, or Infinity for no limit');
  checkFilters(options.filters);
  const plugins = options.plugins ?? [];
  const { token } = options;
  return {
    discovery: options.discovery,
    addresses: addressesOf(options),
    transports: options.transports,
    codecs: codecsOf(options.codecs ?? []),
    compressors: numbered('compressor', options.compressors ?? [], 7),
    timeoutMs,
    token: typeof token === 'string' ? () => token : token,
    failMode: options.failMode ?? failover(),
    retryBudget: retryBudgetRule(options.retryBudget),
    health: resolveHealthOptions(options.health),
    selector: options.selector,
    interceptors: [...plugins.flatMap(({ intercept }) => intercept ?? []), ...(options.intercept ?? [])],
    attemptInterceptors: plugins.flatMap(({ interceptAttempt }) => interceptAttempt ?? []),
    plugins,
    requireDeadline: options.requireDeadline ?? false,
    headers: options.headers ?? [],
    filters: options.filters,
    mapError: options.mapError,
    limits,
    inflating: countInflating(),
    session: { limits: { ...limits, frames: limits }, heartbeat, flush: flushPolicy(options.flush) },
    link,
    dials: new DialGate(link.pool.maxDials),
    runtime,
    frames: FrameObserver.of(plugins, runtime),
  };
}

function addressesOf({ servers, discovery, transports }: ClientOptions): readonly string[] {
  if (servers?.length === 0 || (servers === undefined) === (discovery === undefined)) {
    throw new TypeError("a client needs to know where its servers are: servers: 'tcp@host:port' or a discovery, not both");
  }
  const addresses = new Set(typeof servers === 'string' ? [servers] : servers);
  for (const address of addresses) {
    const { network } = dialableAddress(address);
    if (!transports.some(({ networks }) => networks.includes(network))) throw new TypeError(`"${address}" cannot be dialled: ${unknownNetwork(network, transports)}`);
  }
  return [...addresses].sort();
}

/** Also for what a discovery yields, which is looked at when it is dialled. */
export function unknownNetwork(network: string, transports: readonly Dialer[]): string {
  const known = transports.flatMap(({ networks }) => networks).join(', ') || 'none';
  return `no transport dials the network "${network}" (known: ${known}); give one to the client's transports`;
}

function codecsOf(given: readonly Codec[]): readonly Codec[] {
  const codecs = [...given];
  for (const codec of [jsonCodec, bytesCodec]) if (!codecs.some(({ id }) => id === codec.id)) codecs.push(codec);
  return numbered('codec', codecs, 15);
}

function numbered<T extends { readonly id: number; readonly name: string }>(kind: string, items: readonly T[], last: number): readonly T[] {
  for (const item of items) {
    const { id, name } = item;
    if (!Number.isInteger(id) || id < 0 || id > last) throw new TypeError(`the ${kind} "${name}" has the number ${id}: rpcx has room for 0 to ${last}`);
    if (items.some((other) => other !== item && other.id === id)) throw new TypeError(`two ${kind}s have the number ${id}`);
  }
  return items;
}
