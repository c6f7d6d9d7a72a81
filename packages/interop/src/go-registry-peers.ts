import { Dialogue, type GoListener, startListener } from './dialogue.ts';
import { buildGoRegistryPrograms } from './go-programs.ts';

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

/** Starts a Go rpcx server that registers itself; disposing deregisters it. Resolves when it listens; Go writes its entry then, or an interval later. */
export async function startGoProvider({ kind, registry, base, name, metadata = '', everyMs = 1000, host = '127.0.0.1' }: GoProviderOptions): Promise<GoListener> {
  const built = await buildGoRegistryPrograms();
  if (built.missing !== undefined) throw new Error(built.missing);
  const args = ['-kind', kind, '-registry', registry, '-base', base, '-name', name, '-metadata', metadata, '-every', `${everyMs}ms`, '-host', host];
  return startListener(built.provider, args, 'tcp');
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
  readonly #dialogue: Dialogue;

  private constructor(dialogue: Dialogue) {
    this.#dialogue = dialogue;
    this[Symbol.asyncDispose] = (): Promise<void> => dialogue[Symbol.asyncDispose]();
  }

  /** Resolves when it has read the list. Some of Go's discoveries fail when there is none. */
  static async start({ kind, registry, base, group = '', weighted = false }: GoConsumerOptions): Promise<GoConsumer> {
    const built = await buildGoRegistryPrograms();
    if (built.missing !== undefined) throw new Error(built.missing);
    const args = ['-kind', kind, '-registry', registry, '-base', base, '-group', group, ...(weighted ? ['-weighted'] : [])];
    return new GoConsumer(await Dialogue.start(built.consumer, args));
  }

  async calls(count: number): Promise<GoConsumerTally> {
    const { answers, errors } = await this.#dialogue.ask<GoConsumerTally>({ calls: count });
    return { answers, errors };
  }
  /** Addresses in rpcx form, and metadata as query strings. */
  async list(): Promise<Readonly<Record<string, string>>> {
    const { list } = await this.#dialogue.ask<{ list: readonly { key: string; value: string }[] }>({ calls: 0 });
    return Object.fromEntries(list.map(({ key, value }) => [key, value]));
  }

  declare [Symbol.asyncDispose]: () => Promise<void>;
}
