import type { GoTally } from './go-client.ts';
import { buildGoKcpPrograms } from './go-programs.ts';
import { LineProcess } from './line-process.ts';

/** How a Go peer speaks KCP. Its key is derived from `rpcx-key` and `rpcx-salt`, as in the rpcx example. */
export interface GoKcpOptions {
  /** kcp-go's name. @default 'aes-256' */
  readonly cipher?: string;
  readonly password?: string;
  /** Acknowledges without delay and in stream mode, as the rpcx example does. */
  readonly tuned?: boolean;
  /** kcp-go's fastest settings, and windows of 1024 segments. */
  readonly fast?: boolean;
}

/** A running Go rpcx server over KCP, with Arith.Mul and Bytes.Echo. */
export interface GoKcpServer extends AsyncDisposable {
  /** rpcx form: `kcp@127.0.0.1:8972`. */
  readonly address: string;
  readonly process: LineProcess;
}

/** Starts a Go rpcx server over KCP and waits until it listens; without an address on a free port. */
export async function startGoKcpServer(options: GoKcpOptions = {}, address = 'kcp@127.0.0.1:0'): Promise<GoKcpServer> {
  const built = await buildGoKcpPrograms();
  if (built.missing !== undefined) throw new Error(built.missing);
  return new Promise((resolve, reject) => {
    const process: LineProcess = new LineProcess(built.server, ['-address', address.slice(address.indexOf('@') + 1), ...flagsOf(options)], {
      line(value) {
        const { address: host } = value as { address: string }; // the one line that cmd/server writes
        resolve({ address: `kcp@${host}`, process, [Symbol.asyncDispose]: () => process.stop() });
      },
      end: reject,
    });
  });
}

function flagsOf({ cipher = 'aes-256', password = 'rpcx-key', tuned = false, fast = false }: GoKcpOptions): string[] {
  return ['-cipher', cipher, '-password', password, `-tuned=${tuned}`, `-fast=${fast}`];
}

export interface GoKcpClientOptions extends GoKcpOptions {
  /** rpcx form. */
  readonly address: string;
  /** Go duration. @default none are sent */
  readonly heartbeat?: string;
}

/** With how many lost segments kcp-go made again from parity since the process began. */
export interface GoKcpTally extends GoTally {
  readonly recovered: number;
}

/** A Go rpcx client with two connections over KCP: one for calls in MessagePack, one for bytes. */
export class GoKcpClient implements AsyncDisposable {
  readonly process: LineProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastId = 0;

  private constructor(program: string, { address, heartbeat = '0s', ...options }: GoKcpClientOptions, ready: { resolve(): void; reject(error: Error): void }) {
    this.process = new LineProcess(program, ['-address', address.slice(address.indexOf('@') + 1), '-heartbeat', heartbeat, ...flagsOf(options)], {
      line: (value) => {
        const { id } = value as { id?: number }; // of cmd/client
        if (id === undefined) ready.resolve();
        else this.#waiting.get(id)?.resolve(value);
      },
      end: (error) => {
        ready.reject(error);
        for (const { reject } of this.#waiting.values()) reject(error);
      },
    });
    this[Symbol.asyncDispose] = (): Promise<void> => this.process.stop();
  }

  /** Resolves when it has made its sockets; KCP asks nobody. */
  static async start(options: GoKcpClientOptions): Promise<GoKcpClient> {
    const built = await buildGoKcpPrograms();
    if (built.missing !== undefined) throw new Error(built.missing);
    return new Promise((resolve, reject) => {
      const client: GoKcpClient = new GoKcpClient(built.client, options, { resolve: () => { resolve(client); }, reject });
    });
  }

  /** Calls of Arith.Mul, each with other numbers, each answer checked. */
  many(calls: number, concurrent: number): Promise<GoKcpTally> {
    return this.#ask<GoKcpTally>({ calls, concurrent });
  }

  /** One call of Bytes.Echo. */
  echo(bytes: number): Promise<{ readonly same?: boolean; readonly error?: string }> {
    return this.#ask({ echo: bytes });
  }

  declare [Symbol.asyncDispose]: () => Promise<void>;

  #ask<T>(command: object): Promise<T> {
    const id = (this.#lastId += 1);
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.process.write({ id, ...command });
    }).finally(() => this.#waiting.delete(id)) as Promise<T>; // what cmd/client answers to the command
  }
}
