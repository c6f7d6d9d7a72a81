import { validateHeaderName, validateHeaderValue, type IncomingMessage, type Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { checkNames, described } from '@rpcxjs/core/options';
import { resolveTls, tlsSource } from '@rpcxjs/transport-tcp';
import type { TcpTlsOptions, TlsSource } from '@rpcxjs/transport-tcp';

/** Options of `webSocket()`. */
export interface WebSocketOptions {
  /** The path that is dialled and served; any other one is answered with 404. @default '/_rpcx_', as in Go */
  readonly path?: string | undefined;
  /** Certificates and trust of `wss`, as of `tcp()`, a function gives what may change while it runs; without it, or with `true`, `wss` trusts the system's authorities and cannot be listened on. */
  readonly tls?: TcpTlsOptions | true | (() => TcpTlsOptions) | undefined;
  /** Takes WebSockets at the path of a web server that is the caller's, on its port; everything else there is left alone. One that does not listen yet is made to, and closed with the listener. @default a server of its own */
  readonly server?: Server | undefined;
  /**
   * Which pages may connect: their origins, or a function that decides. A client that sends no `Origin` is no page, and is let in.
   * @default pages of the same host and port
   */
  readonly origins?: readonly string[] | ((origin: string, request: IncomingMessage) => boolean) | undefined;
  /** Headers that are sent when dialling, for example for a proxy. An `origin` among them replaces that of the server's own pages. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Bytes of one WebSocket message, which may hold several frames; a longer one ends its connection with code 1009. @default 33 554 432 */
  readonly maxMessageBytes?: number | undefined;
  /** Connections that have not finished their handshake; one more ends the oldest of them. @default 1000 */
  readonly maxHandshakes?: number | undefined;
  /** Time for the name look-up, TCP, TLS and the HTTP handshake when dialling, and for the HTTP handshake of a client, in milliseconds. @default 5000 */
  readonly handshakeTimeoutMs?: number | undefined;
  /** Silence after which the other side is sent a ping; without a byte within as long again the connection is cut. In milliseconds, 0 is off. @default 30000 */
  readonly pingMs?: number | undefined;
  /** How long the other side may take to end after `close()`, in milliseconds; then the connection is cut. @default 5000 */
  readonly closeTimeoutMs?: number | undefined;
}

type Amount = 'maxMessageBytes' | 'maxHandshakes' | 'handshakeTimeoutMs' | 'pingMs' | 'closeTimeoutMs';
export const webSocketDefaults: Readonly<Record<Amount, number>> = {
  maxMessageBytes: 32 * 1024 * 1024,
  maxHandshakes: 1000,
  handshakeTimeoutMs: 5000,
  pingMs: 30_000,
  closeTimeoutMs: 5000,
};

export interface ResolvedWebSocketOptions extends Readonly<Record<Amount, number>> {
  readonly path: string;
  readonly tls: TlsSource | undefined;
  readonly server: Server | undefined;
  readonly origins: WebSocketOptions['origins'];
  readonly headers: Readonly<Record<string, string>>;
}

// What a timer of Node and a limit of `ws` can hold; beyond it one fires at once, and the other is off.
const most = 2 ** 31 - 1;

/** Throws TypeError for invalid options. */
export function resolveWebSocketOptions(options: WebSocketOptions): ResolvedWebSocketOptions {
  checkNames('webSocket', options, ['path', 'tls', 'server', 'origins', 'headers', ...Object.keys(webSocketDefaults)]);
  const { path = '/_rpcx_', origins, server, headers = {} } = options;
  const tls = options.tls === undefined ? undefined : tlsSource(options.tls, { who: 'webSocket', parse: (given: TcpTlsOptions) => resolveTls('webSocket', given) });
  if (typeof path !== 'string' || !path.startsWith('/') || /[\s?#]/.test(path)) throw new TypeError(`webSocket: path is ${JSON.stringify(path)}: it begins with a slash and has no query, as '/_rpcx_'`);
  if (origins !== undefined && typeof origins !== 'function' && !Array.isArray(origins)) throw new TypeError("webSocket: origins takes a list, ['https://example.com'], or a function of the origin");
  for (const origin of Array.isArray(origins) ? origins : []) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) throw new TypeError(`webSocket: ${JSON.stringify(origin)} is no origin: write it as pages send it, 'https://example.com' or 'http://localhost:8080'`);
  }
  const amounts = { ...webSocketDefaults };
  for (const name of Object.keys(amounts) as Amount[]) {
    const given = options[name];
    if (given === undefined) continue;
    const least = name === 'pingMs' ? 0 : 1;
    if (!Number.isInteger(given) || given < least || given > most) throw new TypeError(`webSocket: ${name} is ${described(given)}: it takes a whole number from ${least} to ${most}`);
    amounts[name] = given;
  }
  if (server !== undefined && !(server instanceof NetServer)) throw new TypeError('webSocket: server takes what createServer of node:http or node:https returns, for an app of express createServer(app)');
  checkHeaders(headers);
  // As it stands in a request: the letters that a URL cannot hold are escaped.
  return { ...amounts, path: new URL(`http://any${path}`).pathname, tls, server, origins, headers };
}

function checkHeaders(headers: unknown): void {
  if (typeof headers !== 'object' || headers === null) throw new TypeError(`webSocket: headers is ${described(headers)}: it takes an object, { authorization: 'Bearer …' }`);
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value as string); // it looks for itself
    } catch (cause) {
      throw new TypeError(`webSocket: the header ${JSON.stringify(name)} cannot be sent: ${(cause as Error).message}`, { cause });
    }
  }
}
