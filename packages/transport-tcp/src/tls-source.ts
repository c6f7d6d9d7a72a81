import type { SecureContext, SecureContextOptions } from 'node:tls';
import type { Logger } from '@rpcxjs/core';
import { nodeCrypto, nodeTls } from './node-tls.ts';
import { checkTls } from './option-checks.ts';
import type { Pem, TcpTlsOptions } from './tls-options.ts';

/** One state of the option `tls`, parsed. */
export interface ResolvedTls {
  readonly given: TcpTlsOptions;
  /** What a server is made from. */
  readonly secrets: SecureContextOptions;
  /** What each dial uses. */
  readonly context: SecureContext;
}

/** What TLS is made of now. What cannot be used any more is logged, and the one before stays. */
export interface TlsSource {
  /** False for options that are the same for ever. */
  readonly changes: boolean;
  current(logger: Logger): ResolvedTls;
}

/** Throws TypeError for what cannot be used now; of a function, for what it returns now. */
export function tlsSource(tls: TcpTlsOptions | true | (() => TcpTlsOptions)): TlsSource {
  if (typeof tls !== 'function') {
    const fixed = resolveTls(tls === true ? {} : tls);
    return { changes: false, current: () => fixed };
  }
  let last = resolveTls(given(tls));
  let refused: TcpTlsOptions | undefined;
  let told = '';
  return {
    changes: true,
    current(logger) {
      let now: TcpTlsOptions | undefined;
      try {
        now = given(tls);
        if (now === last.given || now === refused) return last;
        last = resolveTls(now);
        told = '';
      } catch (error) {
        refused = now;
        const why = error instanceof Error ? error.message : String(error);
        // Every connection asks; it is said once.
        if (why !== told) logger.error({ err: error }, `what the function tls gives cannot be used, so what it gave before stays in use: ${why}`);
        told = why;
      }
      return last;
    },
  };
}

function given(tls: () => TcpTlsOptions): TcpTlsOptions {
  const now: unknown = tls();
  if (typeof now === 'object' && now !== null && !(now instanceof Promise)) return now; // its fields are checked when it is resolved
  throw new TypeError(`tcp: the function tls returned ${now instanceof Promise ? 'a promise' : String(now)}; it gives { cert, key, ca … } at once`);
}

function resolveTls(given: TcpTlsOptions): ResolvedTls {
  checkTls('tcp', given);
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
