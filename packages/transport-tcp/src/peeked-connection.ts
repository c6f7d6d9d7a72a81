import type { Address, Connection, ConnectionSink, PeerCertificate } from '@rpcxjs/core';
import { Inbox } from '@rpcxjs/core/inbox';

/** Who looks at the first bytes of a connection. Both are called until `release`, `close` or `abort`. */
export interface Peeker {
  /** `bytes` are all that came so far and only lent; the last `added` of them are new. */
  look(bytes: Uint8Array, added: number): void;
  /** The connection came to its end before anything was decided. */
  ended(reason: Error | undefined): void;
}

/** What a `PeekedConnection` says instead of the connection below it. */
export interface PeekedEnds {
  readonly local: Address | undefined;
  readonly remote: Address | undefined;
}

// Grows by doubling, so that bytes which come one at a time cost one copy each on average.
const firstRoomBytes = 64;

/**
 * A connection whose first bytes are looked at before it gets its sink: the answer of a proxy, the name of a protocol. Those that were not
 * taken are delivered to the sink, before the others and once. Until `release` it is its own reader.
 *
 *     peek ── release() ──▶ held ── start() ──▶ a connection like the one below it
 */
export class PeekedConnection implements Connection, ConnectionSink {
  readonly local: Address | undefined;
  readonly remote: Address | undefined;
  readonly certificate?: PeerCertificate | undefined;
  readonly #below: Connection;
  #peeker: Peeker | undefined;
  readonly #inbox = new Inbox();
  /** What was looked at: the first `#length` bytes of `#room`. */
  #room: Uint8Array = new Uint8Array(0);
  #length = 0;

  constructor(below: Connection, ends: PeekedEnds = below) {
    this.#below = below;
    this.local = ends.local;
    this.remote = ends.remote;
    if (below.certificate !== undefined) this.certificate = below.certificate;
  }

  get bufferedBytes(): number {
    return this.#below.bufferedBytes;
  }

  /** Starts the connection below. Called once, before anything else. */
  peek(peeker: Peeker): void {
    this.#peeker = peeker;
    this.#below.start(this);
  }

  /** Ends the looking; the first `taken` bytes are not delivered. What follows waits for `start`. */
  release(taken: number): void {
    this.#peeker = undefined;
    if (taken < this.#length) this.#inbox.receive(this.#room.subarray(taken, this.#length));
    this.#room = new Uint8Array(0);
    this.#below.pause();
  }

  start(sink: ConnectionSink): void {
    if (this.#inbox.start(sink)) this.#below.resume();
  }

  write(chunk: Uint8Array): boolean {
    return this.#below.write(chunk);
  }

  pause(): void {
    this.#inbox.pause();
    this.#below.pause();
  }

  resume(): void {
    if (this.#inbox.resume()) this.#below.resume();
  }

  close(): Promise<void> {
    this.#endHere();
    return this.#below.close();
  }

  abort(reason?: Error): void {
    this.#endHere();
    this.#below.abort(reason);
  }

  /** For the connection below. */
  data(chunk: Uint8Array): void {
    if (this.#peeker === undefined) {
      this.#inbox.receive(chunk);
      return;
    }
    this.#keep(chunk);
    this.#peeker.look(this.#room.subarray(0, this.#length), chunk.length);
  }

  /** For the connection below. */
  drain(): void {
    this.#inbox.drain();
  }

  /** For the connection below. */
  closed(reason: Error | undefined): void {
    this.#inbox.end(reason);
    const peeker = this.#peeker;
    this.#peeker = undefined;
    peeker?.ended(reason);
  }

  /** Nobody wants what was kept. */
  #endHere(): void {
    this.#peeker = undefined;
    this.#inbox.drop();
  }

  #keep(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#room.length) {
      const larger = new Uint8Array(Math.max(needed, this.#room.length * 2, firstRoomBytes));
      larger.set(this.#room.subarray(0, this.#length));
      this.#room = larger;
    }
    this.#room.set(chunk, this.#length);
    this.#length = needed;
  }
}
