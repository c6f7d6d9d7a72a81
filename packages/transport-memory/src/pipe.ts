import { formatAddress, RpcError } from '@rpcxjs/core';
import type { Address, Clock, Connection, ConnectionSink, Timer } from '@rpcxjs/core';
import { Lane } from './lane.ts';
import type { LaneEnd } from './lane.ts';
import type { Sky } from './weather.ts';

// As much as a kernel would buffer: a writer is asked to wait while more than this is on its way.
const capacityBytes = 64 * 1024;
// The same as in the TCP transport.
const closeTimeoutMs = 5000;

/**
 * One side of a pipe.
 *
 *     open ── close(), or the other side ended ──▶ ending ── both ends arrived, or 5 s ──▶ closed
 *       └───────────────── abort(), a cut ───────────┴─────────────────────────────────────▲
 */
class MemoryConnection implements Connection, LaneEnd {
  readonly local: Address;
  readonly remote: Address;
  readonly #clock: Clock;
  readonly #incoming: Lane;
  readonly #whenClosed: Promise<void>;
  #settleClosed: () => void = () => {};
  #peer: MemoryConnection | undefined;
  #sink: ConnectionSink | undefined;
  #state: 'open' | 'ending' | 'closed' = 'open';
  #paused = false;
  #wantsDrain = false;
  #endArrived = false;
  /** How the connection ended; set once the sink was told, or would have been told if there were one. */
  #outcome: { readonly reason: Error | undefined } | undefined;
  #endTimer: Timer | undefined;

  constructor(local: Address, remote: Address, side: { readonly isServer: boolean; readonly sky: Sky; readonly clock: Clock }) {
    this.local = local;
    this.remote = remote;
    this.#clock = side.clock;
    this.#incoming = new Lane(this, side.isServer, side.sky, side.clock);
    this.#whenClosed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  join(peer: MemoryConnection): void {
    this.#peer = peer;
  }

  /** What is on its way beyond what a kernel would have taken. The bytes themselves were copied. */
  get bufferedBytes(): number {
    return this.#state === 'closed' ? 0 : Math.max(0, this.#outgoing().bytes - capacityBytes);
  }

  start(sink: ConnectionSink): void {
    if (this.#sink !== undefined) throw new TypeError('start() was called twice; a connection has one sink');
    this.#sink = sink;
    if (this.#outcome !== undefined) sink.closed(this.#outcome.reason);
    else this.#incoming.wake();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    if (chunk.length > 0) this.#outgoing().push(chunk);
    this.#wantsDrain = this.bufferedBytes > 0;
    return !this.#wantsDrain;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#incoming.wake();
  }

  /** Waits until the other side has ended too, at most 5 s. What still arrives is dropped. */
  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#beginEnding();
      this.#incoming.wake();
    }
    return this.#whenClosed;
  }

  /** Calls `closed` before it returns. */
  abort(reason?: Error): void {
    if (this.#state === 'closed') return;
    const address = formatAddress(this.remote);
    this.#outgoing().cut();
    this.#finish(reason ?? new RpcError('unavailable', `the connection to ${address} was aborted here`, { reason: 'CLOSED', address }));
  }

  /** Settles when nothing more can happen to this side. */
  get whenClosed(): Promise<void> {
    return this.#whenClosed;
  }

  /** This side is gone, and the other one is not told. */
  vanish(): void {
    if (this.#state !== 'closed') this.#finish(this.#lost('this side vanished'));
  }

  /** Nothing arrives here any more, and nobody is told. */
  loseIncoming(): void {
    this.#incoming.lose();
  }

  wake(): void {
    this.#incoming.wake();
  }

  get takes(): boolean {
    return this.#state === 'ending' || (this.#state === 'open' && this.#sink !== undefined && !this.#paused);
  }

  receive(bytes: Uint8Array): void {
    if (this.#state === 'open') this.#sink?.data(bytes);
  }

  receiveEnd(): void {
    this.#endArrived = true;
    if (this.#state === 'open') this.#beginEnding();
    this.#report(undefined);
    const peer = this.#other();
    if (!peer.#endArrived) return;
    this.#finish(undefined);
    peer.#finish(undefined);
  }

  receiveCut(): void {
    if (this.#state !== 'closed') this.#finish(this.#lost('the other side cut it'));
  }

  arrived(): void {
    this.#other().#drained();
  }

  #drained(): void {
    if (!this.#wantsDrain || this.#state !== 'open' || this.bufferedBytes > 0) return;
    this.#wantsDrain = false;
    this.#sink?.drain();
  }

  #other(): MemoryConnection {
    if (this.#peer === undefined) throw new TypeError('a side of a pipe without the other one');
    return this.#peer;
  }

  #outgoing(): Lane {
    return this.#other().#incoming;
  }

  #beginEnding(): void {
    this.#state = 'ending';
    this.#endTimer = this.#clock.setTimer(() => {
      this.#outgoing().cut();
      this.#finish(this.#lost(`the other side did not end within ${closeTimeoutMs} ms after this one did`));
    }, closeTimeoutMs);
    this.#outgoing().end();
  }

  #finish(reason: Error | undefined): void {
    this.#state = 'closed';
    this.#endTimer?.cancel();
    this.#incoming.clear();
    this.#report(reason);
    this.#settleClosed();
  }

  #report(reason: Error | undefined): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = { reason };
    this.#sink?.closed(reason);
  }

  #lost(why: string): RpcError {
    const address = formatAddress(this.remote);
    return new RpcError('unavailable', `the connection to ${address} was lost: ${why}`, { reason: 'CONNECTION_LOST', address });
  }
}

/** The two connections that are each other's other side. */
export interface Pipe {
  readonly client: MemoryConnection;
  readonly server: MemoryConnection;
}

export function createPipe(client: Address, server: Address, sky: Sky, clock: Clock): Pipe {
  const pipe: Pipe = {
    client: new MemoryConnection(client, server, { isServer: false, sky, clock }),
    server: new MemoryConnection(server, client, { isServer: true, sky, clock }),
  };
  pipe.client.join(pipe.server);
  pipe.server.join(pipe.client);
  return pipe;
}
