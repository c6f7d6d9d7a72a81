import { checkNames } from '@rpcxjs/core/options';
import type { RegistryOptions } from '@rpcxjs/registry-kit';

type Pem = string | Uint8Array;

/** TLS to etcd. */
export interface EtcdTlsOptions {
  /** The authorities to trust instead of the system's, PEM. */
  readonly ca?: Pem | undefined;
  /** Our certificate chain, PEM, for a server that asks for one. */
  readonly cert?: Pem | undefined;
  /** The private key of `cert`, PEM. */
  readonly key?: Pem | undefined;
  /** The name that the server's certificate must be for. @default the host of the endpoint */
  readonly servername?: string | undefined;
}

/** Options of `etcd()`. */
export interface EtcdOptions extends RegistryOptions {
  /** The members of one cluster, `host:port` or a URL; `https://` asks for TLS. A text may name several, with commas. @default ['127.0.0.1:2379'] */
  readonly endpoints?: string | readonly string[] | undefined;
  /** The user, together with `password`, where etcd asks for one. @default undefined */
  readonly username?: string | undefined;
  /** @default undefined */
  readonly password?: string | undefined;
  /** TLS on every connection; `true` trusts the system's authorities. @default undefined */
  readonly tls?: EtcdTlsOptions | true | undefined;
}

export interface ResolvedEtcdOptions {
  /** With their protocol. */
  readonly endpoints: readonly string[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: EtcdTlsOptions | undefined;
}

const known: readonly string[] = ['endpoints', 'username', 'password', 'tls', 'basePath', 'ttlMs', 'refreshMs', 'relistMs', 'timeoutMs', 'probeMs', 'publishRates'] satisfies (keyof EtcdOptions)[];
const knownTls: readonly string[] = ['ca', 'cert', 'key', 'servername'] satisfies (keyof EtcdTlsOptions)[];

/** Throws TypeError for invalid options. */
export function resolveEtcdOptions(options: EtcdOptions = {}): ResolvedEtcdOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError(`etcd(): its options are ${String(options)}: give an object, or nothing`);
  // One that is overlooked would mean the etcd of this machine.
  checkNames('etcd()', options, known);
  const { endpoints = ['127.0.0.1:2379'], username, password } = options;
  const list: readonly unknown[] = typeof endpoints === 'string' ? endpoints.split(',') : Array.isArray(endpoints) ? endpoints : [];
  if (list.length === 0) throw new TypeError(`etcd(): endpoints is ${JSON.stringify(endpoints)}: give a list, for example ['10.0.0.1:2379', '10.0.0.2:2379']`);
  const tls = options.tls === true ? {} : options.tls;
  checkTls(tls);
  const resolved = list.map((endpoint) => resolveEndpoint(endpoint, tls !== undefined));
  if (new Set(resolved.map((endpoint) => endpoint.startsWith('https:'))).size > 1) throw new TypeError(`etcd(): endpoints ${resolved.join(', ')} mix http and https: all of one cluster speak the same`);
  for (const [name, value] of Object.entries({ username, password })) {
    if (value !== undefined && (typeof value !== 'string' || value === '')) throw new TypeError(`etcd(): ${name} is ${value === '' ? 'empty' : `of type ${typeof value}`}: write text, or leave it out`);
  }
  if ((username === undefined) !== (password === undefined)) throw new TypeError('etcd(): username and password go together: give both or none');
  return { endpoints: resolved, username, password, tls: tls ?? (resolved[0]?.startsWith('https:') === true ? {} : undefined) };
}

function resolveEndpoint(endpoint: unknown, secure: boolean): string {
  // The part before an "@" may be a password.
  const shown = typeof endpoint === 'string' ? JSON.stringify(endpoint.replace(/^.*@/s, '…@')) : String(endpoint);
  const wrong = (why: string): TypeError => new TypeError(`etcd(): the endpoint ${shown} ${why}: write host:port, for example '127.0.0.1:2379', or a URL with http:// or https://; user and password are options of their own`);
  if (typeof endpoint !== 'string') throw wrong('is no text');
  const [, protocol = secure ? 'https' : 'http', place = ''] = /^(?:(\w+):\/\/)?(.*?)\/?$/.exec(endpoint.trim()) ?? [];
  if (protocol !== 'http' && protocol !== 'https') throw wrong(`is of the protocol ${protocol}`);
  if (protocol === 'http' && secure) throw wrong('is plain, and `tls` is set');
  const port = /^(?:\[[\da-fA-F:.]+\]|[^\s:/@[\]]+):(\d{1,5})$/.exec(place)?.[1];
  if (port === undefined || Number(port) < 1 || Number(port) > 65_535) throw wrong('has no host and port');
  return `${protocol}://${place}`;
}

function checkTls(tls: unknown): void {
  if (tls === undefined) return;
  if (typeof tls !== 'object' || tls === null) throw new TypeError(`etcd(): tls is ${String(tls)}: true, or an object with ${knownTls.join(', ')}`);
  checkNames('etcd(): tls', tls, knownTls);
  const { ca, cert, key, servername } = tls as EtcdTlsOptions; // looked at below
  for (const [name, value] of Object.entries({ ca, cert, key })) if (value !== undefined && !isPem(value)) throw new TypeError(`etcd(): tls.${name} is no PEM text: give what the file says, not its name`);
  if ((cert === undefined) !== (key === undefined)) throw new TypeError('etcd(): tls.cert and tls.key go together: give both or none');
  if (servername !== undefined && (typeof servername !== 'string' || servername === '')) throw new TypeError(`etcd(): tls.servername is ${JSON.stringify(servername)}: write the name that the certificate is for`);
}

function isPem(value: unknown): boolean {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
  return typeof text === 'string' && /-----BEGIN [\w ]+-----/.test(text);
}
