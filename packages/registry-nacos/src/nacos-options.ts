import { checkNames, described } from '@rpcxjs/core/options';

/** TLS to servers whose address begins with `https://`. */
export interface NacosTlsOptions {
  /** The authorities to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
  /** Our certificate chain, PEM, for a server that asks for one. */
  readonly cert?: string | undefined;
  /** The private key of `cert`, PEM. */
  readonly key?: string | undefined;
}

/** Options of `nacos()`. */
export interface NacosOptions {
  /**
   * Servers of one cluster, `host:port` or `https://host:port/context`, one or many; `/nacos` is the context when none is written, and 8848 the port of a `host` alone. They are asked in turn, beginning with the one
   * that answered last. @default '127.0.0.1:8848'
   */
  readonly servers?: string | readonly string[] | undefined;
  /** The id of a namespace, as the console shows it; not its name. @default the public one */
  readonly namespace?: string | undefined;
  /** `GroupName` of Go. It is Nacos's group, not the `group` of the metadata. @default 'DEFAULT_GROUP' */
  readonly group?: string | undefined;
  /** The cluster to register in; clients look into this one only. @default 'DEFAULT' to register, all clusters to look */
  readonly cluster?: string | undefined;
  /** The user to log in; the token is renewed by itself. @default undefined */
  readonly username?: string | undefined;
  /** Password of the user. @default undefined */
  readonly password?: string | undefined;
  /** A token of your own instead of user and password. @default undefined */
  readonly accessToken?: string | undefined;
  /** TLS on every connection to an `https://` server. @default undefined */
  readonly tls?: NacosTlsOptions | undefined;
  /** Milliseconds between two heartbeats of each instance. Nacos calls it unhealthy after three that are missing, and drops it after six. @default 5000 */
  readonly heartbeatMs?: number | undefined;
  /** Milliseconds between two readings of each list, up to a fifth more or less. @default what the server asks for, at most 3000 */
  readonly pollMs?: number | undefined;
  /** Milliseconds for each operation, all servers together. @default 5000 */
  readonly timeoutMs?: number | undefined;
}

/** The options with all defaults filled in. */
export interface ResolvedNacosOptions {
  readonly servers: readonly URL[];
  readonly namespace: string;
  readonly group: string;
  readonly cluster: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly accessToken: string | undefined;
  readonly tls: NacosTlsOptions | undefined;
  readonly heartbeatMs: number;
  readonly pollMs: number | undefined;
  readonly timeoutMs: number;
}

const longestTimer = 2_147_483_647;
const bad = (what: string): TypeError => new TypeError(`nacos(): ${what}`);

// Names that are missing here are a compile error.
const optionNames: Readonly<Record<keyof NacosOptions, true>> = {
  servers: true, namespace: true, group: true, cluster: true, username: true, password: true, accessToken: true, tls: true, heartbeatMs: true, pollMs: true, timeoutMs: true,
};
const tlsNames: Readonly<Record<keyof NacosTlsOptions, true>> = { ca: true, cert: true, key: true };

/** Throws TypeError for invalid options. */
export function resolveNacosOptions(options: NacosOptions = {}): ResolvedNacosOptions {
  if (typeof options !== 'object' || options === null) throw bad(`its options are ${String(options)}: give an object, or nothing`);
  checkNames('nacos()', options, Object.keys(optionNames));
  const { servers = '127.0.0.1:8848', namespace = '', group = 'DEFAULT_GROUP', cluster, username, password, accessToken, tls, heartbeatMs = 5000, pollMs, timeoutMs = 5000 } = options;
  const listed: unknown = typeof servers === 'string' ? servers.split(',') : servers;
  if (!Array.isArray(listed) || listed.length === 0) throw bad(`servers is ${JSON.stringify(servers)}: write host:port, or a list of them, for example '127.0.0.1:8848'`);
  for (const [option, value] of Object.entries({ namespace, group, cluster, username, password, accessToken })) {
    if (value !== undefined && typeof value !== 'string') throw bad(`${option} is ${described(value)}: it takes text`);
  }
  if (group === '' || group.includes('@@')) throw bad(`group is ${JSON.stringify(group)}: write the name of a group without @@, for example 'DEFAULT_GROUP'`);
  if ((username === undefined) !== (password === undefined)) throw bad('username and password come together: write both, or an accessToken, or nothing');
  if (username !== undefined && accessToken !== undefined) throw bad('it takes username and password, or an accessToken, and not both');
  if (tls !== undefined && (typeof tls !== 'object' || tls === null)) throw bad(`tls is ${String(tls)}: give an object with ca, cert and key, and write the servers as https://host:port`);
  checkNames('nacos(): tls', tls ?? {}, Object.keys(tlsNames));
  for (const [option, value] of Object.entries({ heartbeatMs, pollMs, timeoutMs })) {
    if (value !== undefined && (typeof value !== 'number' || !(value > 0 && value <= longestTimer))) throw bad(`${option} is ${described(value)}: it takes milliseconds above 0`);
  }
  return { servers: listed.map(serverUrl), namespace: namespace === 'public' ? '' : namespace, group, cluster, username, password, accessToken, tls, heartbeatMs, pollMs, timeoutMs };
}

/** Without a slash at its end. */
function serverUrl(server: unknown): URL {
  const wrong = (): TypeError => bad(`servers has ${JSON.stringify(server)}: write host:port or http(s)://host:port, for example '127.0.0.1:8848'`);
  if (typeof server !== 'string' || server.trim() === '' || /^(?!https?:\/\/)[\w+.-]+:\/\//.test(server.trim())) throw wrong();
  const text = server.trim();
  const written = /^https?:\/\//.test(text) ? text : `http://${text}`;
  let url: URL;
  try {
    url = new URL(written);
  } catch {
    throw wrong();
  }
  if (url.hostname === '' || url.username !== '' || url.search !== '' || url.hash !== '') throw wrong();
  if (written !== text && !/^http:\/\/[^/]*:\d+(\/|$)/.test(written)) url.port = '8848';
  const path = url.pathname;
  let end = path.length;
  while (path[end - 1] === '/') end -= 1;
  url.pathname = end === 0 ? '/nacos' : path.slice(0, end);
  return url;
}
