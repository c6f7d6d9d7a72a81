import { askLine } from './ask.ts';
import { findProgram, freePort, startServer, type RegistryServer } from './server-process.ts';

export interface RedisSettings {
  /** More of its command line: `['--requirepass', 'secret']`. */
  readonly args?: readonly string[];
  /** It speaks TLS only, with certificates in `args`. */
  readonly tls?: boolean;
}

export function findRedis(): string | undefined {
  return findProgram('redis-server');
}

/** Data are kept over a restart. */
export async function startRedis({ args = [], tls = false }: RedisSettings = {}): Promise<RegistryServer> {
  const port = await freePort();
  return startServer(port, {
    name: 'redis',
    file: findRedis() ?? 'redis-server',
    args: (folder) => ['--bind', '127.0.0.1', ...(tls ? ['--port', '0', '--tls-port', `${port}`] : ['--port', `${port}`]), '--dir', folder, '--save', '', '--appendonly', 'yes', ...args],
    // A TLS server drops a plain line, so it is enough that it listens; a password is asked for by an answer.
    answers: () => (tls ? askLine(port, 'PING\r\n').catch((error: unknown) => !String(error).includes('ECONNREFUSED')).then(Boolean) : askLine(port, 'PING\r\n').then((answer) => /^(\+PONG|-NOAUTH)/.test(answer))),
  });
}
