import type { GoTally } from './go-client.ts';
import { buildGoQuicPrograms } from './go-programs.ts';
import { LineProcess } from './line-process.ts';

/** A running Go rpcx server over QUIC, with Arith.Mul and Bytes.Echo. */
export interface GoQuicServer extends AsyncDisposable {
  /** rpcx form: `quic@127.0.0.1:8972`. */
  readonly address: string;
  readonly process: LineProcess;
}

export interface GoQuicServerOptions {
  /** PEM files; with `ca` it asks for a client certificate. */
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  /** `host:port`. @default '127.0.0.1:0', a free port */
  readonly address?: string;
}

/** Starts a Go rpcx server over QUIC and waits until it listens. */
export async function startGoQuicServer({ cert, key, ca = '', address = '127.0.0.1:0' }: GoQuicServerOptions): Promise<GoQuicServer> {
  const built = await buildGoQuicPrograms();
  if (built.missing !== undefined) throw new Error(built.missing);
  return new Promise((resolve, reject) => {
    const process: LineProcess = new LineProcess(built.server, ['-address', address, '-cert', cert, '-key', key, '-ca', ca], {
      line(value) {
        const { address: host } = value as { address: string }; // the one line that cmd/server writes
        resolve({ address: `quic@${host}`, process, [Symbol.asyncDispose]: () => process.stop() });
      },
      end: reject,
    });
  });
}

export interface GoQuicClientOptions {
  /** rpcx form. */
  readonly address: string;
  /** PEM files. Without `ca` it trusts whoever answers. */
  readonly ca?: string;
  /** The name that the server's certificate must have. @default 'localhost' */
  readonly name?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A Go rpcx client with two connections over QUIC: one for calls in MessagePack, one for bytes. */
export class GoQuicClient implements AsyncDisposable {
  readonly process: LineProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastId = 0;

  private constructor(program: string, { address, ca = '', name = 'localhost', cert = '', key = '' }: GoQuicClientOptions, ready: { resolve(): void; reject(error: Error): void }) {
    const args = ['-address', address.slice(address.indexOf('@') + 1), '-ca', ca, '-name', name, '-cert', cert, '-key', key];
    this.process = new LineProcess(program, args, {
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

  /** Resolves when both are connected. */
  static async start(options: GoQuicClientOptions): Promise<GoQuicClient> {
    const built = await buildGoQuicPrograms();
    if (built.missing !== undefined) throw new Error(built.missing);
    return new Promise((resolve, reject) => {
      const client: GoQuicClient = new GoQuicClient(built.client, options, { resolve: () => { resolve(client); }, reject });
    });
  }

  /** Calls of Arith.Mul, each with other numbers, each answer checked. */
  many(calls: number, concurrent: number): Promise<GoTally> {
    return this.#ask<GoTally>({ calls, concurrent });
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
