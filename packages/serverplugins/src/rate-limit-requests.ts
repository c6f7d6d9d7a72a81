import { createHash } from 'node:crypto';
import { RpcError, settle, systemClock, type Clock, type Peer, type ServerCall, type ServerPlugin } from '@rpcxjs/core';
import { checkNames } from '@rpcxjs/core/options';
import { originOf } from './ip-list.ts';
import { checkedBound, checkedRate, TokenBucket, TokenBuckets } from './token-bucket.ts';

declare module '@rpcxjs/core' {
  interface Reasons { RATE_LIMITED: true }
}

export interface RateLimitRequestsOptions {
  /** Calls a second that are run on average. */
  readonly perSecond: number;
  /** Calls that are run at once. @default as many as a second brings, 1 at least */
  readonly burst?: number | undefined;
  /** What has a bucket of its own: the whole server, each connection, each IP address (of public IPv6 addresses their first 64 bits; peers without one share one), or each method. @default 'server' */
  readonly per?: 'server' | 'peer' | 'address' | 'method' | undefined;
  /** Instead of `per`: calls with the same text share a bucket, those with undefined are not limited. Reading `call.input` here decodes it. */
  readonly key?: ((call: ServerCall) => string | undefined) | undefined;
  /** Buckets that are kept; beyond that the key not used for the longest time is forgotten. @default 10000 */
  readonly maxBuckets?: number | undefined;
}

/**
 * Runs calls at a rate (a token bucket). What comes faster fails before it is decoded: `resource_exhausted`, reason RATE_LIMITED, with
 * `retryAfterMs`, which clients of this library wait for before they try again, elsewhere if they can; a Go client gets the text. A refused call
 * was not run, so that also one that is not idempotent may be tried again. Heartbeats do not count. Throws TypeError for rates that cannot be
 * kept. (rpcx serverplugin/req_rate_limiting.go)
 */
export function rateLimitRequests(options: RateLimitRequestsOptions): ServerPlugin {
  const name = 'rateLimitRequests';
  checkNames(name, options, ['perSecond', 'burst', 'per', 'key', 'maxBuckets']);
  const rate = checkedRate(name, options);
  const { key, per = 'server', maxBuckets = 10_000 } = options;
  if (key !== undefined && typeof key !== 'function') throw new TypeError(`key of ${name} is no function: it takes (call) => string | undefined`);
  if (key !== undefined && options.per !== undefined) throw new TypeError(`${name} takes per or key, not both`);
  if (!['server', 'peer', 'address', 'method'].includes(per)) throw new TypeError(`per of ${name} is ${JSON.stringify(per)}: it takes 'server', 'peer', 'address' or 'method'`);
  const buckets = new TokenBuckets(rate, checkedBound(name, maxBuckets));
  // Gone with their connections, whose number the server limits.
  const peers = new WeakMap<Peer, TokenBucket>();
  let clock: Clock = systemClock;

  const ofPeer = (peer: Peer, now: number): number => {
    let bucket = peers.get(peer);
    if (bucket === undefined) peers.set(peer, (bucket = new TokenBucket(rate, now)));
    return bucket.take(now);
  };
  const wait = (call: ServerCall): number => {
    const now = clock.now();
    if (key === undefined && per === 'peer') return ofPeer(call.peer, now);
    const own = key === undefined ? keys[per](call) : key(call);
    return own === undefined ? 0 : buckets.take(short(String(own)), now);
  };
  return {
    name,
    start(runtime) {
      clock = runtime.clock;
    },
    intercept: (next) => (call) => {
      const waitMs = wait(call);
      if (waitMs > 0) throw refusal(call, rate.perSecond, waitMs);
      if (key !== undefined || per !== 'method') return next(call);
      // Names that nobody has are given without end: counted, they would push out those of methods, which had all their tokens then.
      return settle(() => next(call), (reply) => reply, (error) => {
        if (isOfNoMethod(error)) buckets.forget(short(keys.method(call)));
        throw error;
      });
    },
  };
}

/** This server's own word that there is no such method, and not that of another one that a handler asked. */
function isOfNoMethod(error: unknown): boolean {
  return RpcError.is(error) && !error.remote && (error.reason === 'UNKNOWN_METHOD' || error.reason === 'UNKNOWN_SERVICE');
}

const keys = {
  server: (): string => '',
  peer: (call: ServerCall): string => call.peer.id,
  address: (call: ServerCall): string => originOf(call.peer.remote),
  method: (call: ServerCall): string => `${call.service}/${call.method}`,
};

/** A name may be as long as a frame, and would be kept. */
function short(key: string): string {
  return key.length <= 128 ? key : createHash('sha256').update(key).digest('base64');
}

/** The text begins as Go's (rpcx server/server.go, ErrReqReachLimit). */
function refusal(call: ServerCall, perSecond: number, retryAfterMs: number): RpcError {
  const message = `request reached rate limit: ${call.service}.${call.method} was not run, ${perSecond} calls a second are allowed; try again in ${retryAfterMs} ms`;
  const errors = Error as { stackTraceLimit?: number }; // V8's, which not every engine has
  const { stackTraceLimit } = errors;
  // A stack would cost more than all else of a refusal, and those who are to be slowed down cause as many as they like.
  const without = stackTraceLimit !== undefined && Reflect.set(errors, 'stackTraceLimit', 0);
  const error = new RpcError('resource_exhausted', message, { reason: 'RATE_LIMITED', retryAfterMs, sent: false });
  if (without) errors.stackTraceLimit = stackTraceLimit;
  return error;
}
