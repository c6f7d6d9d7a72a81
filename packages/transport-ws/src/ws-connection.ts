import { formatAddress, RpcError, type Address, type Clock, type Connection, type ConnectionSink, type PeerCertificate, type Timer } from '@rpcxjs/core';
import { connectionLost } from '@rpcxjs/transport-tcp';
import type { WebSocket } from 'ws';

// As of TCP: enough to keep the kernel busy, little enough to notice a slow reader early.
const highWaterBytes = 64 * 1024;

export interface WsEnds {
  readonly local: Address | undefined;
  readonly remote: Address | undefined;
  readonly certificate: PeerCertificate | undefined;
}
export interface WsConnectionInit extends WsEnds {
  readonly clock: Clock;
  readonly pingMs: number;
  readonly closeTimeoutMs: number;
}

/** A connection over a WebSocket that is open. Made in the turn in which it opened, before a message can come. */
export class WsConnection implements Connection {
  readonly local: Address | undefined;
  readonly remote: Address | undefined;
  readonly certificate?: PeerCertificate | undefined;
  readonly #socket: WebSocket;
  readonly #init: WsConnectionInit;
  #sink: ConnectionSink | undefined;
  #state: 'open' | 'ending' | 'closed' = 'open';
  #paused = true;
  #wantsDrain = false;
  /** Messages of a chunk that was being read when nobody wanted more. */
  #held: Uint8Array[] = [];
  #error: Error | undefined;
  #outcome: { readonly reason: Error | undefined } | undefined;
  #told = false;
  #heard = true;
  #asked = false;
  #pingTimer: Timer | undefined;
  #endTimer: Timer | undefined;
  readonly #gone: Promise<void>;

  constructor(socket: WebSocket, init: WsConnectionInit) {
    this.#socket = socket;
    this.#init = init;
    this.local = init.local;
    this.remote = init.remote;
    if (init.certificate !== undefined) this.certificate = init.certificate;
    socket.binaryType = 'nodebuffer';
    // One that is about to open cannot be paused before it has.
    if (socket.readyState === socket.OPEN) socket.pause();
    else socket.once('open', () => this.#paused && socket.pause());
    socket.on('message', (data: Buffer) => this.#receive(data));
    const alive = (): void => void (this.#heard = true);
    socket.on('pong', alive).on('ping', alive);
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    this.#gone = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.#closed(code, reason.toString());
        resolve();
      });
    });
    this.#watch();
  }

  get bufferedBytes(): number {
    return this.#state === 'closed' ? 0 : this.#socket.bufferedAmount;
  }

  start(sink: ConnectionSink): void {
    if (this.#sink !== undefined) throw new TypeError('start() was called twice; a connection has one sink');
    this.#sink = sink;
    this.resume();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    if (chunk.length === 0) return true;
    this.#socket.send(chunk, binary, this.#sent);
    if (this.#socket.bufferedAmount < highWaterBytes) return true;
    this.#wantsDrain = true;
    return false;
  }

  pause(): void {
    this.#paused = true;
    if (this.#state === 'open') this.#socket.pause();
  }
  resume(): void {
    if (this.#sink === undefined) return;
    this.#paused = false;
    this.#deliver();
    if (!this.#isPaused() && this.#state === 'open') this.#socket.resume();
  }

  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'ending';
      this.#held = [];
      this.#endTimer = this.#init.clock.setTimer(() => {
        this.#error ??= new Error(`it did not end within ${this.#init.closeTimeoutMs} ms after this side did`);
        this.#socket.terminate();
      }, this.#init.closeTimeoutMs);
      // Its farewell is to be read.
      this.#socket.resume();
      this.#socket.close(1000);
    }
    return this.#gone;
  }

  abort(reason?: Error): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#stopTimers();
    this.#held = [];
    this.#socket.terminate();
    this.#report(reason ?? new RpcError('unavailable', `the connection to ${this.#peer()} was aborted here`, { reason: 'CLOSED' }));
  }

  // `paused` is narrowed by checks that a callback may have made stale.
  #isPaused(): boolean {
    return this.#paused;
  }
  #peer(): string {
    return this.remote === undefined ? 'a peer without an address' : formatAddress(this.remote);
  }

  #receive(data: Buffer): void {
    this.#heard = true;
    if (this.#state !== 'open') return;
    if (this.#paused || this.#held.length > 0) this.#held.push(data);
    else this.#sink?.data(data);
  }

  #deliver(): void {
    while (!this.#isPaused()) {
      const chunk = this.#held.shift();
      if (chunk === undefined) break;
      this.#sink?.data(chunk);
    }
    if (this.#outcome !== undefined && this.#held.length === 0) this.#tell();
  }

  readonly #sent = (): void => {
    if (!this.#wantsDrain || this.#state !== 'open' || this.#socket.bufferedAmount >= highWaterBytes) return;
    this.#wantsDrain = false;
    this.#sink?.drain();
  };

  /** Proxies forget silent connections, and a machine that has lost its power says nothing. */
  #watch(): void {
    const { pingMs, clock } = this.#init;
    if (pingMs === 0) return;
    this.#pingTimer = clock.setTimer(() => {
      if (!this.#heard && this.#asked && !this.#paused) {
        this.#error = new Error(`no byte came for ${2 * pingMs} ms, nor after a ping`);
        this.#socket.terminate();
        return;
      }
      this.#asked = !this.#heard;
      if (this.#asked && this.#state === 'open') this.#socket.ping();
      this.#heard = false;
      this.#watch();
    }, pingMs);
  }

  #closed(code: number, text: string): void {
    this.#stopTimers();
    const clean = this.#error === undefined && (code === 1000 || code === 1001 || code === 1005);
    const why = this.#error ?? new Error(code === 1006 ? 'it ended without a farewell' : `the other side closed it with ${code} ${text}`);
    this.#state = 'closed';
    this.#report(clean ? undefined : connectionLost(why, this.remote));
  }

  #stopTimers(): void {
    this.#endTimer?.cancel();
    this.#pingTimer?.cancel();
  }

  #report(reason: Error | undefined): void {
    this.#outcome ??= { reason };
    this.#deliver();
  }
  #tell(): void {
    if (this.#told || this.#sink === undefined) return;
    this.#told = true;
    this.#sink.closed(this.#outcome?.reason);
  }
}

const binary = { binary: true } as const;
