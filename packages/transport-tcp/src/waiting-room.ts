import type { Clock, Connection } from '@rpcxjs/core';

/** Why a connection had to leave: it took too long, it was the oldest of too many, or the listener closed. */
export type Dismissal = 'late' | 'crowded' | 'closed';

export interface WaitingRoomOptions {
  readonly clock: Clock;
  /** How long one may stay, in milliseconds. */
  readonly timeoutMs: number;
  /** How many may stay at a time. One more dismisses the oldest: an honest client would have said long ago what it wants. */
  readonly most: number;
}

/** Holds accepted connections until it is known what they want: each for a limited time, and a limited number of them. */
export class WaitingRoom {
  readonly #options: WaitingRoomOptions;
  readonly #inside = new Map<Connection, (why: Dismissal) => void>();

  constructor(options: WaitingRoomOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#inside.size;
  }

  /** `dismissed` is called at most once. Returns what takes the connection out again; it may be called after the dismissal, too. */
  enter(connection: Connection, dismissed: (why: Dismissal) => void): () => void {
    const leave = (): void => {
      timer.cancel();
      this.#inside.delete(connection);
    };
    const dismiss = (why: Dismissal): void => {
      leave();
      dismissed(why);
    };
    const timer = this.#options.clock.setTimer(() => dismiss('late'), this.#options.timeoutMs);
    this.#inside.set(connection, dismiss);
    if (this.#inside.size > this.#options.most) {
      const [oldest] = this.#inside.values();
      oldest?.('crowded');
    }
    return leave;
  }

  close(): void {
    for (const dismiss of this.#inside.values()) dismiss('closed');
  }
}
