import { systemClock, type Clock, type Connection, type ServerPlugin } from '@rpcxjs/core';
import { checkNames } from '@rpcxjs/core/options';
import { originOf } from './ip-list.ts';
import { checkedBound, checkedRate, TokenBuckets } from './token-bucket.ts';

export interface RateLimitConnectionsOptions {
  /** New connections a second that are let in on average. */
  readonly perSecond: number;
  /** New connections that are let in at once. @default as many as a second brings, 1 at least */
  readonly burst?: number | undefined;
  /** One bucket for the whole server, or one for each IP address, of public IPv6 addresses for their first 64 bits; peers without one share one. @default 'server' */
  readonly per?: 'server' | 'address' | undefined;
  /** Buckets that are kept; beyond that the address not seen for the longest time is forgotten. @default 10000 */
  readonly maxBuckets?: number | undefined;
}

/**
 * Lets new connections in at a rate (a token bucket); what comes faster is closed before a byte of it is read, and clients try again later.
 * Throws TypeError for invalid rates. (rpcx serverplugin/rate_limiting.go)
 */
export function rateLimitConnections(options: RateLimitConnectionsOptions): ServerPlugin {
  const name = 'rateLimitConnections';
  checkNames(name, options, ['perSecond', 'burst', 'per', 'maxBuckets']);
  const rate = checkedRate(name, options);
  const { per = 'server', maxBuckets = 10_000 } = options;
  if (per !== 'server' && per !== 'address') throw new TypeError(`per of ${name} is ${JSON.stringify(per)}: it takes 'server' or 'address'`);
  const buckets = new TokenBuckets(rate, checkedBound(name, maxBuckets));
  let clock: Clock = systemClock;
  return {
    name,
    start(runtime) {
      clock = runtime.clock;
    },
    acceptConnection(connection: Connection) {
      const key = per === 'server' ? '' : originOf(connection.remote);
      return buckets.take(key, clock.now()) === 0 ? connection : undefined;
    },
  };
}
