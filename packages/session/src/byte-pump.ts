import type { Clock, Connection, ConnectionSink, Timer } from '@rpcxjs/core';
import { BatchWriter } from './batch-writer.ts';
import type { FlushPolicy } from './flush-policy.ts';
import { createTraffic, type Traffic } from './traffic.ts';

const settled = Promise.resolve();

/** Who is told what happens on the connection. */
export interface PumpHandler {
  /** `chunk` is valid during this call only. */
  data(chunk: Uint8Array): void;
  /** More bytes wait for the network than the high-water mark; `drained` follows. */
  blocked(): void;
  /** They are below it again. */
  drained(): void;
  /** Last of all, exactly once. `undefined` means that the other side ended cleanly or we closed. */
  closed(reason: Error | undefined): void;
}

export interface PumpOptions {
  /** Bytes accepted by the transport and not yet by the network, above which nothing more should be written. */
  readonly highWaterBytes: number;
  /** When to flush, instead of at the end of the turn or at `flushAtBytes`. */
  readonly flush?: FlushPolicy | undefined;
  /** Measures the delay of the flush policy; without a clock there is no delay. */
  readonly clock?: Clock | undefined;
}

/**
 * Moves bytes over one connection: what is written during a turn leaves in one piece at its end, or earlier in pieces of `flushAtBytes`.
 * It knows no frames. Nobody else writes to the connection.
 */
export class BytePump implements ConnectionSink {
  readonly writer: BatchWriter = new BatchWriter();
  readonly traffic: Traffic = createTraffic();
  readonly connection: Connection;
  /** See `flushThreshold`. */
  flushAtBytes = 4096;
  /** False while more bytes wait for the network than the high-water mark. */
  writable = true;
  ended = false;
  readonly #handler: PumpHandler;
  readonly #highWaterBytes: number;
  readonly #policy: FlushPolicy | undefined;
  readonly #clock: Clock | undefined;
  #flushing = false;
  /** With a flush policy: the frames written since the last flush, and the timer that ends its delay. */
  #gathered = 0;
  #timer: Timer | undefined;

  constructor(connection: Connection, handler: PumpHandler, options: PumpOptions) {
    this.connection = connection;
    this.#handler = handler;
    this.#highWaterBytes = options.highWaterBytes;
    this.#policy = options.flush;
    this.#clock = options.clock;
  }

  start(): void {
    this.connection.start(this);
  }

  /** To be called after something whole was put into `writer`. */
  written(): void {
    if (this.#policy !== undefined) this.#gather(this.#policy);
    else if (this.writer.pendingBytes >= this.flushAtBytes) this.flush();
    else if (!this.#flushing) {
      this.#flushing = true;
      // A microtask by way of a promise: queueMicrotask makes an async resource each time.
      void settled.then(this.#flushLater);
    }
  }

  #gather({ delayMs, maxBytes, maxMessages }: FlushPolicy): void {
    this.#gathered += 1;
    if (delayMs === 0 || this.#gathered >= maxMessages || this.writer.pendingBytes >= maxBytes) this.flush();
    else if (delayMs > 0 && this.#clock !== undefined) this.#timer ??= this.#clock.setTimer(() => this.#due(), delayMs);
    else if (!this.#flushing) {
      this.#flushing = true;
      void settled.then(this.#flushLater);
    }
  }

  /** The delay is over. A frame that is being written is not cut: whoever closes it calls `written`. */
  #due(): void {
    this.#timer = undefined;
    if (!this.writer.isOpen) this.flush();
  }

  readonly #flushLater = (): void => {
    this.#flushing = false;
    if (!this.writer.isOpen) this.flush();
  };

  flush(): void {
    const { connection, writer } = this;
    if (writer.pendingBytes === 0) return;
    this.#gathered = 0;
    if (this.#timer !== undefined) this.#disarm();
    if (this.ended) {
      writer.release(true);
      return;
    }
    let accepted = true;
    for (const chunk of writer.chunks()) {
      this.traffic.bytesWritten += chunk.length;
      this.traffic.chunksWritten += 1;
      accepted = connection.write(chunk);
    }
    const waiting = connection.bufferedBytes;
    writer.release(waiting === 0);
    // A connection that took everything will not say that it drained.
    if (accepted || waiting < this.#highWaterBytes || !this.writable) return;
    this.writable = false;
    this.#handler.blocked();
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  data(chunk: Uint8Array): void {
    this.traffic.bytesRead += chunk.length;
    this.traffic.chunksRead += 1;
    this.#handler.data(chunk);
  }

  drain(): void {
    if (this.writable || this.connection.bufferedBytes >= this.#highWaterBytes) return;
    this.writable = true;
    this.#handler.drained();
  }

  closed(reason: Error | undefined): void {
    if (this.ended) return;
    this.ended = true;
    this.#disarm();
    this.#handler.closed(reason);
  }

  /** Sends what is queued, then ends. A frame that is being written goes out whole. */
  close(): Promise<void> {
    if (this.writer.isOpen) return settled.then(() => this.close());
    this.flush();
    return this.connection.close();
  }

  /** Ends now, dropping what is queued. */
  abort(reason?: Error): void {
    this.connection.abort(reason);
  }
}
