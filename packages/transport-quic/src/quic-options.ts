import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as nodeTls from 'node:tls';
import { checkNames, described } from '@rpcxjs/core/options';
import { checkTls, tlsSource } from '@rpcxjs/transport-tcp';
import type { TlsSource } from '@rpcxjs/transport-tcp';
import type { QuicEngine, QuicEngineSettings } from './engine.ts';

type Pem = string | Uint8Array;

/** Certificates and trust; QUIC is always TLS 1.3. A server needs `cert` and `key`; a client needs neither unless the server asks for a certificate. */
export interface QuicTlsOptions {
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
  /** What a server does about client certificates: `require` refuses clients without a valid one. @default 'ignore' */
  readonly clientCertificate?: 'ignore' | 'require' | undefined;
  /** True dials servers whose certificate cannot be verified: the line is encrypted, but anybody may be at its other end. For tests. @default false */
  readonly insecureSkipVerify?: boolean | undefined;
}

/** Options of `quic()`. */
export interface QuicOptions {
  /** Certificates and trust; `true` and nothing are a client that trusts the system's authorities, a function gives what may change while it runs. @default undefined */
  readonly tls?: QuicTlsOptions | true | (() => QuicTlsOptions) | undefined;
  /** The protocol that both sides must name in the handshake. @default 'rpcx' */
  readonly alpn?: string | undefined;
  /** What speaks QUIC. @default quiche, from the package `@matrixai/quic`, loaded at the first dial or listen */
  readonly engine?: QuicEngine | undefined;
  /** Time for the name look-up and the handshake, on both sides, in milliseconds. @default 5000 */
  readonly handshakeTimeoutMs?: number | undefined;
  /** How long the other side may take to end after `close()`, in milliseconds; then the connection is cut. @default 5000 */
  readonly closeTimeoutMs?: number | undefined;
  /** Silence after which a connection is lost, in milliseconds; the smaller one of the two sides holds. @default 30000 */
  readonly idleTimeoutMs?: number | undefined;
  /** Silence after which this side asks for a sign of life, in milliseconds; less than half of `idleTimeoutMs`. 0 is off. @default 10000 */
  readonly keepAliveMs?: number | undefined;
  /** What the other side may send ahead of a reader at the beginning, in bytes. @default 1048576 */
  readonly windowBytes?: number | undefined;
  /** What `windowBytes` may grow to on a fast line, in bytes: the most that a paused reader keeps in memory. @default 4194304 */
  readonly maxWindowBytes?: number | undefined;
  /** The largest datagram that is sent, in bytes without the headers of IP and UDP. Every path must carry it whole. @default 1350 */
  readonly maxDatagramBytes?: number | undefined;
  /** How the rate is found: `cubic` and `reno` take every loss for congestion, `bbr` does not. @default 'cubic' */
  readonly congestionControl?: 'cubic' | 'reno' | 'bbr' | undefined;
  /** Asked of the system for each socket, in both directions, in bytes; it may give less. @default 4194304 */
  readonly socketBufferBytes?: number | undefined;
  /** How many handshakes a listener has at once; further clients are refused and may try again. @default 1024 */
  readonly maxHandshakes?: number | undefined;
  /** From how many handshakes at once on a listener makes newcomers prove their address first, which costs them a round trip and the listener no memory. 0 is always. @default 64 */
  readonly retryFromHandshakes?: number | undefined;
}

type Count = Exclude<keyof QuicOptions, 'tls' | 'alpn' | 'engine' | 'congestionControl'>;

export const quicDefaults: Readonly<Record<Count, number>> = {
  handshakeTimeoutMs: 5000,
  closeTimeoutMs: 5000,
  idleTimeoutMs: 30_000,
  keepAliveMs: 10_000,
  windowBytes: 1_048_576,
  maxWindowBytes: 4_194_304,
  maxDatagramBytes: 1350,
  socketBufferBytes: 4_194_304,
  maxHandshakes: 1024,
  retryFromHandshakes: 64,
};

const limits: Readonly<Record<Count, readonly [least: number, most: number, unit: string]>> = {
  handshakeTimeoutMs: [1, 2 ** 31, 'milliseconds'],
  closeTimeoutMs: [0, 2 ** 31, 'milliseconds'],
  idleTimeoutMs: [1, 2 ** 31, 'milliseconds'],
  keepAliveMs: [0, 2 ** 31, 'milliseconds'],
  windowBytes: [16_384, 2 ** 30, 'bytes'],
  maxWindowBytes: [16_384, 2 ** 30, 'bytes'],
  maxDatagramBytes: [1200, 65_527, 'bytes'],
  socketBufferBytes: [0, 2 ** 30, 'bytes'],
  maxHandshakes: [1, 1_000_000, 'handshakes'],
  retryFromHandshakes: [0, 1_000_000, 'handshakes'],
};

/** One state of the option `tls`, parsed. */
export interface ResolvedQuicTls {
  readonly given: QuicTlsOptions;
  readonly certificate: string | undefined;
  readonly privateKey: string | undefined;
  /** Undefined for the system's. */
  readonly authorities: string | undefined;
}

export interface ResolvedQuicOptions extends Readonly<Record<Count, number>> {
  readonly tls: TlsSource<ResolvedQuicTls>;
  readonly alpn: string;
  readonly engine: QuicEngine | undefined;
  /** What the engine is configured with. Not complete for a server without a certificate. */
  settings(side: 'client' | 'server', tls: ResolvedQuicTls): QuicEngineSettings;
}

/** Throws TypeError for an invalid option and for a certificate or key that does not parse. */
export function resolveQuicOptions(options: QuicOptions): ResolvedQuicOptions {
  checkNames('quic', options, ['tls', 'alpn', 'engine', 'congestionControl', ...Object.keys(limits)]);
  const counts = {} as Record<Count, number>; // filled by the loop
  for (const name of Object.keys(limits) as Count[]) counts[name] = count(name, options[name]);
  if (counts.keepAliveMs > counts.idleTimeoutMs / 2) {
    throw new TypeError(`quic: keepAliveMs is ${counts.keepAliveMs} and idleTimeoutMs ${counts.idleTimeoutMs}; give at most half of it, so that one lost sign of life is no loss, or 0 for none`);
  }
  if (counts.maxWindowBytes < counts.windowBytes) {
    throw new TypeError(`quic: maxWindowBytes is ${counts.maxWindowBytes}, less than windowBytes, ${counts.windowBytes}; give at least as much`);
  }
  const { engine } = options;
  if (engine !== undefined && typeof engine?.configure !== 'function') throw new TypeError('quic: engine has no configure(); give a QuicEngine, or leave it out for quiche');
  const alpn = options.alpn ?? 'rpcx';
  if (typeof alpn !== 'string' || alpn.length === 0 || Buffer.byteLength(alpn) > 255) throw new TypeError(`quic: alpn is ${JSON.stringify(alpn)}; give a name of 1 to 255 bytes, Go's rpcx has 'rpcx'`);
  const congestionControl = options.congestionControl ?? 'cubic';
  if (!['cubic', 'reno', 'bbr'].includes(congestionControl)) throw new TypeError(`quic: congestionControl is ${JSON.stringify(congestionControl)}; give 'cubic', 'reno' or 'bbr'`);
  return Object.freeze({
    ...counts, alpn, engine,
    tls: tlsSource(options.tls ?? true, { who: 'quic', parse: resolveTls }),
    settings: (side: 'client' | 'server', { given, certificate, privateKey, authorities }: ResolvedQuicTls): QuicEngineSettings => ({
      side, alpn: [alpn], certificate, privateKey, authorities: authorities ?? systemAuthorities(),
      verify: side === 'client' ? given.insecureSkipVerify !== true : given.clientCertificate === 'require',
      idleTimeoutMs: counts.idleTimeoutMs, maxDatagramBytes: counts.maxDatagramBytes,
      windowBytes: counts.windowBytes, maxWindowBytes: counts.maxWindowBytes, congestionControl,
    }),
  });
}

function count(name: Count, given: number | undefined): number {
  const value = given ?? quicDefaults[name];
  const [least, most, unit] = limits[name];
  if (!Number.isFinite(value) || value < least || value > most) throw new TypeError(`quic: ${name} is ${described(value)}; give ${unit}, ${least} to ${most}`);
  return Math.floor(value);
}

function resolveTls(given: QuicTlsOptions): ResolvedQuicTls {
  checkTls('quic', given, ['minVersion']);
  if ((given.cert === undefined) !== (given.key === undefined)) {
    throw new TypeError(`quic: tls.${given.cert === undefined ? 'key' : 'cert'} is set without tls.${given.cert === undefined ? 'cert' : 'key'}; they belong together`);
  }
  if (given.clientCertificate !== undefined && !['ignore', 'require'].includes(given.clientCertificate)) {
    throw new TypeError(`quic: tls.clientCertificate is ${JSON.stringify(given.clientCertificate)}; give 'ignore' or 'require'`);
  }
  const certificate = given.cert === undefined ? undefined : text(given.cert);
  const authorities = given.ca === undefined ? undefined : isPem(given.ca) ? [text(given.ca)] : given.ca.map(text);
  try {
    // Node passes over what is no certificate, and trusts nobody then.
    const parsed = authorities?.map((each) => new X509Certificate(each));
    if (parsed?.length === 0) throw new Error('tls.ca is an empty list');
    const key = given.key === undefined ? undefined : createPrivateKey({ key: text(given.key), ...(given.passphrase === undefined ? {} : { passphrase: given.passphrase }) });
    const privateKey = key?.export({ type: 'pkcs8', format: 'pem' }).toString();
    // Finds out whether they parse, and whether the key is that of the certificate.
    nodeTls.createSecureContext({ ...(certificate === undefined ? {} : { cert: certificate, key: privateKey }), ...(authorities === undefined ? {} : { ca: authorities }) });
    return { given, certificate, privateKey, authorities: authorities?.join('\n') };
  } catch (cause) {
    throw new TypeError(`quic: tls.cert, tls.key or tls.ca cannot be used: ${(cause as Error).message}; give PEM text, and a key that belongs to the certificate`, { cause });
  }
}

function isPem(value: Pem | readonly Pem[]): value is Pem {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function text(value: Pem): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString();
}

interface NewerTls {
  getCACertificates?(kind: 'default'): string[];
}

/** The authorities that Node trusts by default. */
function systemAuthorities(): string {
  const newer = (nodeTls as NewerTls).getCACertificates?.('default'); // since Node 22.15
  if (newer !== undefined) return newer.join('\n');
  const extra = process.env['NODE_EXTRA_CA_CERTS'];
  return [...nodeTls.rootCertificates, ...(extra === undefined || extra === '' ? [] : [readExtra(extra)])].join('\n');
}

/** As Node does, which warns once and goes on without. */
function readExtra(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
