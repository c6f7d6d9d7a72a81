import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Acceptor } from '@rpcxjs/core';
import { checkNames, described } from '@rpcxjs/core/options';
import { checkTls } from '@rpcxjs/transport-tcp';
import type { TcpTlsOptions } from '@rpcxjs/transport-tcp';

/** Options of `httpConnect()`. */
export interface HttpConnectOptions {
  /** The path of the CONNECT request; both sides need the same. Go's `RPCPath`. @default '/_rpcx_' */
  readonly path?: string | undefined;
  /** Takes connections from this server of `node:http` or `node:https`, on its port, beside its other routes. It stays yours to close. @default undefined */
  readonly server?: HttpServer | HttpsServer | undefined;
  /** Takes connections from this acceptor, for example one of `sniff()`, instead of a port of its own. @default undefined */
  readonly over?: Acceptor | undefined;
  /** Further header lines of the request of a dial, for example for a proxy. Go sends none. @default none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** TLS on every connection, dialled and accepted; `true` is a client that trusts the system's authorities, a function gives what may change while it runs. With `server` or `over` it is for dials. @default undefined */
  readonly tls?: TcpTlsOptions | true | (() => TcpTlsOptions) | undefined;
  /** Time for the name look-up and the TCP handshake, in milliseconds. @default 3000 */
  readonly connectTimeoutMs?: number | undefined;
  /** Time for a TLS handshake, and again for the CONNECT request or its answer, in milliseconds. @default 10000 */
  readonly handshakeTimeoutMs?: number | undefined;
  /** How long the other side may take to end after `close()`, in milliseconds; then the connection is destroyed. @default 5000 */
  readonly closeTimeoutMs?: number | undefined;
  /** Silence after which the system probes the other side, in milliseconds. 0 is off. @default 30000 */
  readonly keepAliveMs?: number | undefined;
  /** How many accepted connections may wait for their request at a time; one more cuts the oldest. A thousand clients that come at once wait for a moment, so leave room. @default 4096 */
  readonly maxWaiting?: number | undefined;
}

type Defaulted = 'path' | 'connectTimeoutMs' | 'handshakeTimeoutMs' | 'closeTimeoutMs' | 'keepAliveMs' | 'maxWaiting';

export const httpConnectDefaults: { readonly [name in Defaulted]: NonNullable<HttpConnectOptions[name]> } = {
  path: '/_rpcx_',
  connectTimeoutMs: 3000,
  handshakeTimeoutMs: 10_000,
  closeTimeoutMs: 5000,
  keepAliveMs: 30_000,
  maxWaiting: 4096,
};

export interface ResolvedHttpConnectOptions {
  readonly path: string;
  readonly server: HttpServer | HttpsServer | undefined;
  readonly over: Acceptor | undefined;
  /** The further header lines, each with its line end. */
  readonly headerLines: string;
  readonly handshakeTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly maxWaiting: number;
}

// What RFC 9110 calls a token.
const headerName = /^[\w!#$%&'*+.^`|~-]+$/;

/** Throws TypeError for what cannot work; those that it has in common with TCP are checked there. */
export function resolveHttpConnectOptions(options: HttpConnectOptions): ResolvedHttpConnectOptions {
  checkNames('httpConnect', options, [...Object.keys(httpConnectDefaults), 'server', 'over', 'headers', 'tls']);
  if (typeof options.tls !== 'function') checkTls('httpConnect', options.tls);
  const { server, over, headers = {} } = options;
  const path = options.path ?? httpConnectDefaults.path;
  if (typeof path !== 'string' || !/^\/[\x21-\x7e]*$/.test(path) || /[?#]/.test(path)) {
    throw new TypeError(`httpConnect: path is ${JSON.stringify(path)}; give one that begins with / and has no blanks, no ? and no #, such as /_rpcx_`);
  }
  if (typeof headers !== 'object' || headers === null) throw new TypeError(`httpConnect: headers is ${String(headers)}; give an object, such as { 'Proxy-Authorization': '…' }`);
  const maxWaiting = options.maxWaiting ?? httpConnectDefaults.maxWaiting;
  if (!Number.isInteger(maxWaiting) || maxWaiting < 1) throw new TypeError(`httpConnect: maxWaiting is ${described(maxWaiting)}; give a whole number, at least 1`);
  if (server !== undefined && over !== undefined) throw new TypeError('httpConnect: server and over are two places to take connections from; give one of them');
  if (server !== undefined && typeof server.listen !== 'function') throw new TypeError('httpConnect: server has no listen(); give what createServer() of node:http or node:https returned');
  if (over !== undefined && typeof over.listen !== 'function') throw new TypeError('httpConnect: over has no listen(); give an acceptor, such as tcp() or one of sniff()');
  return Object.freeze({
    path, server, over, maxWaiting,
    headerLines: Object.entries(headers).map(([name, value]) => headerLine(name, value)).join(''),
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? httpConnectDefaults.handshakeTimeoutMs,
    closeTimeoutMs: options.closeTimeoutMs ?? httpConnectDefaults.closeTimeoutMs,
  });
}

function headerLine(name: string, value: unknown): string {
  if (!headerName.test(name)) throw new TypeError(`httpConnect: headers has the name ${JSON.stringify(name)}; give one such as Proxy-Authorization`);
  if (typeof value !== 'string' || !/^[\x20-\x7e\t]*$/.test(value)) throw new TypeError(`httpConnect: the header ${name} is no line of ASCII text; give one without line ends`);
  return `${name}: ${value}\n`;
}
