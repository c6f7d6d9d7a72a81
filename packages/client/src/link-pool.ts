import type { Clock, Timer } from '@rpcxjs/core';
import type { ClientSession } from './client-session.ts';
import type { LinkRules } from './link-options.ts';

/** The connections of one link. */
export class LinkPool {
  /** The connections that calls are given to. */
  readonly sessions: ClientSession[] = [];
  /** The connections that somebody has locked, and those that take no new calls. */
  readonly apart: Set<ClientSession> = new Set<ClientSession>();
  /** The only connection, if there is just one and nothing else has to be looked at. */
  only: ClientSession | undefined;
  readonly #rules: LinkRules['pool'];
  readonly #clock: Clock;
  readonly #ends = new Map<ClientSession, { readonly ended: Promise<void>; readonly end: () => void }>();
  #turn = 0;
  #sweep: Timer | undefined;

  constructor(rules: LinkRules['pool'], clock: Clock) {
    this.#rules = rules;
    this.#clock = clock;
  }

  /** Calls in flight on the connection with the fewest, among those that can take another one. */
  get load(): number {
    let least = Infinity;
    for (const session of this.sessions) if (session.writable) least = Math.min(least, session.pendingCalls());
    return least === Infinity ? 0 : least;
  }
  get isFull(): boolean {
    return this.sessions.length >= this.#rules.max;
  }
  /** Whether a frame is being written to one of them, which cannot take another one meanwhile. */
  get isWriting(): boolean {
    return this.sessions.some(({ session }) => session.writer.isOpen);
  }

  /** The connection for the next call: the one with the fewest unanswered calls, in turn among equals. */
  pick(): ClientSession | undefined {
    const { sessions } = this;
    const count = sessions.length;
    let best: ClientSession | undefined;
    let bestAt = 0;
    for (let step = 0; step < count; step++) {
      const at = (this.#turn + step) % count;
      const session = sessions[at] as ClientSession; // within the list
      if (!session.writable || (best !== undefined && session.outstanding >= best.outstanding)) continue;
      best = session;
      bestAt = at;
    }
    if (best !== undefined) this.#turn = bestAt + 1;
    return best;
  }

  add(session: ClientSession): void {
    this.apart.delete(session);
    this.sessions.push(session);
    this.#changed();
    this.#sweepSoon();
  }

  /** Removes a connection that has ended; returns whether it was one that calls are given to. */
  remove(session: ClientSession): boolean {
    this.#ends.get(session)?.end();
    this.#ends.delete(session);
    this.apart.delete(session);
    return this.#take(session);
  }
  #take(session: ClientSession): boolean {
    const at = this.sessions.indexOf(session);
    if (at < 0) return false;
    this.sessions.splice(at, 1);
    this.#changed();
    return true;
  }

  /** Takes out an idle connection, if at least one is left. It counts as apart from then on. */
  spare(): ClientSession | undefined {
    if (this.sessions.length < 2) return undefined;
    const session = this.sessions.find((one) => one.pendingCalls() === 0 && one.writable);
    if (session === undefined) return undefined;
    this.#take(session);
    this.apart.add(session);
    return session;
  }

  /** Gives the connection no new calls and ends it with its last one; resolves then. */
  leave(session: ClientSession): Promise<void> {
    this.#take(session);
    this.apart.add(session);
    const ended = this.#endOf(session);
    session.leave();
    return ended;
  }
  /** Lets all connections leave, except those that are locked; resolves when they have ended, and those that were leaving already, too. */
  async leaveAll(): Promise<void> {
    for (const session of this.sessions.slice()) void this.leave(session);
    await Promise.all([...this.#ends.values()].map(({ ended }) => ended));
  }
  /** As `leaveAll`, and those that are locked leave when they are released. */
  async leaveAllInTime(): Promise<void> {
    for (const session of this.apart) void this.#endOf(session);
    await this.leaveAll();
  }
  /** Whether somebody waits for the end of the connection. */
  isAwaited(session: ClientSession): boolean {
    return this.#ends.has(session);
  }
  #endOf(session: ClientSession): Promise<void> {
    const known = this.#ends.get(session);
    if (known !== undefined) return known.ended;
    let end!: () => void;
    const ended = new Promise<void>((resolve) => (end = resolve));
    this.#ends.set(session, { ended, end });
    return ended;
  }

  stop(): void {
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }

  #changed(): void {
    const { connections, grow } = this.#rules;
    this.only = connections === 1 && grow === 'never' && this.sessions.length === 1 ? this.sessions[0] : undefined;
  }

  /** Sets the timer for the connection that has been idle longest. */
  #sweepSoon(): void {
    const { connections, idleMs } = this.#rules;
    if (this.#sweep !== undefined || this.sessions.length <= connections || idleMs === 0 || idleMs === Infinity) return;
    const idleSince = Math.min(...this.sessions.map((session) => (session.pendingCalls() > 0 ? Infinity : session.usedAt)));
    const now = this.#clock.now();
    // Many clients that went quiet together need not close together.
    const limitMs = idleMs * (0.9 + 0.2 * this.#clock.random());
    const delayMs = idleSince === Infinity ? limitMs : idleSince + limitMs - now;
    this.#sweep = this.#clock.setTimer(() => {
      this.#sweep = undefined;
      this.#collect(limitMs);
    }, Math.max(1, delayMs));
  }

  #collect(limitMs: number): void {
    const now = this.#clock.now();
    for (const session of this.sessions.slice()) {
      if (this.sessions.length <= this.#rules.connections) break;
      if (session.pendingCalls() === 0 && now - session.usedAt >= limitMs) void this.leave(session);
    }
    this.#sweepSoon();
  }
}
