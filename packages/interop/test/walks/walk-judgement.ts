import { RpcError } from '@rpcxjs/core';
import { receiptsOf, type WalkCall, type WalkCalls } from './walk-calls.ts';
import type { WalkGround } from './walk-ground.ts';
import { ownWords } from './walk-interceptors.ts';
import type { WalkOptions } from './walk-options.ts';
import type { WalkServers } from './walk-servers.ts';

const codes: ReadonlySet<string> = new Set([
  'canceled', 'unknown', 'invalid_argument', 'deadline_exceeded', 'not_found', 'already_exists', 'permission_denied', 'resource_exhausted', 'failed_precondition',
  'aborted', 'out_of_range', 'unimplemented', 'internal', 'unavailable', 'data_loss', 'unauthenticated',
]);

/** Compares what the callers were told with what was written and what the servers ran. */
export class WalkJudgement {
  readonly #ground: WalkGround;
  readonly #servers: WalkServers;
  readonly #options: WalkOptions;

  constructor(ground: WalkGround, servers: WalkServers, options: WalkOptions) {
    this.#ground = ground;
    this.#servers = servers;
    this.#options = options;
  }

  of({ all }: WalkCalls): void {
    for (const call of all) {
      if (call.ended === undefined) continue; // said already
      if ('error' in call.ended) this.#failed(call, call.ended.error, call.ended.at - call.begunAt);
      else this.#succeeded(call, call.ended.value, call.ended.at - call.begunAt);
      this.#receipts(call);
    }
    if (this.#options.mayRunTwice) return;
    for (const { id, verb, method } of all) {
      const runs = this.#servers.runs.get(id) ?? 0;
      if (method === 'Do' && !toAll.has(verb) && runs > 1) this.#ground.wrong(`${id} ${verb} is not idempotent, and was run ${runs} times`);
    }
  }

  #succeeded({ id, verb, timeoutMs }: WalkCall, value: unknown, tookMs: number): void {
    if (tookMs > timeoutMs + 40) this.#ground.wrong(`${id} ${verb} succeeded after ${tookMs} of ${timeoutMs} ms`);
    if (answers.has(verb) && value !== id) this.#ground.wrong(`${id} ${verb} got ${JSON.stringify(value)}`);
  }

  #receipts(call: WalkCall): void {
    for (const { address, error, value } of receiptsOf(call)) {
      if (error === undefined ? value !== call.id : !RpcError.is(error)) this.#ground.wrong(`${call.id} has a receipt of ${address} with ${String(error ?? value)}`);
      const written = this.#servers.written.get(call.id)?.has(address.slice('memory@'.length)) === true;
      if (RpcError.is(error) && !error.sent && written && !this.#options.passesTwice) this.#ground.wrong(`${call.id} was written to ${address}, whose receipt says that it was not: ${error.message}`);
    }
  }

  #failed(call: WalkCall, error: unknown, tookMs: number): void {
    const { id, verb, timeoutMs } = call;
    const wrong = (what: string): void => this.#ground.wrong(`${id} ${verb} ${what}: ${String(error)}`);
    if (!RpcError.is(error)) return wrong('failed with something that is no RpcError');
    const { code, reason, message, remote, sent } = error;
    const written = this.#servers.written.get(id);
    if (!codes.has(code)) wrong(`failed with the code ${code}`);
    if (/undefined|NaN|\[object/.test(message)) wrong('has an odd message');
    if (!sent && written !== undefined && !ownWords.test(message)) wrong(`says that it was not sent, and was written to ${[...written].join(', ')}`);
    if (remote && written === undefined) wrong('has an error of a server that it was never written to');
    if (tookMs > timeoutMs + 60 && !message.includes('closed')) wrong(`failed after ${tookMs} of ${timeoutMs} ms`);
    if (reason === 'TIMEOUT' && !remote && tookMs < timeoutMs - 1 && verb !== 'locked') wrong(`has timed out after ${tookMs} of ${timeoutMs} ms`);
    if (reason === 'ABORTED') this.#aborted(call, error);
    if (call.replies > 0 && !this.#options.intercepted) wrong('failed, and onReply was told of its reply');
  }

  #aborted({ id, cancelled, signal }: WalkCall, { message, cause }: RpcError): void {
    const byRival = /no longer waited|answered first|failed:/.test(`${message} ${String(cause)}`);
    if (cancelled !== true && signal?.aborted !== true && !byRival) this.#ground.wrong(`${id} was cancelled, and nobody did it: ${message}`);
  }
}

const toAll: ReadonlySet<string> = new Set(['broadcast', 'inform', 'fork']);
const answers: ReadonlySet<string> = new Set(['call', 'typed', 'start', 'batched', 'locked', 'fork']);
