import type { Socket } from 'node:net';
import { formatAddress, RpcError, type Address, type Clock, type Connection, type ConnectionSink, type PeerCertificate, type Timer } from '@rpcxjs/core';
import { Inbox } from '@rpcxjs/core/inbox';
import { connectionLost, takenBytes } from '@rpcxjs/transport-tcp';
import type { WebSocket } from 'ws';

// As of TCP: enough to keep the kernel busy, little enough to notice a slow reader early.
const highWaterBytes = 64 * 1024;
// A message is whole before it is delivered, and its receiver has a limit for it: a large chunk goes as several, and few at a time, so that a ping
// does not wait behind all of it, nor is all of it copied to be masked.
const messageBytes = 256 * 1024;
const windowBytes = 2 * messageBytes;

export interface WsEnds {
  readonly local: Address | undefined;
  readonly remote: Address | undefined;
  readonly certificate: PeerCertificate | undefined;
}
export interface WsConnectionInit extends WsEnds {
  /** What carries the WebSocket. */
  readonly below: Socket;
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
  #state: 'open' | 'ending' | 'closed' = 'open';
  #wantsDrain = false;
  /** Messages of a chunk that was being read come after a pause. */
  readonly #inbox = new Inbox();
  #error: Error | undefined;
  /** What has not been made a message yet. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #bytesRead = 0;
  #messagesSent = 0;
  /** What had moved when the timer last looked, and whether something was left to be sent. */
  #seen: { readonly read: number; readonly sent: number; readonly taken: number; readonly waiting: boolean } = { read: -1, sent: 0, taken: 0, waiting: false };
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
    socket.pause();
    socket.on('message', (data: Buffer) => {
      if (data.length > 0) this.#inbox.receive(data);
    });
    init.below.on('data', (chunk: Buffer) => void (this.#bytesRead += chunk.length));
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

  /** Exact, as of TCP: what the system took of a large message counts as sent. */
  get bufferedBytes(): number {
    if (this.#state === 'closed') return 0;
    const waiting = this.#socket.bufferedAmount;
    return this.#queuedBytes + (waiting === 0 ? 0 : waiting - takenBytes(this.#init.below));
  }

  start(sink: ConnectionSink): void {
    if (this.#inbox.start(sink)) this.#flow();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    if (chunk.length === 0) return true;
    if (this.#queuedBytes === 0 && chunk.length <= messageBytes) this.#socket.send(chunk, binary, this.#sent);
    else {
      this.#queue.push(chunk);
      this.#queuedBytes += chunk.length;
      this.#sendQueued();
    }
    if (this.bufferedBytes < highWaterBytes) return true;
    this.#wantsDrain = true;
    return false;
  }

  pause(): void {
    this.#inbox.pause();
    if (this.#state === 'open') this.#socket.pause();
  }
  resume(): void {
    if (this.#inbox.resume()) this.#flow();
  }

  close(): Promise<void> {
    this.#inbox.drop();
    if (this.#state === 'open') {
      this.#state = 'ending';
      this.#endTimer = this.#init.clock.setTimer(() => {
        this.#error ??= new Error(`it did not end within ${this.#init.closeTimeoutMs} ms after this side did`);
        this.#socket.terminate();
      }, this.#init.closeTimeoutMs);
      // Its farewell is to be read.
      this.#socket.resume();
      if (this.#queuedBytes === 0) this.#socket.close(1000);
    }
    return this.#gone;
  }

  abort(reason?: Error): void {
    this.#state = 'closed';
    this.#stopTimers();
    this.#dropQueue();
    this.#socket.terminate();
    this.#inbox.cut(reason ?? new RpcError('unavailable', `the connection to ${this.#peer()} was aborted here`, { reason: 'CLOSED' }));
  }

  #flow(): void {
    if (this.#state === 'open') this.#socket.resume();
  }
  #peer(): string {
    return this.remote === undefined ? 'a peer without an address' : formatAddress(this.remote);
  }

  #sendQueued(): void {
    const socket = this.#socket;
    while (this.#queuedBytes > 0 && socket.bufferedAmount < windowBytes && socket.readyState === socket.OPEN) {
      const [first = new Uint8Array()] = this.#queue;
      const part = first.subarray(0, messageBytes);
      if (part.length === first.length) this.#queue.shift();
      else this.#queue[0] = first.subarray(messageBytes);
      this.#queuedBytes -= part.length;
      socket.send(part, binary, this.#sent);
    }
  }
  #dropQueue(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  readonly #sent = (): void => {
    this.#messagesSent += 1;
    if (this.#queuedBytes > 0) {
      this.#sendQueued();
      if (this.#queuedBytes === 0 && this.#state === 'ending') this.#socket.close(1000);
    }
    if (!this.#wantsDrain || this.#state !== 'open' || this.bufferedBytes >= highWaterBytes) return;
    this.#wantsDrain = false;
    this.#inbox.drain();
  };

  /** Proxies forget silent connections, and a machine that has lost its power says nothing. */
  #watch(): void {
    const { pingMs, clock } = this.#init;
    if (pingMs === 0) return;
    this.#pingTimer = clock.setTimer(() => {
      const silent = this.#isSilent();
      if (silent && this.#asked && !this.#inbox.paused) {
        this.#error = new Error(`no byte came for ${2 * pingMs} ms, nor after a ping`);
        this.#socket.terminate();
        return;
      }
      // Whoever is not read cannot be heard.
      this.#asked = silent && !this.#inbox.paused;
      if (silent && this.#state === 'open') this.#socket.ping();
      this.#watch();
    }, pingMs);
  }

  /** Bytes count, not messages: a large one takes its time on a slow line, and a ping or its answer waits behind it. */
  #isSilent(): boolean {
    const before = this.#seen;
    const now = { read: this.#bytesRead, sent: this.#messagesSent, taken: takenBytes(this.#init.below), waiting: this.bufferedBytes > 0 };
    this.#seen = now;
    return now.read === before.read && !(before.waiting && (now.sent !== before.sent || now.taken !== before.taken));
  }

  #closed(code: number, text: string): void {
    this.#stopTimers();
    const clean = this.#error === undefined && (code === 1000 || code === 1001 || code === 1005);
    const why = this.#error ?? new Error(code === 1006 ? 'it ended without a farewell' : `the other side closed it with ${code} ${text}`);
    this.#state = 'closed';
    this.#dropQueue();
    const reason = clean ? undefined : connectionLost(why, this.remote);
    // A reader that waits for room to write would wait for ever.
    if (this.#wantsDrain) this.#inbox.cut(reason);
    else this.#inbox.end(reason);
  }

  #stopTimers(): void {
    this.#endTimer?.cancel();
    this.#pingTimer?.cancel();
  }
}

const binary = { binary: true } as const;
