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
export interface TlsSource<Parsed = ResolvedTls> {
  /** False for options that are the same for ever. */
  readonly changes: boolean;
  current(logger: Logger): Parsed;
}

/** How the option `tls` of a transport is read. */
export interface TlsReader<Given extends object, Parsed> {
  /** The transport's name, for messages. */
  readonly who: string;
  /** Throws TypeError for what cannot be used. */
  parse(given: Given): Parsed;
}

/** The option `tls` of a transport. Throws TypeError for what cannot be used now; of a function, for what it returns now. */
export function tlsSource<Given extends object, Parsed>(tls: Given | true | (() => Given), { who, parse }: TlsReader<Given, Parsed>): TlsSource<Parsed> {
  if (typeof tls !== 'function') {
    const fixed = parse(tls === true ? ({} as Given) : tls); // all fields of these options may be left out
    return { changes: false, current: () => fixed };
  }
  let used = given(who, tls);
  let last = parse(used);
  let refused: Given | undefined;
  let told = '';
  return {
    changes: true,
    current(logger) {
      let now: Given | undefined;
      try {
        now = given(who, tls);
        if (now === used || now === refused) return last;
        last = parse(now);
        used = now;
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

function given<Given>(who: string, tls: () => Given): Given {
  const now: unknown = tls();
  if (typeof now === 'object' && now !== null && !(now instanceof Promise)) return now as Given; // its fields are checked when it is parsed
  throw new TypeError(`${who}: the function tls returned ${now instanceof Promise ? 'a promise' : String(now)}; it gives { cert, key, ca … } at once`);
}

/** Parses what has the form of TCP's `tls` for the transport `who`. Throws TypeError for what cannot be used. */
export function resolveTls(who: string, given: TcpTlsOptions): ResolvedTls {
  checkTls(who, given);
  if ((given.cert === undefined) !== (given.key === undefined)) {
    throw new TypeError(`${who}: tls.${given.cert === undefined ? 'key' : 'cert'} is set without tls.${given.cert === undefined ? 'cert' : 'key'}; they belong together`);
  }
  const secrets: SecureContextOptions = { minVersion: given.minVersion ?? 'TLSv1.2', ciphers: ciphers() };
  if (given.cert !== undefined) secrets.cert = pem(given.cert);
  if (given.key !== undefined) secrets.key = pem(given.key);
  if (given.passphrase !== undefined) secrets.passphrase = given.passphrase;
  if (given.ca !== undefined) secrets.ca = isPem(given.ca) ? pem(given.ca) : given.ca.map(pem);
  try {
    if (given.ca !== undefined) checkAuthorities(isPem(given.ca) ? [given.ca] : given.ca);
    return { given, secrets, context: nodeTls().createSecureContext(secrets) };
  } catch (cause) {
    throw new TypeError(`${who}: tls.cert, tls.key or tls.ca cannot be used: ${(cause as Error).message}; give PEM text, and a key that belongs to the certificate`, { cause });
  }
}

/** Throws for what holds no certificate: Node passes over it, and trusts nobody then. */
function checkAuthorities(all: readonly Pem[]): void {
  const parsed = all.map((each) => {
    const bytes = Buffer.from(each as string); // a string or bytes, which Node's types take one at a time
    if (!bytes.includes('-----BEGIN ')) throw new Error('tls.ca holds no certificate in PEM; give PEM text, not the path of its file');
    return new (nodeCrypto().X509Certificate)(bytes);
  });
  if (parsed.length === 0) throw new Error('tls.ca is an empty list');
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
