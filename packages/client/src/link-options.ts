import { parseAddress } from '@rpcxjs/core';
import { checkNames, refuse } from '@rpcxjs/core/options';

/** How many connections a server gets, and when. */
export interface PoolOptions {
  /** Connections to each server that stay; they are opened by its first call and share its calls. @default 1 */
  readonly connections?: number | undefined;
  /** Connections to each server at most, where the pool grows. @default as many as `connections`, and twice that where it grows */
  readonly max?: number | undefined;
  /** 'busy' opens another one, up to `max`, when all there are have `busyAt` calls, and several at once for a burst that would keep several busy; 'never' does not. @default 'never' */
  readonly grow?: 'never' | 'busy' | undefined;
  /** Calls at which a server's connections count as busy: those that wait, and those in flight on the one that has least. @default 100, or three quarters of `queue.max` if that is less */
  readonly busyAt?: number | undefined;
  /** Milliseconds without a call after which a connection beyond `connections` is closed, give or take a tenth; heartbeats do not count. @default 60 000 */
  readonly idleMs?: number | undefined;
  /** Connections that `client.ready()` opens: to each server, or to those that are listed. @default as many as `connections` */
  readonly initial?: number | Readonly<Record<string, number>> | undefined;
  /** Connections that the whole client opens at once; others wait their turn. @default 4 */
  readonly maxDials?: number | undefined;
  /** Milliseconds that opening one may take, with all that plugins do to it; transports have shorter limits of their own. @default 10 000 */
  readonly connectTimeoutMs?: number | undefined;
  /** False leaves opening to `client.ready()` and `client.ping()`: a call that finds no connection fails at once. @default true */
  readonly autoConnect?: boolean | undefined;
}

/** What happens to calls that cannot be written now. */
export interface QueueOptions {
  /** Calls that may wait for one server, unencoded; the same as `limits.maxQueuedCalls`. @default 65536 */
  readonly max?: number | undefined;
  /** Bytes of their inputs; to be measured, each is encoded once more when it begins to wait. @default Infinity */
  readonly maxBytes?: number | undefined;
  /**
   * What happens beyond that: 'reject' fails the new call, 'drop-oldest' the one that has waited longest, 'wait' lets the new one wait for its
   * turn until its deadline. A one-way call fails by itself and displaces nothing, unless it is to wait. @default 'reject'
   */
  readonly overflow?: 'reject' | 'drop-oldest' | 'wait' | undefined;
  /** What becomes of waiting calls when a server cannot be reached: 'fail', so that another one can be tried, or 'keep' until their deadline. @default 'fail' */
  readonly whileDown?: 'fail' | 'keep' | undefined;
}

/** When a server that was lost, or could not be reached, is dialled again. */
export interface ReconnectOptions {
  /** Milliseconds to the second dial, at most. @default 100 */
  readonly initialMs?: number | undefined;
  /** By which that grows with each dial that fails. @default 1.6 */
  readonly factor?: number | undefined;
  /** Milliseconds up to which it grows. @default 5000 */
  readonly maxMs?: number | undefined;
  /** The share of the delay that is random, 0 to 1. @default 1 */
  readonly jitter?: number | undefined;
  /** Milliseconds that a connection must have lasted for the growth to begin anew. @default 5000 */
  readonly stableMs?: number | undefined;
  /** Milliseconds after a failed dial from which on a call that comes wakes the next one, whatever the delay is. @default 1000 */
  readonly wakeMs?: number | undefined;
  /** Milliseconds over which clients that lose a stable connection come back, each at a random time, so that a server that restarts is not overrun; those that fail then stay so far apart. @default 1500 */
  readonly spreadMs?: number | undefined;
}

/** When a server that reads and never answers is given up. */
export interface OutstandingOptions {
  /** Calls that one connection leaves unanswered, those included that nobody waits for any more; with one more it ends as stuck. @default ten times `queue.max` */
  readonly max?: number | undefined;
}

type Filled<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> };

/** Options with their defaults filled in. */
export interface LinkRules {
  readonly pool: Filled<PoolOptions>;
  readonly queue: Filled<QueueOptions>;
  readonly reconnect: Filled<ReconnectOptions>;
  readonly maxOutstanding: number;
}

export interface LinkOptions {
  readonly pool?: PoolOptions | undefined;
  readonly queue?: QueueOptions | undefined;
  readonly reconnect?: ReconnectOptions | undefined;
  readonly outstanding?: OutstandingOptions | undefined;
}

export const poolDefaults: { readonly connections: number; readonly grow: 'never'; readonly idleMs: number; readonly maxDials: number; readonly connectTimeoutMs: number; readonly autoConnect: boolean } = { connections: 1, grow: 'never', idleMs: 60_000, maxDials: 4, connectTimeoutMs: 10_000, autoConnect: true };
export const queueDefaults: Filled<QueueOptions> = { max: 65_536, maxBytes: Infinity, overflow: 'reject', whileDown: 'fail' };
export const reconnectDefaults: Filled<ReconnectOptions> = { initialMs: 100, factor: 1.6, maxMs: 5000, jitter: 1, stableMs: 5000, wakeMs: 1000, spreadMs: 1500 };
const groups: Readonly<Record<keyof LinkOptions, object>> = { pool: { ...poolDefaults, max: 1, busyAt: 1, initial: 1 }, queue: queueDefaults, reconnect: reconnectDefaults, outstanding: { max: 1 } };
const busyAt = 100;

/** Throws TypeError for invalid options. `maxQueuedCalls` is the same limit under its other name. */
export function linkRules(options: LinkOptions, maxQueuedCalls: number | undefined): LinkRules {
  for (const [group, names] of Object.entries(groups) as [keyof LinkOptions, object][]) checkNames(group, options[group], names);
  const { pool = {}, queue = {}, reconnect = {}, outstanding = {} } = options;
  if (maxQueuedCalls !== undefined && queue.max !== undefined && maxQueuedCalls !== queue.max) {
    throw new TypeError(`queue.max is ${queue.max} and limits.maxQueuedCalls ${maxQueuedCalls}: they are the same limit; give one of them`);
  }
  const lines = { ...queueDefaults, ...given(queue), ...(maxQueuedCalls === undefined ? {} : { max: maxQueuedCalls }) };
  const connections = pool.connections ?? poolDefaults.connections;
  const full = {
    ...poolDefaults,
    max: pool.grow === 'busy' ? 2 * connections : connections,
    busyAt: Math.max(1, Math.min(busyAt, Math.floor((lines.max * 3) / 4))),
    initial: connections,
    ...given(pool),
  };
  const again = { ...reconnectDefaults, ...given(reconnect) };
  const maxOutstanding = outstanding.max ?? 10 * Math.max(1, lines.max);
  checkPool(full);
  checkNumbers('queue', { max: [lines.max, 0], maxBytes: [lines.maxBytes, 0] });
  checkWord('queue.overflow', lines.overflow, ['reject', 'drop-oldest', 'wait']);
  checkWord('queue.whileDown', lines.whileDown, ['fail', 'keep']);
  const { initialMs, factor, maxMs, jitter, stableMs, wakeMs, spreadMs } = again;
  checkNumbers('reconnect', { initialMs: [initialMs, 0], factor: [factor, 1], maxMs: [maxMs, 0], jitter: [jitter, 0, 1], stableMs: [stableMs, 0], wakeMs: [wakeMs, 0], spreadMs: [spreadMs, 0] });
  checkNumbers('outstanding', { max: [maxOutstanding, 1] });
  return { pool: full, queue: lines, reconnect: again, maxOutstanding };
}

/** Without those that are undefined, which stand for the default. */
function given<T extends object>(options: T): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]: NonNullable<T[K]> }; // that is what was filtered
}

function checkPool(pool: LinkRules['pool']): void {
  checkNumbers('pool', { busyAt: [pool.busyAt, 1], idleMs: [pool.idleMs, 0], connectTimeoutMs: [pool.connectTimeoutMs, 1] });
  const counts = { connections: pool.connections, max: pool.max, maxDials: pool.maxDials };
  for (const [name, count] of Object.entries(counts)) if (count !== Infinity || name === 'connections') checkCount(`pool.${name}`, count, 1);
  checkWord('pool.grow', pool.grow, ['never', 'busy']);
  if (typeof pool.autoConnect !== 'boolean') refuse('pool.autoConnect', pool.autoConnect, 'true or false');
  if (pool.max < pool.connections) throw new TypeError(`pool.max is ${pool.max} and pool.connections ${pool.connections}: the pool cannot have fewer at most than always`);
  if (pool.max > pool.connections && pool.grow === 'never') throw new TypeError(`pool.max is ${pool.max}, but the pool never grows beyond its ${pool.connections}; set pool.grow: 'busy'`);
  const { initial } = pool;
  if (typeof initial !== 'number' && (typeof initial !== 'object' || initial === null)) refuse('pool.initial', initial, 'a whole number, 0 at least');
  for (const [address, count] of typeof initial === 'number' ? [['', initial] as const] : Object.entries(initial)) {
    const name = address === '' ? 'pool.initial' : `pool.initial['${address}']`;
    if (address !== '') parseAddress(address);
    checkCount(name, count, 0);
    if (count > pool.max) throw new TypeError(`${name} is ${count}, and pool.max is ${pool.max}; raise that, or pool.connections`);
  }
}

function checkCount(name: string, value: unknown, least: number): void {
  if (!Number.isInteger(value) || (value as number) < least) refuse(name, value, `a whole number, ${least} at least`); // it is an integer
}

function checkNumbers(group: string, numbers: Readonly<Record<string, readonly [value: number, least: number, most?: number]>>): void {
  for (const [name, [value, least, most = Infinity]] of Object.entries(numbers)) {
    if (typeof value === 'number' && value >= least && value <= most) continue;
    refuse(`${group}.${name}`, value, `a number from ${least}${most === Infinity ? ' on' : ` to ${most}`}`);
  }
}

function checkWord(name: string, value: string, words: readonly string[]): void {
  if (!words.includes(value)) refuse(name, value, words.map((word) => `'${word}'`).join(', '));
}
