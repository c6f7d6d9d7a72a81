import type { SecureContext, SecureContextOptions } from 'node:tls';
import { checkNames } from '@rpcxjs/core/options';
import { nodeCrypto, nodeTls } from './node-tls.ts';
import { checkTls } from './option-checks.ts';

type Pem = string | Uint8Array;

/** Certificates and trust. A server needs `cert` and `key`; a client needs neither unless the server asks for a certificate. */
export interface TcpTlsOptions {
  /** This side's certificate chain, PEM. */
  readonly cert?: Pem | undefined;
  /** The private key of `cert`, PEM. */
  readonly key?: Pem | undefined;
  /** Decrypts `key`. */
  readonly passphrase?: string | undefined;
  /** The authorities to trust instead of the system's, PEM. On a server: those that may sign client certificates. */
  readonly ca?: Pem | readonly Pem[] | undefined;
  /** The name that the server's certificate must be for. @default the host of the address */
  readonly servername?: string | undefined;
  /** What a server does about client certificates: `request` takes one if it comes, `require` refuses clients without a valid one. @default 'ignore' */
  readonly clientCertificate?: 'ignore' | 'request' | 'require' | undefined;
  /** True dials servers whose certificate cannot be verified: the line is encrypted, but anybody may be at its other end. For tests. @default false */
  readonly insecureSkipVerify?: boolean | undefined;
  /** The oldest TLS version that is accepted. @default 'TLSv1.2' */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
}

/** Options of `tcp()`. */
export interface TcpOptions {
  /** TLS on every connection, dialled and accepted; `true` is a client that trusts the system's authorities. @default undefined */
  readonly tls?: TcpTlsOptions | true | undefined;
  /** Time for the name look-up and the TCP handshake, in milliseconds. One lost SYN is sent again after a second, the next after three. @default 3000 */
  readonly connectTimeoutMs?: number | undefined;
  /** Time for a TLS handshake, on both sides, in milliseconds. @default 10000 */
  readonly handshakeTimeoutMs?: number | undefined;
  /** How long the other side may take to end after `close()`, in milliseconds; then the connection is destroyed. @default 5000 */
  readonly closeTimeoutMs?: number | undefined;
  /** Silence after which the system probes the other side, in milliseconds; ten probes a second apart decide. 0 is off. @default 30000 */
  readonly keepAliveMs?: number | undefined;
  /** Several processes may listen on the same port, and the system spreads connections over them. Needs Node 22.12 or 23.1, and Linux or FreeBSD; see also `node:cluster`. @default false */
  readonly reusePort?: boolean | undefined;
}

type Duration = 'connectTimeoutMs' | 'handshakeTimeoutMs' | 'closeTimeoutMs' | 'keepAliveMs';

export const tcpDefaults: Readonly<Record<Duration, number>> = {
  connectTimeoutMs: 3000,
  handshakeTimeoutMs: 10_000,
  closeTimeoutMs: 5000,
  keepAliveMs: 30_000,
};

export interface ResolvedTls {
  readonly given: TcpTlsOptions;
  /** Parsed once; what a server is made from and what each dial uses. */
  readonly secrets: SecureContextOptions;
  readonly context: SecureContext;
}
export interface ResolvedTcpOptions {
  readonly tls: ResolvedTls | undefined;
  readonly connectTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly reusePort: boolean;
}

/** Throws TypeError for unknown or invalid options, a certificate or key that does not parse, and options that this Node does not support. */
export function resolveTcpOptions(options: TcpOptions): ResolvedTcpOptions {
  checkNames('tcp', options, ['tls', ...Object.keys(tcpDefaults), 'reusePort']);
  checkTls('tcp', options.tls);
  return Object.freeze({
    tls: options.tls === undefined ? undefined : resolveTls(options.tls === true ? {} : options.tls),
    connectTimeoutMs: duration('connectTimeoutMs', options.connectTimeoutMs, 1),
    handshakeTimeoutMs: duration('handshakeTimeoutMs', options.handshakeTimeoutMs, 1),
    closeTimeoutMs: duration('closeTimeoutMs', options.closeTimeoutMs, 0),
    keepAliveMs: duration('keepAliveMs', options.keepAliveMs, 0),
    reusePort: reusePort(options.reusePort),
  });
}

function reusePort(given: boolean | undefined = false): boolean {
  if (typeof given !== 'boolean') throw new TypeError(`tcp: reusePort is ${String(given)}; give true or false`);
  const missing = given ? reusePortNeeds(process.versions.node, process.platform) : undefined;
  if (missing !== undefined) throw new TypeError(`tcp: reusePort ${missing}; leave it out, and share the port with node:cluster, which works everywhere`);
  return given;
}

// Those of libuv's uv__sock_reuseport whose kernels spread connections evenly.
const sharingPlatforms: ReadonlySet<string> = new Set(['linux', 'freebsd', 'sunos', 'aix']);

/** What `reusePort` needs and this version of Node or platform lacks, as the rest of a sentence. An older Node would silently ignore the option. */
export function reusePortNeeds(version: string, platform: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const known = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
  if (!known) return `needs Node 22.12 or later of 22, 23.1, or newer, and this is Node ${version}`;
  return sharingPlatforms.has(platform) ? undefined : `is not to be had on ${platform}, whose system does not spread connections over processes`;
}

function duration(name: Duration, given: number | undefined, least: number): number {
  const value = given ?? tcpDefaults[name];
  if (!Number.isFinite(value) || value < least) throw new TypeError(`tcp: ${name} is ${value}; give milliseconds, at least ${least}`);
  return value;
}

function resolveTls(given: TcpTlsOptions): ResolvedTls {
  if ((given.cert === undefined) !== (given.key === undefined)) {
    throw new TypeError(`tcp: tls.${given.cert === undefined ? 'key' : 'cert'} is set without tls.${given.cert === undefined ? 'cert' : 'key'}; they belong together`);
  }
  const secrets: SecureContextOptions = { minVersion: given.minVersion ?? 'TLSv1.2', ciphers: ciphers() };
  if (given.cert !== undefined) secrets.cert = pem(given.cert);
  if (given.key !== undefined) secrets.key = pem(given.key);
  if (given.passphrase !== undefined) secrets.passphrase = given.passphrase;
  if (given.ca !== undefined) secrets.ca = isPem(given.ca) ? pem(given.ca) : given.ca.map(pem);
  try {
    return { given, secrets, context: nodeTls().createSecureContext(secrets) };
  } catch (cause) {
    throw new TypeError(`tcp: tls.cert, tls.key or tls.ca cannot be used: ${(cause as Error).message}; give PEM text, and a key that belongs to the certificate`, { cause });
  }
}

const [longKeys, shortKeys] = ['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256'];
/** As in Go, AES-128 comes first, which takes a fifth less time for each byte. A list of the process's own (`--tls-cipher-list`) stays as it is. */
function ciphers(): string {
  const list = nodeTls().DEFAULT_CIPHERS;
  return list === nodeCrypto().constants.defaultCoreCipherList ? list.replace(`:${shortKeys}`, '').replace(longKeys, `${shortKeys}:${longKeys}`) : list;
}

function isPem(value: Pem | readonly Pem[]): value is Pem {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function pem(value: Pem): string | Buffer {
  return typeof value === 'string' ? value : Buffer.from(value);
}
