import { formatAddress, RpcError } from '@rpcxjs/core';
import type { Address, Connection, ConnectionSink, PeerCertificate, Timer } from '@rpcxjs/core';
import { connectionLost } from '@rpcxjs/transport-tcp';
import type { QuicEnding } from './engine.ts';
import type { EngineLoop, LoopOwner } from './engine-loop.ts';
import { abortedCode, endedCode } from './quic-error.ts';

// rpcx has one stream: the first that a client may open for both directions.
const stream = 0;
// Above this the caller is asked to wait: enough to keep the engine busy, little enough to notice a slow reader early.
const writeHighWaterBytes = 64 * 1024;
// One buffer for all connections of the process: a read is delivered before the next one begins.
const readBytes = 256 * 1024;
// How long a peer that has ended may take to acknowledge our end: Go's rpcx ends its side and then often its process, without a word.
const acknowledgeMs = 1000;
const nothing = new Uint8Array(0);
let readBuffer: Uint8Array | undefined;

export interface QuicConnectionInit {
  readonly loop: EngineLoop;
  /** A server's side of the stream is there once the client has sent something. */
  readonly dialled: boolean;
  readonly local: Address | undefined;
  readonly remote: Address | undefined;
  readonly certificate: PeerCertificate | undefined;
  readonly closeTimeoutMs: number;
  describe(ending: QuicEnding | undefined): Error;
}

/**
 * The one stream of a QUIC connection.
 *
 *     open ── close(), or the other side ended ──▶ ending ── both ends acknowledged, or closeTimeoutMs ──▶ closed
 *       └───────────────── abort(), an error ────────┴──────────────────────────────────────────────────────▲
 */
export class QuicConnection implements Connection, LoopOwner {
  readonly local: Address | undefined;
  readonly remote: Address | undefined;
  readonly certificate?: PeerCertificate | undefined;
  readonly #init: QuicConnectionInit;
  #sink: ConnectionSink | undefined;
  #state: 'open' | 'ending' | 'closed' = 'open';
  #paused = true;
  #reading = false;
  /** What the engine did not take yet; the first one from `#offset` on. */
  #queue: Uint8Array[] = [];
  #offset = 0;
  #queuedBytes = 0;
  #wantsDrain = false;
  /** Whether a byte or an end went over the stream, in any direction. */
  #opened = false;
  #finSent = false;
  #finReceived = false;
  /** Set when the engine has ended or the stream broke; what came before may still have to be read. */
  #broken: { readonly error: Error; readonly clean: boolean } | undefined;
  /** How the connection ended; set once the sink was told, or would have been told if there were one. */
  #outcome: { readonly reason: Error | undefined } | undefined;
  #endTimer: Timer | undefined;
  #whenClosed: Promise<void> | undefined;
  #resolveClosed: (() => void) | undefined;

  constructor(init: QuicConnectionInit) {
    this.#init = init;
    this.local = init.local;
    this.remote = init.remote;
    if (init.certificate !== undefined) this.certificate = init.certificate;
  }

  get bufferedBytes(): number {
    return this.#queuedBytes;
  }

  start(sink: ConnectionSink): void {
    if (this.#sink !== undefined) throw new TypeError('start() was called twice; a connection has one sink');
    this.#sink = sink;
    if (this.#outcome !== undefined) sink.closed(this.#outcome.reason);
    else this.resume();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    if (chunk.length === 0) return true;
    const taken = this.#queue.length === 0 ? this.#give(chunk) : 0;
    if (taken > 0) this.#init.loop.flushSoon();
    if (taken === chunk.length) return true;
    this.#queue.push(taken === 0 ? chunk : chunk.subarray(taken));
    this.#queuedBytes += chunk.length - taken;
    if (this.#queuedBytes < writeHighWaterBytes) return true;
    this.#wantsDrain = true;
    return false;
  }

  /** What is not read keeps the other side's window closed. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (this.#state !== 'open' || this.#sink === undefined || !this.#paused) return;
    this.#paused = false;
    // Never at once: the caller may be inside a data() whose chunk is in the buffer that all share.
    this.#init.loop.schedule();
  }

  /** Waits until the other side has ended too, at most `closeTimeoutMs`. What still arrives is dropped. */
  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#beginEnding(this.#init.closeTimeoutMs);
      // Reads what is there to the end; not in the caller's own turn.
      this.#init.loop.schedule();
    }
    return (this.#whenClosed ??= this.#state === 'closed' ? Promise.resolve() : new Promise((resolve) => (this.#resolveClosed = resolve)));
  }

  /** Calls `closed` before it returns. */
  abort(reason?: Error): void {
    if (this.#state === 'closed') return;
    this.#init.loop.close(true, abortedCode, 'aborted');
    this.#finish(reason ?? new RpcError('unavailable', `the connection to ${this.#peer() ?? 'a peer without an address'} was aborted here`, { reason: 'CLOSED', address: this.#peer() }));
  }

  progress(): void {
    if (this.#state === 'closed') return;
    this.#read();
    this.#pump();
    this.#settle();
  }

  ended(ending: QuicEnding | undefined): void {
    const early = ending?.by === 'peer' && ending.application && ending.code === endedCode;
    this.#broken ??= { error: this.#init.describe(ending), clean: early && (this.#state === 'ending' || !this.#opened) };
    this.progress();
  }

  /** The system reports that nobody is at the other end any more. */
  fail(error: Error): void {
    if (this.#state === 'closed' || this.#broken !== undefined) return;
    this.#broken = { error, clean: false };
    this.#init.loop.close(true, abortedCode, 'the peer is gone');
    this.progress();
  }

  #peer(): string | undefined {
    return this.remote === undefined ? undefined : formatAddress(this.remote);
  }

  // Reads `state` anew: a callback may have changed it since the last check, which the compiler does not know.
  #is(state: 'open' | 'ending' | 'closed'): boolean {
    return this.#state === state;
  }

  #give(chunk: Uint8Array): number {
    if (this.#broken !== undefined || (!this.#init.dialled && !this.#opened)) return 0;
    try {
      const taken = this.#init.loop.engine.streamWrite(stream, chunk, false);
      if (taken > 0) this.#opened = true;
      return taken;
    } catch (cause) {
      this.#breakStream(cause);
      return 0;
    }
  }

  #breakStream(cause: unknown): void {
    this.#broken ??= { error: new Error(`the other side gave the stream up: ${cause instanceof Error ? cause.message : String(cause)}`, { cause }), clean: false };
    this.#init.loop.schedule();
  }

  #read(): void {
    if (this.#reading || this.#finReceived) return;
    this.#reading = true;
    try {
      while (this.#readOnce());
    } finally {
      this.#reading = false;
    }
  }

  /** False when there is nothing to read, or nobody to read it. */
  #readOnce(): boolean {
    if (this.#state === 'closed' || (this.#state === 'open' && (this.#paused || this.#sink === undefined))) return false;
    readBuffer ??= new Uint8Array(new ArrayBuffer(readBytes));
    let got: readonly [bytes: number, fin: boolean] | undefined;
    try {
      got = this.#init.loop.engine.streamRead(stream, readBuffer);
    } catch (cause) {
      this.#breakStream(cause);
      return false;
    }
    if (got === undefined) return false;
    this.#opened = true;
    const [bytes, fin] = got;
    if (bytes > 0 && this.#state === 'open') this.#sink?.data(readBuffer.subarray(0, bytes));
    if (!fin) return true;
    this.#finReceived = true;
    this.#beginEnding(Math.min(acknowledgeMs, this.#init.closeTimeoutMs));
    this.#report(undefined);
    return false;
  }

  #pump(): void {
    let wrote = false;
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const rest = this.#offset === 0 ? first : first.subarray(this.#offset);
      const taken = this.#give(rest);
      this.#queuedBytes -= taken;
      wrote ||= taken > 0;
      if (taken < rest.length) {
        this.#offset += taken;
        break;
      }
      this.#offset = 0;
      this.#queue.shift();
    }
    if (wrote) this.#init.loop.flushSoon();
    if (this.#queue.length === 0 && this.#wantsDrain && this.#state === 'open') {
      this.#wantsDrain = false;
      this.#sink?.drain();
    }
  }

  /** Ends what is ready to end. */
  #settle(): void {
    if (this.#state === 'closed') return;
    if (this.#broken !== undefined) {
      // A reader that is paused gets what came before the end first.
      if (this.#state === 'open' && this.#paused && this.#sink !== undefined) return;
      if (this.#state === 'open' && this.#sink === undefined && this.#opened) return;
      this.#init.loop.close(true, abortedCode, 'the stream broke');
      this.#finish(this.#broken.clean ? undefined : connectionLost(this.#broken.error, this.remote));
      return;
    }
    if (this.#state !== 'ending' || this.#queue.length > 0) return;
    if (!this.#opened) {
      this.#end();
      return;
    }
    this.#sendEnd();
    if (this.#finSent && this.#finReceived && this.#init.loop.engine.streamDone(stream)) this.#end();
  }

  #sendEnd(): void {
    if (this.#finSent) return;
    try {
      this.#init.loop.engine.streamWrite(stream, nothing, true);
      this.#finSent = true;
    } catch (cause) {
      this.#breakStream(cause);
    }
  }

  /** Ends after everything was transferred, or when there was nothing to transfer. */
  #end(): void {
    this.#init.loop.close(true, endedCode, '');
    this.#finish(undefined);
  }

  #beginEnding(limitMs: number): void {
    // A sink may have closed or aborted just now.
    if (this.#is('closed')) return;
    this.#state = 'ending';
    this.#endTimer?.cancel();
    this.#endTimer = this.#init.loop.clock.setTimer(() => {
      this.#init.loop.close(true, abortedCode, 'it took too long to end');
      this.#finish(connectionLost(new Error(`it did not end within ${this.#init.closeTimeoutMs} ms after this side did`), this.remote));
    }, limitMs);
  }

  #finish(reason: Error | undefined): void {
    this.#state = 'closed';
    this.#endTimer?.cancel();
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#report(reason);
    this.#resolveClosed?.();
  }

  #report(reason: Error | undefined): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = { reason };
    this.#sink?.closed(reason);
  }
}
