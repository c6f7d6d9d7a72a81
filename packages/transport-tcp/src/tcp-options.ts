import { checkNames, described } from '@rpcxjs/core/options';
import type { TcpTlsOptions } from './tls-options.ts';
import { resolveTls, tlsSource } from './tls-source.ts';
import type { TlsSource } from './tls-source.ts';

/** Options of `tcp()`. */
export interface TcpOptions {
  /** TLS on every connection, dialled and accepted; `true` is a client that trusts the system's authorities, a function gives what may change while it runs. @default undefined */
  readonly tls?: TcpTlsOptions | true | (() => TcpTlsOptions) | undefined;
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

export interface ResolvedTcpOptions {
  readonly tls: TlsSource | undefined;
  readonly connectTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly reusePort: boolean;
}

/** Throws TypeError for unknown or invalid options, a certificate or key that does not parse, and options that this Node does not support. */
export function resolveTcpOptions(options: TcpOptions): ResolvedTcpOptions {
  checkNames('tcp', options, ['tls', ...Object.keys(tcpDefaults), 'reusePort']);
  return Object.freeze({
    tls: options.tls === undefined ? undefined : tlsSource(options.tls, { who: 'tcp', parse: (given: TcpTlsOptions) => resolveTls('tcp', given) }),
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
  if (!Number.isFinite(value) || value < least) throw new TypeError(`tcp: ${name} is ${described(value)}; give milliseconds, at least ${least}`);
  return value;
}
