import { EventEmitter } from 'node:events';
import { Agent as HttpAgent, type IncomingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import Consul from 'consul';
import { onAbort, RpcError } from '@rpcxjs/core';
import { registryError } from '@rpcxjs/registry-kit';
import { bodyOf, consulError, NotConsul, statusOf } from './consul-error.ts';
import type { ResolvedConsulOptions } from './consul-options.ts';

/** One step of a transaction, as the HTTP API has it. */
export interface Step {
  readonly Verb: 'get' | 'get-tree' | 'lock' | 'unlock' | 'cas' | 'delete' | 'check-index' | 'check-session';
  readonly Key: string;
  /** Base64. */
  readonly Value?: string;
  readonly Session?: string;
  readonly Index?: number;
  readonly Flags?: typeof lockFlag;
}

/** One key, as Consul says it. */
export interface Pair {
  readonly Key: string;
  /** Base64. */
  readonly Value: string | null;
  readonly ModifyIndex: number;
  /** Who holds the lock. */
  readonly Session?: string;
}

/** What all steps came to, or what one of them failed of. */
export type Outcome = { readonly pairs: readonly Pair[] } | { readonly failed: string };

/** `LockFlagValue` of Consul's Go client, which libkv puts on each key; above what a JavaScript number holds. */
export const lockFlag = '3304740253564472344';

/** By default an agent takes 200 connections from one host, all its processes together, and cuts further ones. Requests beyond this number wait a moment. */
const mostConnections = 64;

/** What the library takes but its types do not say: how it writes JSON, and what cancels a request. */
type Given = NonNullable<ConstructorParameters<typeof Consul>[0]> & { readonly encoders: Readonly<Record<string, (value: unknown) => Buffer>> };
/** The library takes nothing but an emitter to cancel a request. */
interface Cancelable {
  readonly ctx: EventEmitter;
}
type WithReply = readonly [{ readonly statusCode: number; readonly headers: IncomingHttpHeaders }, unknown];

/** The library, so that a request ends with its signal and leaves no socket behind; what fails is an RpcError. */
export class ConsulClient {
  readonly #library: Consul;
  readonly #agent: HttpAgent;
  readonly #where: string;
  readonly #closed = new AbortController();

  constructor({ host, port, where, tls, token, datacenter }: ResolvedConsulOptions) {
    this.#where = where;
    // The library asks for an IPv6 address with its brackets, as it is in a URL; the agent's host is the one that is dialled.
    const settings = { keepAlive: true, maxSockets: mostConnections, host };
    this.#agent = tls === undefined ? new HttpAgent(settings) : new HttpsAgent({ ...settings, ...tls });
    const given: Given = {
      host: host.includes(':') ? `[${host}]` : host,
      port,
      secure: tls !== undefined,
      agent: this.#agent,
      defaults: { ...(token !== undefined && { token }), ...(datacenter !== undefined && { dc: datacenter }) },
      encoders: { 'application/json': writeJson },
    };
    this.#library = new Consul(given);
  }

  /** Aborts when it was closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** All steps or none. */
  async transact(what: string, signal: AbortSignal, steps: readonly Step[]): Promise<Outcome> {
    const said: unknown = await this.#ask(what, signal, async (cancel) => {
      try {
        // The library's types know neither these operations nor the options.
        return await this.#library.transaction.create(steps.map((KV) => ({ KV })) as never, cancel as never);
      } catch (error) {
        // A step that failed is an answer.
        if (statusOf(error) === 409) return bodyOf(error);
        throw error;
      }
    });
    return readOutcome(said) ?? this.#fail(what);
  }

  /** Every key that begins with `prefix`, when that has another index than the one given, or after `waitMs`. */
  async query(prefix: string, signal: AbortSignal, { index, waitMs }: { readonly index: string; readonly waitMs: number }): Promise<{ readonly pairs: readonly Pair[]; readonly index: string }> {
    const what = `watch ${prefix}`;
    const said: unknown = await this.#ask(what, signal, ({ ctx }) => {
      const options = { key: prefix, recurse: true, index, wait: `${waitMs}ms`, buffer: true, ctx: Object.assign(ctx, { includeResponse: true }) };
      return this.#library.kv.get(options);
    });
    const [reply, found] = said as WithReply; // `includeResponse` asks for both
    const next = reply.headers['x-consul-index'];
    if (typeof next !== 'string' || !/^\d+$/.test(next)) return this.#fail(what);
    // The library has decoded the values to Buffers already.
    const pairs = Array.isArray(found) ? found.filter(isPairLike).map((pair) => ({ ...pair, Value: Buffer.isBuffer(pair.Value) ? pair.Value.toString('base64') : null })) : [];
    return { pairs, index: next };
  }

  /** Creates a session whose keys are deleted with it. It depends on no health check of the node. */
  async createSession(signal: AbortSignal, ttlMs: number): Promise<string> {
    const what = 'open a session';
    const said: unknown = await this.#ask(what, signal, (cancel) => this.#library.session.create({ name: 'rpcx', behavior: 'delete', lockdelay: '0s', checks: [], ttl: `${ttlMs}ms`, ...cancel }));
    return typeof said === 'object' && said !== null && 'ID' in said && typeof said.ID === 'string' ? said.ID : this.#fail(what);
  }

  /** False when there is no such session any more. */
  async renewSession(signal: AbortSignal, id: string): Promise<boolean> {
    return this.#ask('renew its session', signal, async (cancel) => {
      try {
        await this.#library.session.renew({ id, ...cancel });
        return true;
      } catch (error) {
        if (statusOf(error) === 404) return false;
        throw error;
      }
    });
  }

  async destroySession(signal: AbortSignal, id: string): Promise<void> {
    await this.#ask('end its session', signal, (cancel) => this.#library.session.destroy({ id, ...cancel }));
  }

  late(what: string, ms: number): RpcError {
    return registryError({ name: 'consul', where: this.#where, what, cause: `no answer within ${ms} ms`, hint: 'does Consul run there and not something else, and can this machine reach it?' });
  }

  /** Breaks every connection. */
  close(): void {
    this.#closed.abort(this.closedError());
    this.#agent.destroy();
  }
  closedError(): RpcError {
    return new RpcError('failed_precondition', `the connection to consul at ${this.#where} was closed; make a new one`, { reason: 'CLOSED', sent: false });
  }

  async #ask<T>(what: string, signal: AbortSignal, work: (cancel: Cancelable) => Promise<T>): Promise<T> {
    this.closed.throwIfAborted();
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const ctx = new EventEmitter();
      let over = false;
      const end = (settle: () => void): void => {
        if (over) return;
        over = true;
        for (const unlink of unlinks) unlink();
        settle();
      };
      const stop = (reason: unknown): void => end(() => {
        reject(reason);
        ctx.emit('cancel');
      });
      const unlinks: (() => void)[] = [];
      unlinks.push(onAbort(this.closed, stop), onAbort(signal, stop));
      work({ ctx }).then((value) => end(() => resolve(value)), (error: unknown) => end(() => reject(consulError(this.#where, what, error))));
    });
  }

  #fail(what: string): never {
    throw consulError(this.#where, what, new NotConsul('its answer is none of Consul'));
  }
}

/** A flag is a number of 64 bits. Within a text its quotes would be escaped. */
function writeJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value).replaceAll(`"Flags":"${lockFlag}"`, `"Flags":${lockFlag}`));
}

function readOutcome(said: unknown): Outcome | undefined {
  if (typeof said !== 'object' || said === null || !('Results' in said) || !('Errors' in said)) return undefined;
  const { Results: results, Errors: errors } = said;
  if (Array.isArray(errors) && errors.length > 0) return { failed: errors.map((error: { readonly What?: unknown } | null) => String(error?.What)).join(', ') };
  const pairs = (Array.isArray(results) ? results : []).map((result: { readonly KV?: unknown } | null) => result?.KV);
  return { pairs: pairs.filter(isPairLike).map((pair) => ({ ...pair, Value: typeof pair.Value === 'string' ? pair.Value : null })) };
}

function isPairLike(pair: unknown): pair is Omit<Pair, 'Value'> & { readonly Value: unknown } {
  return typeof pair === 'object' && pair !== null && 'Key' in pair && typeof pair.Key === 'string' && 'ModifyIndex' in pair && typeof pair.ModifyIndex === 'number' && 'Value' in pair;
}
