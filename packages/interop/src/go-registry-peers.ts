import { buildGoRegistryPrograms } from './go-programs.ts';
import { LineProcess } from './line-process.ts';

/** A registry as the Go peers know it. */
export interface GoPlace {
  readonly kind: 'etcd' | 'etcd-single' | 'zookeeper' | 'consul' | 'redis' | 'mdns';
  /** `host:port`; empty for mDNS. */
  readonly registry: string;
  readonly base: string;
}

export interface GoProviderOptions extends GoPlace {
  /** What its method `Where.Who` answers. */
  readonly name: string;
  /** A query string. */
  readonly metadata?: string;
  /** Go's UpdateInterval in milliseconds. @default 1000 */
  readonly everyMs?: number;
  /** Where it listens. @default '127.0.0.1' */
  readonly host?: string;
}

/** A Go rpcx server that has registered itself; disposing deregisters it. */
export interface GoProvider extends AsyncDisposable {
  /** rpcx form. */
  readonly address: string;
  readonly process: LineProcess;
}

/** Resolves when it listens; Go writes its entry then, or an interval later. */
export async function startGoProvider({ kind, registry, base, name, metadata = '', everyMs = 1000, host = '127.0.0.1' }: GoProviderOptions): Promise<GoProvider> {
  const built = await buildGoRegistryPrograms();
  if (built.missing !== undefined) throw new Error(built.missing);
  return new Promise((resolve, reject) => {
    const args = ['-kind', kind, '-registry', registry, '-base', base, '-name', name, '-metadata', metadata, '-every', `${everyMs}ms`, '-host', host];
    const process: LineProcess = new LineProcess(built.provider, args, {
      line(value) {
        const { address } = value as { address: string }; // the one line that cmd/provider writes
        resolve({ address: `tcp@${address}`, process, [Symbol.asyncDispose]: () => process.stop() });
      },
      end: reject,
    });
  });
}

export interface GoConsumerOptions extends GoPlace {
  readonly group?: string;
  /** By rpcx's weighted round robin. @default round robin */
  readonly weighted?: boolean;
}

/** Who answered how many calls, and what the others said. */
export interface GoConsumerTally {
  readonly answers: Readonly<Record<string, number>>;
  readonly errors: readonly string[];
}

/** A Go rpcx client that finds the servers of `Where` by a registry. */
export class GoConsumer implements AsyncDisposable {
  readonly process: LineProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastId = 0;

  private constructor(program: string, { kind, registry, base, group = '', weighted = false }: GoConsumerOptions, ready: { resolve(): void; reject(error: Error): void }) {
    const args = ['-kind', kind, '-registry', registry, '-base', base, '-group', group, ...(weighted ? ['-weighted'] : [])];
    this.process = new LineProcess(program, args, {
      line: (value) => {
        const { id } = value as { id?: number }; // of cmd/consumer
        if (id === undefined) ready.resolve();
        else this.#waiting.get(id)?.resolve(value);
      },
      end: (error) => {
        ready.reject(error);
        for (const { reject } of this.#waiting.values()) reject(error);
      },
    });
    this[Symbol.asyncDispose] = () => this.process.stop();
  }

  /** Resolves when it has read the list. Some of Go's discoveries fail when there is none. */
  static async start(options: GoConsumerOptions): Promise<GoConsumer> {
    const built = await buildGoRegistryPrograms();
    if (built.missing !== undefined) throw new Error(built.missing);
    return new Promise((resolve, reject) => {
      const consumer: GoConsumer = new GoConsumer(built.consumer, options, { resolve: () => { resolve(consumer); }, reject });
    });
  }

  async calls(count: number): Promise<GoConsumerTally> {
    const { answers, errors } = (await this.#ask({ calls: count })) as GoConsumerTally; // of cmd/consumer
    return { answers, errors };
  }
  /** Addresses in rpcx form, and metadata as query strings. */
  async list(): Promise<Readonly<Record<string, string>>> {
    const { list } = (await this.#ask({ calls: 0 })) as { list: readonly { key: string; value: string }[] }; // of cmd/consumer
    return Object.fromEntries(list.map(({ key, value }) => [key, value]));
  }

  declare [Symbol.asyncDispose]: () => Promise<void>;

  #ask(command: object): Promise<unknown> {
    const id = (this.#lastId += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.process.write({ id, ...command });
    }).finally(() => this.#waiting.delete(id));
  }
}
