import { Duplex } from 'node:stream';
import { splitHostPort } from '@rpcxjs/core';
import type { Address, Clock, Connection, Timer } from '@rpcxjs/core';

type Done = (error?: Error | null) => void;

/** A connection as the stream that `node:http` and `node:tls` work on: what they use of a socket is there. */
export class ConnectionDuplex extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #whenClosed: (reason: Error | undefined) => void;
  #ended = false;
  /** The callback of the write that waits for `drain`. */
  #writing: Done | undefined;
  #timeoutMs = 0;
  #lastActivity = 0;
  #timer: Timer | undefined;

  /** Starts the connection; `whenClosed` is called once with what its sink hears. */
  constructor(connection: Connection, clock: Clock, whenClosed: (reason: Error | undefined) => void = () => {}) {
    super();
    this.#connection = connection;
    this.#clock = clock;
    this.#whenClosed = whenClosed;
    ({ address: this.remoteAddress, port: this.remotePort } = partsOf(connection.remote));
    ({ address: this.localAddress, port: this.localPort } = partsOf(connection.local));
    connection.start({ data: (chunk) => this.#arrived(chunk), drain: () => this.#drained(), closed: (reason) => this.#closed(reason) });
  }

  get timeout(): number {
    return this.#timeoutMs;
  }

  /** As `net.Socket.setTimeout`: emits `timeout` after this many milliseconds without a byte either way; 0 is off. */
  readonly setTimeout: (timeoutMs: number, listener?: () => void) => this = (timeoutMs, listener) => {
    this.#timeoutMs = timeoutMs;
    this.#active();
    this.#timer?.cancel();
    this.#timer = undefined;
    if (timeoutMs > 0 && !this.destroyed) this.#watch(timeoutMs);
    if (listener !== undefined) {
      if (timeoutMs > 0) this.once('timeout', listener);
      else this.off('timeout', listener);
    }
    return this;
  };

  /** Done by the transport. */
  setNoDelay(): this {
    return this;
  }

  /** Done by the transport. */
  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** Ends after what is queued was sent, as `net.Socket.destroySoon`, which HTTP calls after its last answer. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  override _read(): void {
    this.#connection.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    // The writer may use its memory again once it is told that the chunk is written.
    this.#send(Buffer.from(chunk), done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: Done): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: Done): void {
    void this.#connection.close().then(() => done());
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#timer?.cancel();
    if (!this.#ended) this.#connection.abort(error ?? undefined);
    this.#written(gone());
    done(error);
  }

  /** The chunk is lent, and a stream keeps what it gets. */
  #arrived(chunk: Uint8Array): void {
    this.#active();
    if (!this.push(Buffer.from(chunk))) this.#connection.pause();
  }

  #drained(): void {
    this.#active();
    this.#written();
  }

  #closed(reason: Error | undefined): void {
    this.#ended = true;
    this.#timer?.cancel();
    this.#whenClosed(reason);
    if (reason !== undefined) {
      this.destroy(reason);
      return;
    }
    this.push(null);
    this.#written(gone());
  }

  #send(bytes: Buffer, done: Done): void {
    this.#active();
    if (this.#ended) done(gone());
    else if (this.#connection.write(bytes)) done();
    else this.#writing = done;
  }

  #written(error?: Error): void {
    const done = this.#writing;
    this.#writing = undefined;
    done?.(error);
  }

  #active(): void {
    if (this.#timeoutMs > 0) this.#lastActivity = this.#clock.now();
  }

  #watch(delayMs: number): void {
    this.#timer = this.#clock.setTimer(() => {
      const left = this.#lastActivity + this.#timeoutMs - this.#clock.now();
      if (left > 0) this.#watch(left);
      else this.emit('timeout');
    }, delayMs);
  }
}

function gone(): Error {
  return Object.assign(new Error('the connection has ended'), { code: 'EPIPE' });
}

/** Host and port of an address, empty for networks that have none. */
function partsOf(address: Address | undefined): { readonly address: string | undefined; readonly port: number | undefined } {
  try {
    if (address === undefined) return { address: undefined, port: undefined };
    const { host, port } = splitHostPort(address.host);
    return { address: host, port };
  } catch {
    return { address: address?.host, port: undefined };
  }
}
