import type { Acceptor, Address, Listener, ListenOptions } from '@rpcxjs/core';
import type { Matcher } from './matchers.ts';
import type { Refused } from './refused.ts';
import { SharedPort } from './shared-port.ts';
import { resolveSniffOptions } from './sniff-options.ts';
import type { SniffOptions } from './sniff-options.ts';

/** An acceptor for each matcher, by its name. */
export type Sniffed<Names extends string> = Readonly<Record<Names, Acceptor>>;

/** What became of the connections of all ports of one `sniff()`, since it was made. Plain JSON. */
export interface SniffStats {
  /** How many have not shown yet what they speak. */
  readonly waiting: number;
  /** How many were delivered, by the name of the matcher. */
  readonly recognised: Readonly<Record<string, number>>;
  /**
   * How many were not: no matcher said yes (`unknown`), or not within `maxBytes` (`tooLong`) or `timeoutMs` (`late`); there were too many (`crowded`);
   * nobody listened for what they speak (`unserved`); they ended first (`left`), or the port did (`closed`).
   */
  readonly refused: Readonly<Record<Refused, number>>;
}

const statsOf = new WeakMap<object, () => SniffStats>();

/**
 * Splits what an acceptor accepts by the first bytes: one acceptor for each matcher. Those that listen on the same address share one
 * listener, which closes with the last of them; port 0 counts as the same address for different names. The matchers are asked in their
 * order. Connections keep all their bytes. Throws TypeError for invalid matchers and options.
 *
 *     const { rpcx, http } = sniff(tcp(), { rpcx: isRpcx, http: isHttp });
 */
export function sniff<Names extends string>(acceptor: Acceptor, matchers: Readonly<Record<Names, Matcher>>, options: SniffOptions = {}): Sniffed<Names> {
  const resolved = resolveSniffOptions(options);
  if (typeof acceptor?.listen !== 'function') throw new TypeError('sniff: the first argument has no listen(); give an acceptor, such as tcp()');
  const byName = new Map<string, Matcher>(Object.entries(matchers));
  if (byName.size === 0) throw new TypeError('sniff: there are no matchers; give some by name, such as { rpcx: isRpcx, http: isHttp }');
  for (const [name, matcher] of byName) {
    if (typeof matcher !== 'function') throw new TypeError(`sniff: the matcher ${name} is ${typeof matcher}; give a function that returns 'yes', 'no' or 'more', such as isRpcx`);
  }
  const ports = new Set<SharedPort>();
  const recognised: Record<string, number> = Object.fromEntries([...byName.keys()].map((name) => [name, 0]));
  const refused: Record<Refused, number> = { unknown: 0, tooLong: 0, late: 0, crowded: 0, unserved: 0, left: 0, closed: 0 };
  const init = {
    acceptor, matchers: byName, options: resolved,
    left: (port: SharedPort) => void ports.delete(port),
    recognised: (name: string) => void (recognised[name] = (recognised[name] ?? 0) + 1),
    refused: (why: Refused) => void (refused[why] += 1),
  };
  const listen = async (name: string, address: Address, listenOptions: ListenOptions): Promise<Listener> => {
    listenOptions.signal?.throwIfAborted();
    let port = [...ports].find((open) => open.takes(name, address));
    if (port === undefined) ports.add((port = new SharedPort(address, listenOptions.runtime, init)));
    return port.join(name, listenOptions);
  };
  const acceptors = Object.fromEntries([...byName.keys()].map((name): [string, Acceptor] => [name, {
    networks: acceptor.networks,
    listen: (address, listenOptions) => listen(name, address, listenOptions),
  }])) as Sniffed<Names>; // the names are the keys of `matchers`
  statsOf.set(acceptors, () => ({ waiting: [...ports].reduce((sum, { waiting }) => sum + waiting, 0), recognised: { ...recognised }, refused: { ...refused } }));
  return acceptors;
}

/** The figures of what `sniff` returned. Throws TypeError for anything else. */
export function sniffStats(sniffed: Sniffed<string>): SniffStats {
  const stats = statsOf.get(sniffed);
  if (stats === undefined) throw new TypeError('sniffStats: this is not what sniff() returned');
  return stats();
}
