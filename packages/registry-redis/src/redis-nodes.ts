import { RpcError, thrownText, type Clock } from '@rpcxjs/core';
import { registryError, timeLimit } from '@rpcxjs/registry-kit';
import { redisError } from './redis-error.ts';
import { RedisLink } from './redis-link.ts';
import { formatNode, type RedisCredentials, type RedisNode, type ResolvedRedisOptions } from './redis-options.ts';

/** A server that answers as it should. */
export interface FoundServer {
  readonly link: RedisLink;
  readonly runId: string | undefined;
  readonly isReplica: boolean;
}
/** What is needed to find a server. */
export interface RedisNodesInit {
  readonly options: ResolvedRedisOptions;
  readonly clock: Clock;
  /** Milliseconds for an operation; connecting is a part of it. */
  readonly timeoutMs: number;
}

const partForDialling = 0.8;

/** The servers that the user named, and which of them to talk to: the first master that answers, else a replica. */
export class RedisNodes {
  readonly #init: RedisNodesInit;
  /** The index of the node that answered last. */
  #first = 0;

  constructor(init: RedisNodesInit) {
    this.#init = init;
  }

  /** Finds a server, in less time than an operation has. Rejects with RpcError, or the signal's reason. */
  async dial(signal: AbortSignal): Promise<FoundServer> {
    const { nodes, sentinel } = this.#init.options;
    const errors: unknown[] = [];
    let replica: FoundServer | undefined;
    for (let i = 0; i < nodes.length; i++) {
      const index = (this.#first + i) % nodes.length;
      const node = nodes[index];
      if (node === undefined) break;
      try {
        const found = sentinel === undefined ? await this.#serverAt(node, signal) : await this.#masterBy(node, sentinel, signal);
        if (found.isReplica && replica !== undefined) {
          found.link.destroy();
          continue;
        }
        this.#first = index;
        replica?.link.destroy();
        if (!found.isReplica) return found;
        replica = found;
      } catch (error) {
        if (signal.aborted) {
          replica?.link.destroy();
          throw error;
        }
        errors.push(error);
      }
    }
    if (replica !== undefined) return replica;
    throw this.#noneOf(nodes, errors);
  }

  async #serverAt(node: RedisNode, signal: AbortSignal): Promise<FoundServer> {
    const { options } = this.#init;
    return this.#with(node, options, signal, async (link, inner) => {
      await link.select(options.database, inner);
      const { runId, role, loading, mode } = await link.info(inner);
      if (loading) throw redisError({ where: link.where, what: 'be used', cause: new Error('LOADING Redis is loading the dataset in memory') });
      if (mode === 'cluster') throw redisError({ where: link.where, what: 'be used', cause: new Error('redis_mode:cluster') });
      return { link, runId, isReplica: role === 'slave' };
    });
  }

  async #masterBy(node: RedisNode, sentinel: RedisCredentials & { readonly name: string }, signal: AbortSignal): Promise<FoundServer> {
    const { name } = sentinel;
    const what = `tell where the master "${name}" is`;
    const address = await this.#with(node, sentinel, signal, async (link, inner) => {
      try {
        return await link.ask(what, inner, (client) => client.call('SENTINEL', 'get-master-addr-by-name', name));
      } finally {
        link.destroy();
      }
    });
    const [host, port] = Array.isArray(address) ? address.map(String) : [];
    const where = formatNode(node);
    if (host === undefined) throw registryError({ name: 'redis', where, what, cause: new Error('it knows no master of this name'), hint: 'write the name as in `sentinel monitor`', code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED' });
    const found = await this.#serverAt({ host, port: Number(port) }, signal);
    if (!found.isReplica) return found;
    found.link.destroy();
    throw redisError({ where: found.link.where, what: 'be used', cause: new Error(`READONLY the Sentinel at ${where} calls it the master, and it says that it is a replica`) });
  }

  /** Opens a link for `work`, and closes it if that fails. */
  async #with<T>(node: RedisNode, { username, password }: RedisCredentials, outer: AbortSignal, work: (link: RedisLink, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, timeoutMs, options } = this.#init;
    const { nodes, sentinel, tls } = options;
    const ms = Math.ceil((timeoutMs * partForDialling) / (nodes.length + (sentinel === undefined ? 0 : 1)));
    const where = formatNode(node);
    const silent = (): Error => registryError({ name: 'redis', where, what: 'be reached', cause: new Error(`no answer within ${ms} ms`), hint: `is it a Redis${tls === undefined ? ' without TLS' : ' with TLS'}, is it frozen, or does a firewall drop the packets?` });
    const limit = timeLimit({ clock, ms, outer, late: silent });
    let link: RedisLink | undefined;
    try {
      link = await RedisLink.open({ node, username, password, tls, clock, timeoutMs, leavesReplica: nodes.length > 1 || sentinel !== undefined }, limit.signal);
      return await work(link, limit.signal);
    } catch (error) {
      link?.destroy();
      throw error;
    } finally {
      limit.end();
    }
  }

  #noneOf(nodes: readonly RedisNode[], errors: readonly unknown[]): unknown {
    const [first] = errors;
    if (errors.length === 1) return first;
    // A refusal, or another program at the address, does not go away by waiting.
    const worst = errors.find((error) => RpcError.is(error) && error.code !== 'unavailable') ?? first;
    const said = errors.map(thrownText).join(' | ');
    const { code, reason } = RpcError.is(worst) ? worst : {};
    return registryError({ name: 'redis', where: nodes.map(formatNode).join(','), what: 'be reached', cause: new Error(said), hint: 'one of them must answer', ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) });
  }
}
