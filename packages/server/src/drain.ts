import { RpcError, type Clock, type Timer } from '@rpcxjs/core';
import { checkNames, described } from '@rpcxjs/core/options';
import { drainStage } from '@rpcxjs/session';
import type { Admission } from './admission.ts';
import type { Advertising } from './advertising.ts';
import type { ConnectedPeer } from './connected-peer.ts';
import type { Connections } from './connections.ts';

export interface CloseOptions {
  /** All that closing may take, in milliseconds; then handlers' signals fire, and what is left is cut. @default 25 000 */
  readonly graceMs?: number | undefined;
  /**
   * How long everything is still served after clients and registries were told, in milliseconds; it ends earlier when those who were told send
   * nothing more, and takes half of `graceMs` at most. @default 5000 while registered or while a peer is connected that can be told, else 0
   */
  readonly lameDuckMs?: number | undefined;
}

/** Throws TypeError for an invalid time. */
export function checkTimes(what: string, options: CloseOptions): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${what} got ${described(options)}: it takes an object of milliseconds, for example { graceMs: 5000 }, or nothing`);
  checkNames(what, options, ['graceMs', 'lameDuckMs']);
  const { graceMs, lameDuckMs } = options;
  for (const [name, value] of Object.entries({ graceMs, lameDuckMs }) as [string, unknown][]) {
    if (value !== undefined && !(typeof value === 'number' && value >= 0)) throw new TypeError(`${what}: ${name} is ${described(value)}: it takes a number of milliseconds that is not negative`);
  }
}

/** `leaving`: clients and registries were told, and everything is still served. `draining`: running calls go on, new ones are refused. */
export type ServerState = 'open' | 'leaving' | 'draining' | 'closed';

/** What closing needs of the server. */
export interface Leaving {
  readonly clock: Clock;
  readonly connections: Connections;
  readonly admission: Admission;
  readonly advertising: Advertising;
  /** Settles when plugins have stopped. */
  stopPlugins(): Promise<void>;
}

const defaultLameDuckMs = 5000;
// When the grace is over: how long handlers may still take to answer after their signal fired, and peers, plugins and registries to end.
const goodbyeMs = 30;
// A client that was told and has sent nothing for so long is taken to send its calls elsewhere.
const quietMs = 50;
// How long a client may take to answer that nothing more comes, when nothing else is waited for.
const answerMs = 1000;

/** The end of a server, in its stages: open → leaving → draining → closed. Whatever does not end by itself is cut when the grace is over. */
export class Drain {
  state: ServerState = 'open';
  readonly #host: Leaving;
  #until = Infinity;
  #look: (() => void) | undefined;
  #leftAt = -Infinity;

  constructor(host: Leaving) {
    this.#host = host;
  }

  async run({ graceMs = 25_000, lameDuckMs }: CloseOptions): Promise<void> {
    const { clock, connections, advertising, admission } = this.#host;
    this.state = 'leaving';
    const start = clock.now();
    this.#until = Math.min(this.#until, start + graceMs);
    const registered = advertising.live > 0;
    await this.#serveOn(start, lameDuckMs, graceMs);
    if (this.#is('leaving')) this.state = 'draining';
    for (const peer of connections.peers) peer.sayGoodbye(drainStage.last);
    const released = advertising.release();
    if (registered && lameDuckMs !== 0) await this.#forgotten(released);
    await this.#settled(connections.stopListening());
    const answerBy = clock.now() + answerMs;
    const finished = () => admission.running === 0 && (clock.now() >= answerBy || ![...connections.peers].some((peer) => peer.unanswered));
    if (!(await this.#holds(finished, () => this.#until, answerMs))) {
      for (const peer of connections.peers) peer.dispatcher.abortCalls(drained());
      const by = clock.now() + goodbyeMs;
      await this.#holds(() => admission.running === 0, () => by);
    }
    await this.#settled(Promise.all([...connections.peers].map((peer) => peer.session.close())));
    await this.#end(released);
  }

  /** Ends everything now, and settles when it has ended. */
  async abort(stopped: Promise<void>): Promise<void> {
    await stopped;
    await this.#end(this.#host.advertising.release());
  }

  /** Shortens the time that is left. */
  hurry(graceMs: number): void {
    this.#until = Math.min(this.#until, this.#host.clock.now() + graceMs);
    this.#look?.();
  }
  /** A call has ended, or a peer has answered. */
  changed(): void {
    this.#look?.();
  }
  /** A client has left. It comes back if it has no other server. */
  left(): void {
    this.#leftAt = this.#host.clock.now();
    this.#look?.();
  }

  async #serveOn(start: number, lameDuckMs: number | undefined, graceMs: number): Promise<void> {
    const { clock, connections, advertising } = this.#host;
    const registered = advertising.live > 0;
    let heard = false;
    void advertising.withdraw().then(() => {
      heard = true;
      this.changed();
    });
    for (const peer of connections.peers) peer.sayGoodbye(drainStage.leaving);
    const told = [...connections.peers].some((peer) => peer.listens);
    const until = start + Math.min(lameDuckMs ?? (registered || told ? defaultLameDuckMs : 0), graceMs / 2);
    if (until <= start) return;
    // Peers that cannot be told learn it from the registry, at an unknown time.
    const quiet = (since: number) => clock.now() - since >= quietMs;
    const gone = (peer: ConnectedPeer) => (peer.listens ? quiet(peer.session.seenAt) : !registered);
    await this.#holds(() => heard && quiet(this.#leftAt) && [...connections.peers].every(gone), () => Math.min(until, this.#until), quietMs);
  }

  /** Go's client of ZooKeeper hears of no metadata: that the entry has gone is the first that it is told, and it needs a moment to call others. */
  async #forgotten(released: Promise<void>): Promise<void> {
    const { clock, connections } = this.#host;
    const by = clock.now() + answerMs;
    let releasedAt = Infinity;
    void released.then(() => {
      releasedAt = clock.now();
      this.changed();
    });
    const elsewhere = (peer: ConnectedPeer) => peer.listens || clock.now() - Math.max(releasedAt, peer.session.seenAt) >= quietMs;
    await this.#holds(() => [...connections.peers].every(elsewhere), () => Math.min(this.#until, by), quietMs);
  }

  async #end(released: Promise<void>): Promise<void> {
    const { connections, clock } = this.#host;
    const aborted = this.#is('closed');
    this.state = 'closed';
    for (const peer of connections.peers) peer.session.fail(closed());
    const leastMs = aborted ? answerMs : goodbyeMs;
    const by = Math.max(aborted ? 0 : this.#until, clock.now() + leastMs);
    await this.#wait(this.#over(Promise.all([released, this.#host.stopPlugins()])), () => by, Infinity);
  }

  // Compares the state, which `abort` may have changed during a wait.
  #is(state: ServerState): boolean {
    return this.state === state;
  }

  /** Waits until the grace is over, and a moment at least. */
  async #settled(work: Promise<unknown>): Promise<void> {
    const least = this.#host.clock.now() + goodbyeMs;
    await this.#holds(this.#over(work), () => Math.max(this.#until, least));
  }

  #over(work: Promise<unknown>): () => boolean {
    let over = false;
    const done = (): void => {
      over = true;
      this.changed();
    };
    work.then(done, done);
    return () => over;
  }

  /** Waits until the condition holds; false when the time is over first, or the server was aborted. */
  #holds(condition: () => boolean, limit: () => number, everyMs = Infinity): Promise<boolean> {
    return this.#wait(condition, () => (this.state === 'closed' ? -Infinity : limit()), everyMs);
  }

  #wait(condition: () => boolean, limit: () => number, everyMs: number): Promise<boolean> {
    const { clock } = this.#host;
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const look = (): void => {
        timer?.cancel();
        const leftMs = limit() - clock.now();
        const holds = condition();
        if (!holds && leftMs > 0) {
          timer = clock.setTimer(look, Math.min(leftMs, everyMs));
          return;
        }
        this.#look = undefined;
        resolve(holds);
      };
      this.#look = look;
      look();
    });
  }
}

/** Why handlers are stopped. */
function drained(): RpcError {
  return new RpcError('unavailable', 'the server is going, and the time it gave to running calls is over', { reason: 'DRAINING' });
}
function closed(): RpcError {
  return new RpcError('unavailable', 'the server has closed', { reason: 'CLOSED' });
}
