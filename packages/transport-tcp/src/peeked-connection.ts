import type { Address, Connection, ConnectionSink, PeerCertificate } from '@rpcxjs/core';

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
  #sink: ConnectionSink | undefined;
  #paused = true;
  /** What came and was not delivered: `#room` from `#from` to `#length`. */
  #room: Uint8Array = new Uint8Array(0);
  #from = 0;
  #length = 0;
  #delivers = false;
  /** Set when this side ended the connection: then nobody wants what was held. */
  #endedHere = false;
  #outcome: { readonly reason: Error | undefined } | undefined;
  #toldEnd = false;

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
    this.#from = taken;
    this.#below.pause();
  }

  start(sink: ConnectionSink): void {
    if (this.#sink !== undefined) throw new TypeError('start() was called twice; a connection has one sink');
    this.#sink = sink;
    this.resume();
  }

  write(chunk: Uint8Array): boolean {
    return this.#below.write(chunk);
  }

  pause(): void {
    this.#paused = true;
    this.#below.pause();
  }

  resume(): void {
    if (this.#sink === undefined || this.#toldEnd) return;
    this.#paused = false;
    // A sink that pauses and resumes inside `data` gets what follows once it has returned.
    if (this.#delivers) return;
    if (this.#from < this.#length) {
      const held = this.#room.subarray(this.#from, this.#length);
      this.#drop();
      this.#delivers = true;
      try {
        this.#sink.data(held);
      } finally {
        this.#delivers = false;
      }
      if (this.#isPaused() || this.#toldEnd) return;
    }
    this.#room = new Uint8Array(0);
    if (this.#outcome !== undefined) this.#tell(this.#outcome.reason);
    else this.#below.resume();
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
    if (this.#endedHere) return;
    if (this.#peeker === undefined && this.#sink !== undefined && !this.#paused && this.#from === this.#length) {
      this.#sink.data(chunk);
      return;
    }
    this.#keep(chunk);
    this.#peeker?.look(this.#room.subarray(0, this.#length), chunk.length);
  }

  /** For the connection below. */
  drain(): void {
    this.#sink?.drain();
  }

  /** For the connection below. */
  closed(reason: Error | undefined): void {
    this.#outcome ??= { reason };
    const peeker = this.#peeker;
    this.#peeker = undefined;
    if (peeker !== undefined) {
      this.#drop();
      peeker.ended(reason);
    } else if (this.#from === this.#length) this.#tell(reason);
  }

  // Reads `#paused` anew: a callback may have changed it since the last check, which the compiler does not know.
  #isPaused(): boolean {
    return this.#paused;
  }

  #endHere(): void {
    this.#endedHere = true;
    this.#peeker = undefined;
    this.#drop();
  }

  #drop(): void {
    this.#from = this.#length = 0;
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

  #tell(reason: Error | undefined): void {
    if (this.#sink === undefined || this.#toldEnd) return;
    this.#toldEnd = true;
    this.#sink.closed(reason);
  }
}
