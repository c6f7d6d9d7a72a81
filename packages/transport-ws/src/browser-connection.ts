import { formatAddress, RpcError, type Address, type Clock, type Connection, type ConnectionSink, type Timer } from '@rpcxjs/core';
import { Inbox } from '@rpcxjs/core/inbox';

/** The part of a page's WebSocket that is used here. */
export interface PageSocket {
  binaryType: string;
  readonly bufferedAmount: number;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
}

const highWaterBytes = 256 * 1024;
// A message is whole before it is delivered, and its receiver has a limit for it: a large chunk goes as several.
const messageBytes = 256 * 1024;
const drainCheckMs = 20;

/** A connection over a page's WebSocket that is open. */
export class BrowserConnection implements Connection {
  readonly local: undefined;
  readonly remote: Address;
  readonly #socket: PageSocket;
  readonly #clock: Clock;
  /** A page cannot hold messages back. */
  readonly #inbox = new Inbox();
  #open = true;
  #drain: Timer | undefined;
  #left!: () => void;
  readonly #gone = new Promise<void>((resolve) => (this.#left = resolve));

  constructor(socket: PageSocket, remote: Address, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.remote = remote;
    socket.addEventListener('message', ({ data }) => {
      // Text frames are for others.
      if (data instanceof ArrayBuffer) this.#inbox.receive(new Uint8Array(data));
    });
    socket.addEventListener('close', ({ code, reason }) => {
      const why = code === 1006 ? 'the connection broke' : `it was closed with ${code} ${reason}`;
      this.#writeNoMore();
      this.#inbox.end(code <= 1001 || code === 1005 ? undefined : new RpcError('unavailable', `the WebSocket to ${formatAddress(remote)} was lost: ${why}`, { reason: 'CONNECTION_LOST' }));
      this.#left();
    });
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  start(sink: ConnectionSink): void {
    this.#inbox.start(sink);
  }

  write(chunk: Uint8Array): boolean {
    if (!this.#open) return false;
    for (let at = 0; at < chunk.length; at += messageBytes) {
      this.#socket.send(chunk.subarray(at, at + messageBytes) as Uint8Array<ArrayBuffer>); // the writers of frames share no memory
    }
    if (this.#socket.bufferedAmount < highWaterBytes) return true;
    this.#drain ??= this.#clock.setTimer(() => this.#look(), drainCheckMs);
    return false;
  }

  pause(): void {
    this.#inbox.pause();
  }
  resume(): void {
    this.#inbox.resume();
  }

  close(): Promise<void> {
    this.#inbox.drop();
    this.#writeNoMore();
    this.#socket.close(1000);
    return this.#gone;
  }

  abort(reason?: Error): void {
    // The best that a page can do: it has no way to cut.
    this.#socket.close(1000);
    this.#writeNoMore();
    this.#inbox.cut(reason ?? new RpcError('unavailable', 'the WebSocket was aborted here', { reason: 'CLOSED' }));
  }

  /** A page is not told when bytes have left. */
  #look(): void {
    this.#drain = undefined;
    if (this.#socket.bufferedAmount < highWaterBytes) this.#inbox.drain();
    else this.#drain = this.#clock.setTimer(() => this.#look(), drainCheckMs);
  }

  #writeNoMore(): void {
    this.#open = false;
    this.#drain?.cancel();
  }
}
