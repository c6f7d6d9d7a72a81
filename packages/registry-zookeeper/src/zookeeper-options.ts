import { checkNames, described } from '@rpcxjs/core/options';
import type { RegistryOptions } from '@rpcxjs/registry-kit';

/** The identity of this client: `{ scheme: 'digest', credentials: 'ada:secret' }`. */
export interface ZooKeeperAuthOptions {
  /** The authentication scheme; every ZooKeeper knows `digest`. */
  readonly scheme: string;
  /** For `digest`, `user:password`. */
  readonly credentials: string;
}

/** One entry of an access control list: who may do what. */
export interface ZooKeeperAcl {
  readonly scheme: string;
  readonly id: string;
  /** Any of `r`, `w`, `c`, `d` and `a`: read, write, create, delete and change the list itself. */
  readonly permissions: string;
}

/** Options of `zookeeper()`. */
export interface ZooKeeperOptions extends RegistryOptions {
  /** The members of one ensemble, `host:port`; they are tried in any order. @default ['127.0.0.1:2181'] */
  readonly servers?: string | readonly string[] | undefined;
  /** Milliseconds without a sign of life after which ZooKeeper ends the session and its instances; the server limits it further. @default 10 000, or `ttlMs` if that is less */
  readonly sessionTimeoutMs?: number | undefined;
  /** The identity of this client, where nodes have access control lists. @default none */
  readonly auth?: ZooKeeperAuthOptions | undefined;
  /** The access control list of nodes that are created; Go's clients need read for `world:anyone`. @default everybody may do everything, as in Go */
  readonly acl?: readonly ZooKeeperAcl[] | undefined;
}

export interface ResolvedZooKeeperOptions {
  readonly servers: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly auth: ZooKeeperAuthOptions | undefined;
  readonly acl: readonly ZooKeeperAcl[];
}

// A name that is missing here is a compile error.
const optionNames: Readonly<Record<keyof ZooKeeperOptions, true>> = {
  servers: true, sessionTimeoutMs: true, auth: true, acl: true,
  basePath: true, ttlMs: true, refreshMs: true, relistMs: true, timeoutMs: true, probeMs: true, publishRates: true,
};

const shortestSessionMs = 100;
/** Unless it is said; Go's. */
const longestSessionMs = 10_000;

const everybody: readonly ZooKeeperAcl[] = [{ scheme: 'world', id: 'anyone', permissions: 'rwcda' }];

/** Throws TypeError for invalid options. */
export function resolveZooKeeperOptions(options: ZooKeeperOptions = {}): ResolvedZooKeeperOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError(`zookeeper(): its options are ${String(options)}: give an object, or nothing`);
  checkNames('zookeeper()', options, Object.keys(optionNames));
  const { servers = ['127.0.0.1:2181'], ttlMs, sessionTimeoutMs = sessionOf(ttlMs), auth, acl = everybody } = options;
  const list: readonly unknown[] = typeof servers === 'string' ? servers.split(',') : Array.isArray(servers) ? servers : [];
  if (list.length === 0) throw new TypeError(`zookeeper(): servers is ${JSON.stringify(servers)}: give a list, for example ['10.0.0.1:2181', '10.0.0.2:2181']`);
  if (typeof sessionTimeoutMs !== 'number' || !(sessionTimeoutMs >= shortestSessionMs && sessionTimeoutMs <= 2_147_483_647)) throw new TypeError(`zookeeper(): sessionTimeoutMs is ${described(sessionTimeoutMs)}: it takes milliseconds, ${shortestSessionMs} at least`);
  checkAuth(auth);
  checkAcl(acl);
  return { servers: list.map(checkServer), sessionTimeoutMs, auth, acl };
}

/** A `ttlMs` that cannot be is refused by name, with the options of every registry. */
function sessionOf(ttlMs: number | undefined): number {
  return ttlMs !== undefined && ttlMs < longestSessionMs ? Math.max(ttlMs, shortestSessionMs) : longestSessionMs;
}

function checkServer(server: unknown): string {
  const text = typeof server === 'string' ? server.trim() : '';
  const port = /^(?:\[[\da-fA-F:.]+\]|[^\s:/@[\]]+):(\d{1,5})$/.exec(text)?.[1];
  if (port === undefined || Number(port) < 1 || Number(port) > 65_535) throw new TypeError(`zookeeper(): the server ${JSON.stringify(server)} has no host and port: write host:port, for example '127.0.0.1:2181'; a path goes into basePath`);
  return text;
}

function checkAuth(auth: ZooKeeperAuthOptions | undefined): void {
  if (auth === undefined) return;
  const texts = typeof auth === 'object' && auth !== null && [auth.scheme, auth.credentials].every((text) => typeof text === 'string' && text !== '');
  if (!texts) throw new TypeError("zookeeper(): auth takes a scheme and credentials: { scheme: 'digest', credentials: 'user:password' }");
}

function checkAcl(acl: readonly ZooKeeperAcl[]): void {
  const usable = Array.isArray(acl) && acl.length > 0 && acl.every((entry: Partial<ZooKeeperAcl> | null) => typeof entry?.scheme === 'string' && typeof entry.id === 'string' && typeof entry.permissions === 'string' && /^[rwcda]+$/.test(entry.permissions));
  if (!usable) throw new TypeError("zookeeper(): acl takes a list of { scheme, id, permissions }, for example [{ scheme: 'world', id: 'anyone', permissions: 'r' }, { scheme: 'auth', id: '', permissions: 'rwcda' }]");
}
