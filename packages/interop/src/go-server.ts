import { buildGoPrograms } from './go-programs.ts';
import { LineProcess } from './line-process.ts';

/** How the Go server is started. */
export interface GoServerOptions {
  /** @default 'tcp' */
  readonly network?: 'tcp' | 'unix' | 'http' | 'ws' | 'wss';
  /** `host:port` or the path of a socket. @default '127.0.0.1:0', a free port */
  readonly address?: string;
  /** The path that a server of network `http`, `ws` or `wss` answers on. @default '/_rpcx_' */
  readonly path?: string;
  /** PEM files; with them the server speaks TLS, and with `ca` it asks for a client certificate. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** The only token that is let in. */
  readonly token?: string;
  /** Error texts become `E42: text`, as a server with a `ServerErrorFunc` sends them. */
  readonly customErrors?: boolean;
  /** `WithReadTimeout`: a connection on which no frame begins for so long is ended, calls or not. */
  readonly readTimeoutMs?: number;
  /** `WithPool`: how many requests are served at once, heartbeats among them. */
  readonly workers?: number;
  /** `WithAsyncWrite`: each reply is written by a goroutine of its own. */
  readonly asyncWrite?: boolean;
}

/** A running Go rpcx server; its services are in `go/services`. */
export interface GoServer extends AsyncDisposable {
  /** rpcx form: `tcp@127.0.0.1:8972`. */
  readonly address: string;
  /** `host:port` or the path. */
  readonly host: string;
  readonly process: LineProcess;
}

/** Starts a Go rpcx server and waits until it listens. Fails when the Go peers cannot be built here. */
export async function startGoServer(options: GoServerOptions = {}): Promise<GoServer> {
  const built = await buildGoPrograms();
  if (built.missing !== undefined) throw new Error(built.missing);
  const network = options.network ?? 'tcp';
  return new Promise((resolve, reject) => {
    const process: LineProcess = new LineProcess(built.server, flagsOf(options, network), {
      line(value) {
        const { address: host } = value as { address: string }; // the one line that cmd/server writes
        resolve({ address: `${network}@${host}`, host, process, [Symbol.asyncDispose]: () => process.stop() });
      },
      end: reject,
    });
  });
}

function flagsOf(options: GoServerOptions, network: string): string[] {
  const { address, path, tls, token, customErrors, readTimeoutMs, workers, asyncWrite } = options;
  const flags = ['-network', network, '-address', address ?? '127.0.0.1:0'];
  if (path !== undefined) flags.push('-path', path);
  if (tls !== undefined) flags.push('-cert', tls.cert, '-key', tls.key);
  if (tls?.ca !== undefined) flags.push('-ca', tls.ca);
  if (token !== undefined) flags.push('-token', token);
  if (customErrors === true) flags.push('-custom-errors');
  if (readTimeoutMs !== undefined) flags.push('-read-timeout', `${readTimeoutMs}ms`);
  if (workers !== undefined) flags.push('-workers', String(workers));
  if (asyncWrite === true) flags.push('-async-write');
  return flags;
}
