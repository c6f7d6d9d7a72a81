import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { createClient, type Client, type LockedConnection } from '@rpcxjs/client';
import { RpcError } from '@rpcxjs/core';
import { WalkCalls } from './walk-calls.ts';
import { WalkGround } from './walk-ground.ts';
import { WalkJudgement } from './walk-judgement.ts';
import { chooseOptions, type WalkOptions } from './walk-options.ts';
import { WalkServers } from './walk-servers.ts';

/** How many calls a walk made, and what was wrong, with the seed in each line. */
export interface WalkEnd {
  readonly calls: number;
  readonly problems: readonly string[];
}

/**
 * A client with options, servers and a network that one seed chooses, and a hundred steps in which calls are made and things happen to all of them; then
 * the books are looked at. The same seed walks the same way. `steps` gets the story, for whoever has to find out.
 */
export async function walk(seed: number, steps?: string[]): Promise<WalkEnd> {
  const ground = new WalkGround(seed, steps);
  const servers = new WalkServers(ground);
  await servers.start();
  const options = chooseOptions(ground, servers);
  const client = createClient(options.client);
  const calls = new WalkCalls(ground, client, options.usualMs);
  const one = new Walk({ ground, servers, options, client, calls });
  await one.go();
  await one.end();
  await servers.end();
  if (ground.clock.pending > 0) ground.wrong(`${ground.clock.pending} timers are left`);
  new WalkJudgement(ground, servers, options).of(calls);
  return { calls: calls.all.length, problems: ground.problems.map((problem) => `seed ${seed}: ${problem}`) };
}

interface WalkParts {
  readonly ground: WalkGround;
  readonly servers: WalkServers;
  readonly options: WalkOptions;
  readonly client: Client;
  readonly calls: WalkCalls;
}

const graces = [0, 100, 5000];

class Walk {
  readonly #ground: WalkGround;
  readonly #servers: WalkServers;
  readonly #options: WalkOptions;
  readonly #client: Client;
  readonly #calls: WalkCalls;
  readonly #locks: LockedConnection[] = [];

  constructor({ ground, servers, options, client, calls }: WalkParts) {
    this.#ground = ground;
    this.#servers = servers;
    this.#options = options;
    this.#client = client;
    this.#calls = calls;
  }

  async go(): Promise<void> {
    const { dice, clock } = this.#ground;
    for (let steps = 20 + dice.int(80); steps > 0; steps -= 1) {
      const at = dice.next();
      if (at < 0.45) for (let more = 1 + (dice.chance(0.2) ? dice.int(12) : 0); more > 0; more -= 1) this.#calls.make();
      else if (at < 0.6) await this.#servers.change();
      else if (at < 0.75) this.#use();
      else await clock.advanceAsync(dice.one([0, 1, 10, 100, 1000, 6000]));
      if (dice.chance(0.5)) await turn();
      this.#checkSums();
    }
  }

  async end(): Promise<void> {
    const { dice, clock } = this.#ground;
    const how = dice.one(['close', 'close', 'abort', 'settle'] as const);
    const graceMs = dice.one(graces);
    this.#ground.note('end', how, graceMs);
    if (dice.chance(0.5)) this.#release();
    if (how === 'settle') await this.#settle();
    if (how === 'abort') this.#client.abort(new Error('stopped'));
    let closed = false;
    const closing = this.#client.close({ graceMs }).then(() => { closed = true; });
    void this.#calls.plain(this.#client, 'call');
    // Interceptors that hold calls, and plugins that stop, have their own second.
    await clock.advanceAsync(graceMs + 6000);
    if (closed) await closing;
    else this.#ground.wrong('close() has not ended');
    this.#checkEnd();
  }

  /** Something that a program does with its client beside calls. */
  #use(): void {
    const { dice } = this.#ground;
    const client = this.#client;
    const what = dice.one(['quarantine', 'closeConnections', 'ready', 'ping', 'lock', 'release', 'nodes', 'list', 'list', 'abort', 'abort', 'cancel', 'cancel', 'cancel'] as const);
    const address = `memory@${dice.one(this.#servers.names)}`;
    this.#ground.note('client', what);
    switch (what) {
      case 'quarantine': if (this.#options.client.health !== false) client.quarantine(address, dice.one([0, 100, 5000])); break;
      case 'closeConnections': this.#typed(client.closeConnections(dice.chance(0.5) ? address : undefined)); break;
      case 'ready': this.#typed(client.ready()); break;
      case 'ping': this.#typed(client.ping(address, { timeoutMs: 1 + dice.int(2000) })); break;
      case 'lock': this.#typed(this.#lock(address)); break;
      case 'release': this.#release(); break;
      case 'nodes': for (const { inFlight } of client.nodes()) if (inFlight < 0) this.#ground.wrong(`${inFlight} calls are in flight`); break;
      case 'list': this.#options.list.change(); break;
      case 'abort': this.#calls.abortOne(); break;
      case 'cancel': this.#calls.cancelOne(); break;
    }
  }

  async #lock(address: string): Promise<void> {
    const lock = await this.#client.lock(address);
    this.#locks.push(lock);
    await this.#calls.plain(lock, 'locked', { timeoutMs: 500 });
  }

  #release(): void {
    for (const lock of this.#locks.splice(0)) lock.release();
  }

  /** It may fail, with an error that says what it is. */
  #typed(work: Promise<unknown>): void {
    const watched = work.catch((error: unknown) => { if (!RpcError.is(error)) this.#ground.wrong(`something failed with ${String(error)}`); });
    this.#ground.background.push(watched);
  }

  #checkSums(): void {
    const { calls, succeeded, failed, active, queued } = this.#client.stats();
    if (calls !== succeeded + failed + active) this.#ground.wrong(`${calls} calls are not ${succeeded} + ${failed} + ${active}`);
    if (queued < 0 || queued !== this.#client.queuedCount) this.#ground.wrong(`${queued} or ${this.#client.queuedCount} calls are queued`);
  }

  /** Lets everything come to its end by itself. */
  async #settle(): Promise<void> {
    await this.#ground.clock.advanceAsync(40_000);
    for (const { id, verb, timeoutMs, ended } of this.#calls.all) if (ended === undefined && timeoutMs !== Infinity) this.#ground.wrong(`${id} ${verb} of ${timeoutMs} ms has not ended in 40 s`);
    if (this.#calls.all.every(({ timeoutMs }) => timeoutMs !== Infinity)) this.#checkIdle('when all is over');
  }

  #checkIdle(when: string): void {
    const { active, queued } = this.#client.stats();
    if (active + queued !== 0) this.#ground.wrong(`${active} calls are active and ${queued} queued ${when}`);
    if (this.#client.pendingCount !== 0) this.#ground.wrong(`${this.#client.pendingCount} calls are pending ${when}`);
    for (const { address, inFlight } of this.#client.nodes()) if (inFlight !== 0) this.#ground.wrong(`${inFlight} calls are in flight to ${address} ${when}`);
    if (this.#options.picks.open.size > 0) this.#ground.wrong(`the selector was not told of ${this.#options.picks.open.size} ends ${when}`);
  }

  #checkEnd(): void {
    this.#checkSums();
    this.#checkIdle('after close()');
    for (const { id, verb, ended, handle } of this.#calls.all) if (ended === undefined) this.#ground.wrong(`${id} ${verb} has never ended (${handle?.state})`);
    if (this.#client.stats().connections !== 0) this.#ground.wrong('connections are left');
    if (this.#calls.openBatches > 0) this.#ground.wrong('a batch has never ended');
    if (this.#options.list.watchers > 0) this.#ground.wrong('the list is still watched');
    for (const signal of this.#calls.signals) if (getEventListeners(signal, 'abort').length > 0) this.#ground.wrong('a listener is left on a signal');
  }
}
