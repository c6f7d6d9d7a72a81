import { RpcError } from '@rpcxjs/core';
import type { RpcxSession } from '@rpcxjs/session';

/**
 * Bytes that wait for peers which do not read, of all connections together: what each of them may hold does not add up. Above the limit the one that
 * holds most goes. The high-water mark is everybody's own, so that many who read a little slowly, as after a push to all, are not counted.
 */
export class UnreadBytes {
  readonly #maxBytes: number;
  readonly #highWaterBytes: number;
  /** What each has beyond its high-water mark. */
  readonly #held = new Map<RpcxSession, number>();
  #total = 0;

  constructor({ maxBufferedBytes, highWaterBytes }: { readonly maxBufferedBytes: number; readonly highWaterBytes: number }) {
    this.#maxBytes = maxBufferedBytes;
    this.#highWaterBytes = highWaterBytes;
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
    const bytes = Math.max(0, session.unsentBytes() - this.#highWaterBytes);
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
