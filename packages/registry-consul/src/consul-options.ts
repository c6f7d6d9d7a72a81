import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { checkNames, described } from '@rpcxjs/core/options';
import type { RegistryOptions } from '@rpcxjs/registry-kit';

type Pem = string | Uint8Array;

/** TLS to the agent. */
export interface ConsulTlsOptions {
  /** The authorities to trust instead of the system's, PEM. @default the system's */
  readonly ca?: Pem | readonly Pem[] | undefined;
  /** Our certificate chain, PEM, for an agent that asks for one (`verify_incoming`). @default undefined */
  readonly cert?: Pem | undefined;
  /** The private key of `cert`, PEM. @default undefined */
  readonly key?: Pem | undefined;
  /** The name that the agent's certificate must be for. @default the host of the address */
  readonly servername?: string | undefined;
}

/** Options of `consul()`. */
export interface ConsulOptions extends RegistryOptions {
  /** An agent of Consul, `host:port`; or a URL with `http` or `https`. One agent, as in Go: it knows the servers. @default '127.0.0.1:8500' */
  readonly address?: string | undefined;
  /** The ACL token. It needs `session:write` on the node of the agent and `key:write` below the base path; a client that only reads needs `key:read`. @default undefined */
  readonly token?: string | undefined;
  /** The datacenter whose keys are used. @default that of the agent */
  readonly datacenter?: string | undefined;
  /** TLS to the agent; `true` trusts the system's authorities, as an `https` address does. @default undefined */
  readonly tls?: ConsulTlsOptions | true | undefined;
}

export interface ResolvedConsulTls extends SecureContextOptions {
  readonly servername?: string;
}
export interface ResolvedConsulOptions {
  readonly host: string;
  readonly port: number;
  /** `host:port`, for errors. */
  readonly where: string;
  readonly token: string | undefined;
  readonly datacenter: string | undefined;
  readonly tls: ResolvedConsulTls | undefined;
}

// A name that is missing here is a compile error.
const optionNames: Readonly<Record<keyof ConsulOptions, true>> = {
  address: true, token: true, datacenter: true, tls: true,
  basePath: true, ttlMs: true, refreshMs: true, relistMs: true, timeoutMs: true, probeMs: true, publishRates: true,
};

/** A session lives 10 s … 24 h, and Consul ends it up to twice that later: so a session has half the time, as in Go. */
const [shortestTtlMs, longestTtlMs] = [20_000, 172_800_000];

const tlsNames: Readonly<Record<keyof ConsulTlsOptions, true>> = { ca: true, cert: true, key: true, servername: true };

/** Throws TypeError for invalid options. */
export function resolveConsulOptions(options: ConsulOptions): ResolvedConsulOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError(`consul(): its options are ${String(options)}: give an object, or nothing`);
  checkNames('consul()', options, optionNames);
  const { address = '127.0.0.1:8500', tls, ttlMs } = options;
  if (ttlMs !== undefined && !(ttlMs >= shortestTtlMs && ttlMs <= longestTtlMs)) throw new TypeError(`consul(): ttlMs is ${described(ttlMs)}: Consul keeps a session 10 s to 24 h, and as long again before it ends it, so take ${shortestTtlMs} to ${longestTtlMs}`);
  const { scheme, host, port } = parseAddress(address);
  if (scheme === 'http' && tls !== undefined) throw new TypeError(`consul(): the address ${JSON.stringify(address)} says http, and tls is set: write https, or leave tls out`);
  return {
    host,
    port,
    where: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    token: text('token', options.token),
    datacenter: text('datacenter', options.datacenter),
    tls: tls === undefined ? (scheme === 'https' ? {} : undefined) : resolveTls(tls),
  };
}

function parseAddress(address: unknown): { readonly scheme: string | undefined; readonly host: string; readonly port: number } {
  const [, scheme, bracketed, plain, digits] = (typeof address === 'string' && /^(?:(https?):\/\/)?(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s:/?#@,[\]]+))(?::(\d{1,5}))?\/?$/.exec(address)) || [];
  const host = bracketed ?? plain;
  const port = Number(digits ?? 8500);
  if (host === undefined || port < 1 || port > 65_535) {
    // The part before an "@" may be a password.
    const shown = typeof address === 'string' ? JSON.stringify(address.replace(/^.*@/s, '…@')) : String(address);
    throw new TypeError(`consul(): the address ${shown} is none: write host:port, for example '127.0.0.1:8500' or 'https://consul.local:8501', one agent only and without a path`);
  }
  return { scheme, host, port };
}

/** What goes into a header or a query. */
function text(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  // The token is a secret: not shown.
  if (typeof value !== 'string' || !/^[\x21-\x7E]+$/.test(value)) throw new TypeError(`consul(): ${name} is ${value === '' ? 'empty' : typeof value === 'string' ? 'no plain text (a blank or a line end in it?)' : `of type ${typeof value}`}: give text, or leave it out`);
  return value;
}

function resolveTls(given: ConsulTlsOptions | true): ResolvedConsulTls {
  if (given === true) return {};
  if (typeof given !== 'object' || given === null) throw new TypeError(`consul(): tls is ${String(given)}: give true, or { ca, cert, key }`);
  checkNames('consul(): tls', given, tlsNames);
  const { ca, cert, key, servername } = given;
  if ((cert === undefined) !== (key === undefined)) throw new TypeError(`consul(): tls.${cert === undefined ? 'key' : 'cert'} is set without tls.${cert === undefined ? 'cert' : 'key'}; they belong together`);
  const resolved: ResolvedConsulTls = {
    ...(ca !== undefined && { ca: typeof ca === 'string' || ca instanceof Uint8Array ? pem(ca) : ca.map(pem) }),
    ...(cert !== undefined && { cert: pem(cert) }),
    ...(key !== undefined && { key: pem(key) }),
  };
  try {
    createSecureContext(resolved);
  } catch (cause) {
    throw new TypeError(`consul(): tls.cert, tls.key or tls.ca cannot be used: ${(cause as Error).message}; give PEM text, and a key that belongs to the certificate`, { cause }); // OpenSSL throws errors
  }
  return { ...resolved, ...(servername !== undefined && { servername }) };
}

function pem(value: Pem): string | Buffer {
  return typeof value === 'string' ? value : Buffer.from(value);
}
