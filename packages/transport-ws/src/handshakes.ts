import type { Socket } from 'node:net';
import type { Clock } from '@rpcxjs/core';

/** Sockets that were accepted and have not become WebSockets yet: each for a limited time, and a limited number of them. */
export class Handshakes {
  readonly #open = new Map<string, Socket>();
  readonly #limits: { readonly clock: Clock; readonly most: number; readonly timeoutMs: number };

  constructor(limits: { readonly clock: Clock; readonly most: number; readonly timeoutMs: number }) {
    this.#limits = limits;
  }

  enter(socket: Socket): void {
    const { clock, most, timeoutMs } = this.#limits;
    const key = keyOf(socket);
    this.#open.set(key, socket);
    if (this.#open.size > most) {
      // The oldest has to leave: an honest client would have finished long ago.
      const [[first, oldest] = []] = this.#open;
      this.#open.delete(first ?? '');
      oldest?.destroy();
    }
    // Node's own timers for headers do not run during a TLS handshake that does not end.
    const timer = clock.setTimer(() => {
      if (this.#open.get(key) === socket) socket.destroy();
    }, timeoutMs);
    socket.once('close', () => {
      timer.cancel();
      if (this.#open.get(key) === socket) this.#open.delete(key);
    });
  }

  /** The socket itself, or the one of TLS above it. */
  done(socket: Socket): void {
    this.#open.delete(keyOf(socket));
  }

  close(): void {
    for (const socket of this.#open.values()) socket.destroy();
  }
}

/** Node gives no way from a TLS socket to the socket below it, so the remote address, which is the same and unique, is the key. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
