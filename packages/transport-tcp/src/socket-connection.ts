import type { Socket } from 'node:net';
import { formatAddress, RpcError } from '@rpcxjs/core';
import type { Address, Clock, Connection, ConnectionSink, PeerCertificate, Timer } from '@rpcxjs/core';
import { Inbox } from '@rpcxjs/core/inbox';
import { connectionLost } from './node-error.ts';

// Above this the caller is asked to wait: enough to keep the kernel busy, little enough to notice a slow reader early.
const writeHighWaterBytes = 64 * 1024;

interface WritingSocket {
  readonly _handle?: { readonly writeQueueSize?: number; getpeername?(into: object): number } | null;
  readonly _writableState?: { readonly writelen?: number };
}

/** What the system took of the chunk that is being written: Node's own fields (20, 22 and 24 have them), 0 where they are missing. */
export function takenBytes(socket: Socket): number {
  const { _handle, _writableState } = socket as unknown as WritingSocket; // neither is in Node's types
  const left = _handle?.writeQueueSize;
  const whole = _writableState?.writelen;
  return typeof left === 'number' && typeof whole === 'number' && left < whole ? whole - left : 0;
}

/**
 * Whether what Node reports as an end was a reset: up to version 22 it takes one that comes right behind bytes for an end (libuv, uv__stream_io), yet the
 * system knows of no peer any more. Node's own field again, 20 and 22 have it; false where it is missing. To be asked before this side has ended.
 */
function wasReset(socket: Socket): boolean {
  const { _handle } = socket as unknown as WritingSocket; // it is not in Node's types
  return typeof _handle?.getpeername === 'function' && _handle.getpeername({}) !== 0;
}

/** Who is at the two ends of a connected socket. */
export interface SocketEnds {
  readonly local: Address | undefined;
  readonly remote: Address | undefined;
  readonly certificate?: PeerCertificate | undefined;
}

export interface SocketConnectionInit extends SocketEnds {
  readonly clock: Clock;
  /** How long the other side may take to end after we did, in milliseconds. */
  readonly closeTimeoutMs: number;
  /** Plain TCP can be cut with a reset, which the other side cannot mistake for a clean end; TLS and pipes cannot. */
  readonly resets: boolean;
}

/**
 * A connection over a Node socket that was given to it paused. Its reader calls `receive`.
 *
 *     open ── close(), or the other side ended ──▶ ending ── both ends, or closeTimeoutMs ──▶ closed
 *       └───────────────── abort(), an error ────────┴──────────────────────────────────────────▲
 */
export class SocketConnection implements Connection {
  readonly local: Address | undefined;
  readonly remote: Address | undefined;
  readonly certificate?: PeerCertificate | undefined;
  readonly #socket: Socket;
  // One by one: an object for them, of the caller's making, would cost each idle connection half a kilobyte.
  readonly #clock: Clock;
  readonly #closeTimeoutMs: number;
  readonly #resets: boolean;
  #state: 'open' | 'ending' | 'closed' = 'open';
  #wantsDrain = false;
  /** TLS can deliver a few records after a pause. */
  readonly #inbox = new Inbox();
  #error: Error | undefined;
  #endTimer: Timer | undefined;
  #whenClosed: Promise<void> | undefined;

  constructor(socket: Socket, init: SocketConnectionInit) {
    this.#socket = socket;
    this.#clock = init.clock;
    this.#closeTimeoutMs = init.closeTimeoutMs;
    this.#resets = init.resets;
    this.local = init.local;
    this.remote = init.remote;
    if (init.certificate !== undefined) this.certificate = init.certificate;
    socket.on('drain', () => this.#drained());
    socket.on('end', () => {
      if (this.#resets && this.#state === 'open' && wasReset(socket)) this.#error ??= Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
      this.#ended();
    });
    socket.on('error', (error) => {
      this.#error ??= error;
      // All errors end a socket but that of TLS which is negotiated again and again: Node says so and goes on.
      socket.destroy();
    });
    socket.on('close', () => this.#closed());
  }

  /** Exact: Node alone counts a chunk until the system took its last byte, so that a slow reader of a large one would look like none. */
  get bufferedBytes(): number {
    const waiting = this.#state === 'closed' ? 0 : this.#socket.writableLength;
    return waiting === 0 ? 0 : waiting - takenBytes(this.#socket);
  }

  start(sink: ConnectionSink): void {
    if (this.#inbox.start(sink)) this.#socket.resume();
  }

  /** For the reader of the socket; `chunk` is only lent. */
  receive(chunk: Uint8Array): void {
    this.#inbox.receive(chunk);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    if (chunk.length === 0) return true;
    this.#socket.write(chunk);
    // Not what the socket returns: that is false for any chunk above its mark, even when the system took all of it at once.
    if (this.bufferedBytes < writeHighWaterBytes) return true;
    this.#wantsDrain = true;
    return false;
  }

  pause(): void {
    this.#inbox.pause();
    if (this.#state === 'open') this.#socket.pause();
  }

  resume(): void {
    if (this.#inbox.resume()) this.#socket.resume();
  }

  /** Waits until the other side has ended too, at most `closeTimeoutMs`. What still arrives is dropped. */
  close(): Promise<void> {
    this.#inbox.drop();
    if (this.#state === 'open') {
      this.#beginEnding();
      // Unread bytes would turn the end into a reset, which can destroy what was just sent.
      this.#socket.resume();
    }
    return (this.#whenClosed ??= new Promise((resolve) => {
      if (this.#socket.closed) resolve();
      else this.#socket.once('close', () => resolve());
    }));
  }

  /** Calls `closed` before it returns. */
  abort(reason?: Error): void {
    const mayReset = this.#resets && this.#state === 'open';
    this.#state = 'closed';
    // A reset after a shutdown is refused by the system and would leave the descriptor open.
    if (mayReset) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
    this.#inbox.cut(reason ?? new RpcError('unavailable', `the connection to ${this.#peer()} was aborted here`, { reason: 'CLOSED', address: this.#address() }));
  }

  #address(): string | undefined {
    return this.remote === undefined ? undefined : formatAddress(this.remote);
  }

  #peer(): string {
    return this.#address() ?? 'a peer without an address';
  }

  #beginEnding(): void {
    if (this.#socket.closed) {
      this.#state = 'closed';
      return;
    }
    this.#state = 'ending';
    this.#endTimer = this.#clock.setTimer(() => {
      this.#error ??= new Error(`it did not end within ${this.#closeTimeoutMs} ms after this side did`);
      this.#socket.destroy();
    }, this.#closeTimeoutMs);
    this.#socket.end();
  }

  #drained(): void {
    if (!this.#wantsDrain || this.#state === 'closed') return;
    this.#wantsDrain = false;
    this.#inbox.drain();
  }

  #ended(): void {
    if (this.#state === 'open') this.#beginEnding();
    // A TLS alert is an error with an end behind it.
    this.#inbox.end(this.#error && connectionLost(this.#error, this.remote));
  }

  #closed(): void {
    this.#state = 'closed';
    this.#endTimer?.cancel();
    const lost = connectionLost(this.#error ?? new Error('the socket was closed'), this.remote);
    // A clean end waits for its reader; one that waits for room to write would wait for ever, and a loss is to be known at once.
    if (this.#error === undefined && !this.#wantsDrain) this.#inbox.end(lost);
    else this.#inbox.cut(lost);
  }
}
