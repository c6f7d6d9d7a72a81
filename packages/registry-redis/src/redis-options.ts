import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { checkNames, described } from '@rpcxjs/core/options';
import type { RegistryOptions } from '@rpcxjs/registry-kit';

type Pem = string | Uint8Array;

/** TLS to the servers. */
export interface RedisTlsOptions {
  /** The authorities to trust instead of the system's, PEM. */
  readonly ca?: Pem | readonly Pem[] | undefined;
  /** Our certificate chain, PEM, for a server that asks for one. */
  readonly cert?: Pem | undefined;
  /** The private key of `cert`, PEM. */
  readonly key?: Pem | undefined;
  /** Decrypts `key`. */
  readonly passphrase?: string | undefined;
  /** The name that the server's certificate must be for. @default the host of the node */
  readonly servername?: string | undefined;
  /** True trusts any certificate: the line is encrypted, but anybody may be at its other end. For tests. @default false */
  readonly insecureSkipVerify?: boolean | undefined;
}

/** Redis Sentinel: who knows where the master is. */
export interface RedisSentinelOptions {
  /** Name of the master, as in `sentinel monitor <name> …`. */
  readonly name: string;
  /** User at the Sentinels themselves, if they have users. @default undefined */
  readonly username?: string | undefined;
  /** Password of the Sentinels themselves; that of the master is `password` beside `sentinel`. @default undefined */
  readonly password?: string | undefined;
}

/** Options of `redis()`. */
export interface RedisOptions extends RegistryOptions {
  /**
   * Servers of one data set, `host:port`, in a list or with commas: a master and its replicas, in any order. They are asked in turn, beginning with the one that answered last, until a master answers; when
   * there is none, a replica is read from. No cluster, and no servers with data of their own. With `sentinel`, the addresses of the Sentinels. @default ['127.0.0.1:6379']
   */
  readonly nodes?: string | readonly string[] | undefined;
  /** A user of Redis 6 or newer. @default the server's `default` */
  readonly username?: string | undefined;
  /** Password of the user, or the server's `requirepass`. @default undefined */
  readonly password?: string | undefined;
  /** Number of the database, `Bucket` in Go. @default 0 */
  readonly database?: number | undefined;
  /** TLS on every connection; `true` trusts the system's authorities. @default undefined */
  readonly tls?: RedisTlsOptions | true | undefined;
  /** Asks Sentinels where the master is, at each connection. @default undefined */
  readonly sentinel?: RedisSentinelOptions | undefined;
}

/** Where one server is. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
}
/** User and password at a server. */
export interface RedisCredentials {
  readonly username: string | undefined;
  readonly password: string | undefined;
}
/** As node:tls takes it. */
export interface ResolvedRedisTls extends SecureContextOptions {
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}
/** The options with all defaults filled in. */
export interface ResolvedRedisOptions extends RedisCredentials {
  readonly nodes: readonly RedisNode[];
  readonly database: number;
  readonly tls: ResolvedRedisTls | undefined;
  readonly sentinel: (RedisCredentials & { readonly name: string }) | undefined;
}

// A name that is missing here is a compile error.
const optionNames: Readonly<Record<keyof RedisOptions, true>> = {
  nodes: true, username: true, password: true, database: true, tls: true, sentinel: true,
  basePath: true, ttlMs: true, refreshMs: true, relistMs: true, timeoutMs: true, probeMs: true, publishRates: true,
};

const tlsNames: Readonly<Record<keyof RedisTlsOptions, true>> = { ca: true, cert: true, key: true, passphrase: true, servername: true, insecureSkipVerify: true };
const sentinelNames: Readonly<Record<keyof RedisSentinelOptions, true>> = { name: true, username: true, password: true };

/** Throws TypeError for invalid options. */
export function resolveRedisOptions(options: RedisOptions): ResolvedRedisOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError(`redis(): its options are ${String(options)}: give an object, or nothing`);
  checkNames('redis()', options, Object.keys(optionNames));
  const { nodes = '127.0.0.1:6379', database = 0, tls, sentinel } = options;
  const list = typeof nodes === 'string' ? nodes.split(',').map((node) => node.trim()) : nodes;
  if (!Array.isArray(list) || list.length === 0) throw new TypeError(`redis(): nodes is ${JSON.stringify(nodes)}: give host:port, or a list of them`);
  if (!Number.isInteger(database) || database < 0) throw new TypeError(`redis(): database is ${described(database)}: give its number, 0 or above`);
  return {
    nodes: list.map(parseNode),
    database,
    ...credentials('', options),
    tls: tls === undefined ? undefined : resolveTls(tls),
    sentinel: sentinel === undefined ? undefined : resolveSentinel(sentinel),
  };
}

/** `host:port`; an IPv6 address in brackets. */
export function formatNode({ host, port }: RedisNode): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseNode(node: unknown): RedisNode {
  const [, bracketed, plain, digits = '6379'] = (typeof node === 'string' && /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?$/.exec(node)) || [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) throw new TypeError(`redis(): the node ${shownNode(node)} is no address: write host:port, for example '127.0.0.1:6379' or '[::1]:6379', without a scheme; user, password and database are options of their own`);
  return { host, port };
}

/** The part before an "@" may be a password. */
function shownNode(node: unknown): string {
  return typeof node === 'string' ? JSON.stringify(node.replace(/^.*@/s, '…@')) : String(node);
}

function credentials(where: string, { username, password }: { readonly username?: string | undefined; readonly password?: string | undefined }): RedisCredentials {
  for (const [name, value] of Object.entries({ username, password })) {
    if (value !== undefined && (typeof value !== 'string' || value === '')) throw new TypeError(`redis(): ${where}${name} is ${value === '' ? 'empty' : `of type ${typeof value}`}: give text, or leave it out`);
  }
  if (username !== undefined && password === undefined) throw new TypeError(`redis(): ${where}username is set without ${where}password; they belong together`);
  return { username, password };
}

function resolveSentinel(given: RedisSentinelOptions): ResolvedRedisOptions['sentinel'] {
  if (typeof given !== 'object' || given === null || typeof given.name !== 'string' || given.name === '') throw new TypeError("redis(): sentinel takes { name }, the name of the master as the Sentinels know it, for example 'mymaster'");
  checkNames('redis(): sentinel', given, Object.keys(sentinelNames));
  return { name: given.name, ...credentials('sentinel.', given) };
}

function resolveTls(given: RedisTlsOptions | true): ResolvedRedisTls {
  if (given === true) return {};
  if (typeof given !== 'object' || given === null) throw new TypeError(`redis(): tls is ${String(given)}: give true, or { ca, cert, key }`);
  checkNames('redis(): tls', given, Object.keys(tlsNames));
  const { ca, cert, key, passphrase, servername, insecureSkipVerify } = given;
  if ((cert === undefined) !== (key === undefined)) throw new TypeError(`redis(): tls.${cert === undefined ? 'key' : 'cert'} is set without tls.${cert === undefined ? 'cert' : 'key'}; they belong together`);
  const resolved: ResolvedRedisTls = {
    ...(ca !== undefined && { ca: typeof ca === 'string' || ca instanceof Uint8Array ? pem(ca) : ca.map(pem) }),
    ...(cert !== undefined && { cert: pem(cert) }),
    ...(key !== undefined && { key: pem(key) }),
    ...(passphrase !== undefined && { passphrase }),
  };
  try {
    createSecureContext(resolved);
  } catch (cause) {
    throw new TypeError(`redis(): tls.cert, tls.key or tls.ca cannot be used: ${(cause as Error).message}; give PEM text, and a key that belongs to the certificate`, { cause });
  }
  return { ...resolved, ...(servername !== undefined && { servername }), ...(insecureSkipVerify === true && { rejectUnauthorized: false }) };
}

function pem(value: Pem): string | Buffer {
  return typeof value === 'string' ? value : Buffer.from(value);
}
