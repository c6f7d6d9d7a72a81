import { buildGoPrograms } from './go-programs.ts';
import { LineProcess } from './line-process.ts';

/** How a Go client connects. Fields left out have Go's defaults; `network` and `address` are those of the server. */
export interface GoConnectOptions {
  /** rpcx form, `tcp@127.0.0.1:8972`; several of them need mode xclient. */
  readonly servers: readonly string[];
  /** `client` is one connection of client.Client; `xclient` one XClient a service, which knows tokens, deadlines and fail modes. @default 'client' */
  readonly mode?: 'client' | 'xclient';
  readonly failMode?: 'failfast' | 'failtry' | 'failover' | 'failbackup';
  /** Serialize type: 0 bytes, 1 JSON, 2 protobuf, 3 msgpack, 9 reversed JSON. @default 3 */
  readonly serialize?: number;
  /** 1 for gzip. Go's gzip mixes up the bytes of concurrent calls: one call at a time. */
  readonly compress?: number;
  readonly token?: string;
  readonly heartbeatMs?: number;
  readonly maxWaitHeartbeatMs?: number;
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string; readonly serverName?: string };
  /** The path of the CONNECT of network `http`. @default '/_rpcx_' */
  readonly path?: string;
  /** Maps service errors with a ClientErrorFunc: `mapped(x-error-kind): text`. Holds for the whole process. */
  readonly customErrors?: boolean;
}

/** One call by Go. `shape` and `reply` are names of Go types, listed in `go/cmd/client/shapes.go`. */
export interface GoCallOptions {
  readonly shape: string;
  readonly args?: unknown;
  /** Hex: the payload itself for shape `bytes`, msgpack of the value for others (the only way to name NaN). */
  readonly argsHex?: string;
  readonly reply?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly oneway?: boolean;
}

/** What Go got: the value as JSON, in words, or as hex when it is bytes; and Go's error text. */
export interface GoAnswer {
  readonly value?: unknown;
  readonly sees?: string;
  readonly hex?: string;
  readonly error?: string;
  readonly serviceError?: boolean;
  readonly metadata?: Readonly<Record<string, string>> | null;
}

export interface GoRawMessage {
  readonly seq?: bigint;
  readonly serialize?: number;
  readonly compress?: number;
  readonly oneway?: boolean;
  readonly heartbeat?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly argsHex?: string;
  readonly timeoutMs?: number;
}

export interface GoPush {
  readonly service: string;
  readonly method: string;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly hex: string;
  readonly seq: string;
  readonly serialize: number;
  readonly oneway: boolean;
  readonly status: number;
}

/** How many of a Go client's calls went wrong, and how the first one did. */
export interface GoTally {
  readonly calls: number;
  readonly failed: number;
  readonly firstError: string | null;
  readonly ms?: number;
}

/** A running Go process whose rpcx clients a test drives. */
export class GoClient implements AsyncDisposable {
  readonly process: LineProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastId = 0;
  #connections = 0;

  constructor(program: string) {
    this.process = new LineProcess(program, [], {
      line: (value) => {
        const { id } = value as { id: number }; // each line of cmd/client has it
        this.#waiting.get(id)?.resolve(value);
        this.#waiting.delete(id);
      },
      end: (error) => { for (const { reject } of this.#waiting.values()) reject(error); },
    });
    this[Symbol.asyncDispose] = (): Promise<void> => this.process.stop();
  }

  /** Sends one command of `go/cmd/client` and waits for its answer. */
  command<T>(op: string, fields: object): Promise<T> {
    const id = ++this.#lastId;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.process.write({ id, op, ...fields });
    });
  }

  async connect({ servers, tls, serialize = 3, ...rest }: GoConnectOptions): Promise<GoConnection> {
    const conn = `c${++this.#connections}`;
    const [first = ''] = servers;
    const at = first.indexOf('@');
    const fields = { conn, network: first.slice(0, at), address: first.slice(at + 1), servers, serialize, ...rest, ...tls };
    const { error } = await this.command<{ error?: string }>('connect', fields);
    if (error !== undefined) throw new Error(`the Go client could not connect to ${servers.join(', ')}: ${error}`);
    return new GoConnection(this, conn);
  }

  declare [Symbol.asyncDispose]: () => Promise<void>;
}

/** One client of a Go process. Errors of calls are part of the answer, in Go's words. */
export class GoConnection {
  readonly #client: GoClient;
  readonly #conn: string;

  constructor(client: GoClient, conn: string) {
    this.#client = client;
    this.#conn = conn;
  }

  call(service: string, method: string, options: GoCallOptions): Promise<GoAnswer> {
    return this.#send('call', { service, method, ...options });
  }

  raw(service: string, method: string, { seq = 0n, ...message }: GoRawMessage): Promise<GoAnswer> {
    return this.#send('raw', { service, method, seq: String(seq), ...message });
  }

  /** Calls of Arith.Mul, each with other numbers, each answer checked. */
  many(calls: number, concurrent: number): Promise<GoTally> {
    return this.#send('many', { calls, concurrent });
  }

  /** Keeps calls of `service`.Sleep in flight for `sleepMs`, while this connection's heartbeats go on. */
  survive(service: string, concurrent: number, sleepMs: number): Promise<GoTally> {
    return this.#send('survive', { service, concurrent, sleepMs: Math.floor(sleepMs) });
  }

  heartbeat(timeoutMs = 5000): Promise<{ readonly echoed?: boolean; readonly error?: string }> {
    return this.#send('heartbeat', { timeoutMs });
  }

  /** Waits for `count` messages, then `quietMs` for more; all that came since the last time. */
  async pushes(count: number, quietMs = 0): Promise<readonly GoPush[]> {
    const { messages } = await this.#send<{ messages: readonly GoPush[] }>('pushes', { count, sleepMs: quietMs });
    return messages;
  }

  async close(): Promise<void> {
    await this.#send('close', {});
  }

  #send<T>(op: string, fields: object): Promise<T> {
    return this.#client.command<T>(op, { conn: this.#conn, ...fields });
  }
}

/** Starts a Go process that makes rpcx calls on command. Fails when the Go peers cannot be built here. */
export async function startGoClient(): Promise<GoClient> {
  const built = await buildGoPrograms();
  if (built.missing !== undefined) throw new Error(built.missing);
  return new GoClient(built.client);
}
