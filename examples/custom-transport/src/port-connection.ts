import type { MessagePort } from 'node:worker_threads';
import { formatAddress, RpcError, type Address, type Clock, type Connection, type ConnectionSink, type Timer } from '@rpcxjs/core';
import { Inbox } from '@rpcxjs/core/inbox';

/** What goes through a port: bytes, how many of them were read, the end of what this side says, and an end in the middle. */
type Message = Uint8Array | number | 'end' | 'abort';

// What a writer may have under way before it is asked to wait, and how much a reader takes before it says so.
const windowBytes = 256 * 1024;
const acknowledgeBytes = 64 * 1024;
const closeTimeoutMs = 5000;

interface PortConnectionInit {
  readonly port: MessagePort;
  readonly clock: Clock;
  readonly local: Address;
  readonly remote: Address;
}

/**
 * One end of a connection. A port takes whatever it is given, so the reader acknowledges what it has read, and the writer counts.
 *
 *     open ── close() ──▶ ending ── the other side ended too, or 5 s ──▶ closed
 *       └── abort(), the end or an abort of the other side, its thread is gone ─▲
 */
export class PortConnection implements Connection {
  readonly local: Address;
  readonly remote: Address;
  readonly #port: MessagePort;
  readonly #clock: Clock;
  /** What has come and is not read yet; `#unacknowledged` of the other side bounds it. */
  readonly #inbox = new Inbox();
  readonly #whenClosed: Promise<void>;
  #settleClosed: () => void = () => {};
  #state: 'open' | 'ending' | 'closed' = 'open';
  #wantsDrain = false;
  /** Written here and not read there. */
  #unacknowledged = 0;
  /** Read here and not said there. */
  #read = 0;
  #endTimer: Timer | undefined;

  constructor({ port, clock, local, remote }: PortConnectionInit) {
    this.#port = port;
    this.#clock = clock;
    this.local = local;
    this.remote = remote;
    this.#whenClosed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    // At once, also before start(): what nobody listens to is lost.
    port.on('message', (message: Message) => this.#take(message));
    port.on('close', () => this.#finish(this.#lost('its thread has ended')));
  }

  /** What is written was copied, so that this is only what the reader is behind by. */
  get bufferedBytes(): number {
    return this.#state === 'closed' ? 0 : Math.max(0, this.#unacknowledged - windowBytes);
  }

  start(sink: ConnectionSink): void {
    const data = (bytes: Uint8Array): void => {
      sink.data(bytes);
      this.#acknowledge(bytes.length);
    };
    this.#inbox.start({ data, drain: () => sink.drain(), closed: (reason) => sink.closed(reason) });
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    if (chunk.length > 0) {
      // A copy of these bytes alone, which then moves: a port would copy all of the memory that they are a part of.
      const copy = new Uint8Array(chunk);
      this.#unacknowledged += copy.length;
      this.#post(copy, [copy.buffer]);
    }
    this.#wantsDrain = this.bufferedBytes > 0;
    return !this.#wantsDrain;
  }

  pause(): void {
    this.#inbox.pause();
  }

  resume(): void {
    this.#inbox.resume();
  }

  /** Waits until the other side has got everything and ended too, at most 5 s. What still comes from there is dropped. */
  close(): Promise<void> {
    this.#inbox.drop();
    if (this.#state === 'open') {
      this.#state = 'ending';
      this.#post('end');
      this.#endTimer = this.#clock.setTimer(() => this.abort(this.#lost(`the other side did not end within ${closeTimeoutMs} ms after this one did`)), closeTimeoutMs);
    }
    return this.#whenClosed;
  }

  abort(reason?: Error): void {
    if (this.#state !== 'closed') this.#post('abort');
    const address = formatAddress(this.remote);
    const why = reason ?? new RpcError('unavailable', `the connection to ${address} was aborted here`, { reason: 'CLOSED', address });
    this.#inbox.cut(why);
    this.#finish(why);
  }

  #post(message: Message, moved: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, moved);
  }

  #take(message: Message): void {
    if (this.#state === 'closed') return;
    if (message === 'abort') this.#finish(this.#lost('the other side aborted it'));
    else if (typeof message === 'number') this.#acknowledged(message);
    else if (message !== 'end') this.#inbox.receive(message);
    else {
      // Whoever ends first is answered, and waits for that.
      if (this.#state === 'open') this.#post('end');
      this.#finish(undefined);
    }
  }

  #acknowledged(bytes: number): void {
    this.#unacknowledged -= bytes;
    if (!this.#wantsDrain || this.#state !== 'open' || this.bufferedBytes > 0) return;
    this.#wantsDrain = false;
    this.#inbox.drain();
  }

  #acknowledge(bytes: number): void {
    this.#read += bytes;
    if (this.#read < acknowledgeBytes || this.#state !== 'open') return;
    this.#post(this.#read);
    this.#read = 0;
  }

  #finish(reason: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#endTimer?.cancel();
    // What was posted before still arrives.
    this.#port.close();
    this.#inbox.end(reason);
    this.#settleClosed();
  }

  #lost(why: string): RpcError {
    const address = formatAddress(this.remote);
    return new RpcError('unavailable', `the connection to ${address} was lost: ${why}`, { reason: 'CONNECTION_LOST', address });
  }
}
