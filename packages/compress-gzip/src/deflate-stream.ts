import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from 'node:zlib';
import { RpcError, type ClientPlugin, type Connection, type ConnectionSink, type ServerPlugin } from '@rpcxjs/core';
import { checkNames, described } from '@rpcxjs/core/options';

export interface DeflateStreamOptions {
  /** From 1 (fastest) to 9 (smallest). @default 1 */
  readonly level?: number | undefined;
}

/** One plugin for both sides. */
export type DeflateStream = ClientPlugin & ServerPlugin & { readonly name: string };

// What valyala/gorpc sends first (transport.go); no frame of rpcx begins with it.
const deflated = 1;
// How many bytes may wait for the thread pool before the writer is asked to wait.
const highWaterBytes = 256 * 1024;

/**
 * Compresses whole connections: repeated calls share one window, so that small ones gain too. The client decides, by one byte at the beginning of the
 * connection; a server that has the plugin serves clients without it as well, Go's among them. Costs about 250 KB for each connection and a trip to Node's thread pool
 * for each flush. Throws TypeError for an invalid level.
 */
export function deflateStream(options: DeflateStreamOptions = {}): DeflateStream {
  checkNames('deflateStream', options, ['level']);
  const { level = 1 } = options;
  if (!Number.isInteger(level) || level < 1 || level > 9) throw new TypeError(`level is ${described(level)}: it takes a whole number from 1 to 9`);
  return {
    name: 'deflate-stream',
    connectionOpened(connection) {
      connection.write(Uint8Array.of(deflated));
      return new StreamedConnection(connection, level, 'deflated');
    },
    acceptConnection: (connection) => new StreamedConnection(connection, level, 'unknown'),
  };
}

/** A connection that deflates everything, or nothing if the client does not; each flush ends so that the other side can read all of it. */
class StreamedConnection implements Connection {
  readonly #inner: Connection;
  readonly #level: number;
  #mode: 'unknown' | 'plain' | 'deflated';
  #sink: ConnectionSink | undefined;
  readonly #held: Uint8Array[] = [];
  #out: DeflateRaw | undefined;
  #in: InflateRaw | undefined;
  /** Bytes that the deflater was given and has not finished. */
  #waiting = 0;
  #flushing = false;
  #blocked = false;
  #paused = false;
  #ended = false;
  #closing: Promise<void> | undefined;

  constructor(inner: Connection, level: number, mode: 'unknown' | 'deflated') {
    this.#inner = inner;
    this.#level = level;
    this.#mode = mode;
  }

  get local(): Connection['local'] {
    return this.#inner.local;
  }
  get remote(): Connection['remote'] {
    return this.#inner.remote;
  }
  get certificate(): Connection['certificate'] {
    return this.#inner.certificate;
  }
  get bufferedBytes(): number {
    return (this.#ended ? 0 : this.#waiting) + this.#inner.bufferedBytes;
  }

  start(sink: ConnectionSink): void {
    this.#sink = sink;
    this.#inner.start({ data: (chunk) => this.#data(chunk), drain: () => this.#drained(), closed: (reason) => this.#innerClosed(reason) });
  }

  write(chunk: Uint8Array): boolean {
    if (this.#mode === 'plain') return this.#inner.write(chunk);
    if (this.#ended || this.#closing !== undefined) return true;
    if (this.#mode === 'unknown') return this.#hold(chunk);
    const out = (this.#out ??= this.#deflater());
    this.#waiting += chunk.length;
    out.write(chunk, () => {
      this.#waiting -= chunk.length;
      this.#drained();
    });
    this.#flushSoon(out);
    this.#blocked ||= this.bufferedBytes >= highWaterBytes;
    return !this.#blocked;
  }

  pause(): void {
    this.#paused = true;
    this.#in?.pause();
    this.#inner.pause();
  }
  resume(): void {
    this.#paused = false;
    this.#in?.resume();
    if (this.#in?.writableNeedDrain !== true) this.#inner.resume();
  }

  close(): Promise<void> {
    if (this.#mode === 'unknown') {
      this.#mode = 'plain';
      this.#letGo();
    }
    return (this.#closing ??= this.#finish());
  }
  abort(reason?: Error): void {
    this.#release();
    this.#inner.abort(reason);
  }

  async #finish(): Promise<void> {
    const out = this.#out;
    if (out !== undefined && !this.#ended) {
      await new Promise<void>((resolve) => {
        out.once('close', resolve);
        out.end();
      });
    }
    await this.#inner.close();
  }

  /** Holds bytes back until the client has said whether it deflates. */
  #hold(chunk: Uint8Array): boolean {
    this.#held.push(Uint8Array.from(chunk));
    this.#waiting += chunk.length;
    this.#blocked ||= this.bufferedBytes >= highWaterBytes;
    return !this.#blocked;
  }
  #letGo(): void {
    for (const chunk of this.#held.splice(0)) {
      this.#waiting -= chunk.length;
      this.write(chunk);
    }
    if (this.#blocked) this.#drained();
  }

  #deflater(): DeflateRaw {
    const out = createDeflateRaw({ level: this.#level, finishFlush: constants.Z_SYNC_FLUSH });
    out.on('data', (chunk: Buffer) => this.#inner.write(chunk));
    out.on('error', (error) => this.abort(error));
    return out;
  }

  /** What is written in one turn shares a flush. */
  #flushSoon(out: DeflateRaw): void {
    if (this.#flushing) return;
    this.#flushing = true;
    void Promise.resolve().then(() => {
      this.#flushing = false;
      if (!this.#ended && this.#closing === undefined) out.flush(constants.Z_SYNC_FLUSH);
    });
  }

  #drained(): void {
    if (this.#mode === 'plain' && !this.#blocked) this.#sink?.drain();
    else if (this.#blocked && !this.#ended && this.bufferedBytes < highWaterBytes / 2) {
      this.#blocked = false;
      this.#sink?.drain();
    }
  }

  #data(chunk: Uint8Array): void {
    let rest = chunk;
    if (this.#mode === 'unknown' && chunk.length > 0) {
      this.#mode = chunk[0] === deflated ? 'deflated' : 'plain';
      if (this.#mode === 'deflated') rest = chunk.subarray(1);
      this.#letGo();
    }
    if (this.#mode !== 'deflated') {
      this.#sink?.data(rest);
      return;
    }
    if (rest.length === 0) return;
    const into = (this.#in ??= this.#inflater());
    // The transport reads into the same memory again.
    if (into.write(Uint8Array.from(rest))) return;
    this.#inner.pause();
    into.once('drain', () => {
      if (!this.#paused && !this.#ended) this.#inner.resume();
    });
  }

  #inflater(): InflateRaw {
    const into = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH });
    into.on('data', (chunk: Buffer) => this.#sink?.data(chunk));
    into.on('error', (cause) => this.abort(new RpcError('data_loss', 'what the other side sends is no deflated stream', { reason: 'BAD_FRAME', cause })));
    if (this.#paused) into.pause();
    return into;
  }

  /** What came before the end is inflated before it is told. */
  #innerClosed(reason: Error | undefined): void {
    const into = this.#in;
    const tell = (): void => {
      this.#release();
      this.#sink?.closed(reason);
    };
    if (reason !== undefined || into === undefined || into.destroyed) {
      tell();
      return;
    }
    into.once('end', tell);
    into.end();
  }

  #release(): void {
    this.#ended = true;
    this.#out?.destroy();
    this.#in?.destroy();
  }
}
