import { RpcError } from '@rpcxjs/core';
import type { RpcxSession } from '@rpcxjs/session';

/** Bytes that wait for peers which do not read, of all connections together: what each of them may hold does not add up. Above the limit the one that holds most goes. */
export class UnreadBytes {
  readonly #maxBytes: number;
  /** Only those above their high-water mark: others are of no weight, and cost nothing. */
  readonly #held = new Map<RpcxSession, number>();
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** To be called after something was written to the peer. */
  written(session: RpcxSession): void {
    if (session.writable || session.ended) return;
    this.#hold(session);
    if (this.#total > this.#maxBytes) this.#relieve();
  }

  /** The peer has read, or is gone. */
  left(session: RpcxSession): void {
    this.#total -= this.#held.get(session) ?? 0;
    this.#held.delete(session);
  }

  #hold(session: RpcxSession): void {
    const bytes = session.unsentBytes();
    this.#total += bytes - (this.#held.get(session) ?? 0);
    this.#held.set(session, bytes);
  }

  #relieve(): void {
    // They may have read since they were written to.
    for (const session of this.#held.keys()) this.#hold(session);
    // One alone has its own limit.
    while (this.#total > this.#maxBytes && this.#held.size > 1) {
      const [most] = [...this.#held].reduce((one, other) => (other[1] > one[1] ? other : one));
      this.left(most);
      most.fail(tooMuch(most.unsentBytes()));
    }
  }
}

function tooMuch(bytes: number): RpcError {
  const message = `the connection was given up: ${bytes} bytes wait for a peer that does not read, the most of all, and those of all peers together are more than limits.maxBufferedBytes allows`;
  return new RpcError('resource_exhausted', message, { reason: 'OVERLOADED' });
}
