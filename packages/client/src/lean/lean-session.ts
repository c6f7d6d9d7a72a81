import { createMetadata, readUtf8, RpcError, thrownText, type Connection, type ConnectionSink, type Metadata, type Runtime, type Timer } from '@rpcxjs/core';
import { flag, readMetadata, reserved, timeoutText, type FrameLimits, type FrameView } from '@rpcxjs/protocol';
import { acceptAnswer, cancelWord, createNonce, drainStage, drainWord, errorsWord, formatOffer } from '@rpcxjs/session';
import { FrameBuffer, type FrameText } from './frame-buffer.ts';
import { FrameInbox } from './frame-inbox.ts';
import type { LeanCall } from './lean-call.ts';

export interface LeanSessionOptions {
  readonly connection: Connection;
  readonly address: string;
  readonly runtime: Runtime;
  readonly limits: FrameLimits;
  readonly token: (() => string) | undefined;
}
/** What a connection tells whoever opened it. A frame's view is valid during the call only. */
export interface LeanSessionEvents {
  replied(call: LeanCall, frame: FrameView, session: LeanSession): void;
  pushed(frame: FrameView, address: string): void;
  /** Calls can be written again. */
  drained(): void;
  /** The server is shutting down: new calls had better take another connection. */
  leaving(session: LeanSession): void;
  /** Last of all, with the calls that had no reply. */
  ended(session: LeanSession, error: RpcError, waiting: readonly LeanCall[]): void;
}

const words = [cancelWord, errorsWord, drainWord];
const none: ReadonlySet<string> = new Set();
// The same times as in the whole client.
const busyMs = 2000;
const idleMs = 15_000;
const answerMs = 3000;
// A timer that is this late was held back, for example in a page in the background: what came meanwhile is still to be read.
const heldBackMs = 500;

/** One connection to a server, with the calls that wait for it: requests, replies, heartbeats and what both sides agreed on. */
export class LeanSession implements ConnectionSink {
  readonly address: string;
  /** It takes no new calls, and ends with the last one that it has. */
  leaving = false;
  /** Whether a frame has come. */
  heard = false;
  #words = none;
  #nonce: string;
  #sequence = 0;
  #open = true;
  #flushing = false;
  #ended = false;
  #reason: RpcError | undefined;
  #heardAt: number;
  #askedAt = Infinity;
  #dueAt = Infinity;
  #timer: Timer | undefined;
  readonly #pending = new Map<number, LeanCall>();
  readonly #buffer = new FrameBuffer();
  readonly #inbox: FrameInbox;
  readonly #options: LeanSessionOptions;
  readonly #events: LeanSessionEvents;

  constructor(options: LeanSessionOptions, events: LeanSessionEvents) {
    const { clock } = options.runtime;
    this.address = options.address;
    this.#options = options;
    this.#events = events;
    this.#heardAt = clock.now();
    this.#nonce = createNonce(clock);
    this.#inbox = new FrameInbox(options.limits, (frame) => this.#read(frame));
  }

  /** Introduces itself and begins to read. */
  start(): void {
    this.#heartbeat({ [reserved.offer]: formatOffer(this.#nonce, words) });
    this.#options.connection.start(this);
    this.#lookAt(this.#heardAt + idleMs);
  }

  get writable(): boolean {
    return this.#open && !this.#ended && !this.leaving && !this.#buffer.isOpen;
  }
  get ended(): boolean {
    return this.#ended;
  }
  agreed(word: string): boolean {
    return this.#words.has(word);
  }

  /** May be called only while `writable`. Throws what the codec or the token function throws, having written nothing. */
  send(call: LeanCall): void {
    const { to } = call;
    const { limits, runtime, token } = this.#options;
    const now = runtime.clock.now();
    const metadata = createMetadata(call.options?.metadata);
    // A clock's fractions may make 9999.999… of 10000, which is floored.
    if (call.deadlineAt !== Infinity) metadata[reserved.timeout] = timeoutText(Math.max(0, call.deadlineAt - now + 0.001));
    if (token !== undefined) metadata[reserved.auth] ??= token();
    const sequence = this.#next();
    this.#buffer.frame(
      {
        service: to.service, method: to.method, codecId: to.codec.id, flags: call.oneway ? flag.oneway : 0, sequence, metadata,
        payload: (payload) => to.input.encode(call.input, payload),
      },
      (bytes) => {
        if (bytes <= limits.maxFrameBytes) return;
        throw new RpcError('resource_exhausted', `the input of ${call.name} takes ${bytes} bytes, and ${limits.maxFrameBytes} are allowed; raise limits.maxFrameBytes`, { reason: 'TOO_LARGE', sent: false });
      },
    );
    call.sent = true;
    if (!call.oneway) {
      call.sequence = sequence;
      this.#pending.set(sequence, call);
      if (this.#pending.size === 1) this.#lookAt(Math.max(now, this.#heardAt) + busyMs);
    }
    this.#flushSoon();
  }

  /** The caller no longer waits; the server is told, if it is one that understands. */
  forget(call: LeanCall): void {
    if (this.#pending.get(call.sequence) !== call) return;
    this.#pending.delete(call.sequence);
    if (this.agreed(cancelWord)) this.#control(cancelWord, call.sequence);
    this.#leaveIfIdle();
  }

  /** Ends when its last call has. */
  leave(): void {
    if (this.leaving) return;
    this.leaving = true;
    this.#events.leaving(this);
    this.#leaveIfIdle();
  }

  close(): Promise<void> {
    this.#flush();
    return this.#options.connection.close();
  }

  fail(error: RpcError): void {
    if (this.#ended) return;
    this.#reason = error;
    this.#options.connection.abort(error);
    this.closed(error);
  }

  data(chunk: Uint8Array): void {
    if (this.#ended) return;
    this.#heardAt = this.#options.runtime.clock.now();
    this.#askedAt = Infinity;
    try {
      this.#inbox.push(chunk);
    } catch (error) {
      if (!RpcError.is(error)) throw error;
      this.fail(error);
    }
  }

  drain(): void {
    this.#open = true;
    this.#events.drained();
  }

  closed(reason: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    const cause = this.#reason ?? reason;
    const why = cause === undefined ? 'the server closed it' : thrownText(cause);
    const error = cause !== undefined && RpcError.is(cause) && cause.reason === 'CLOSED'
      ? cause
      : new RpcError('unavailable', `the connection to ${this.address} ended: ${why}`, { reason: this.#reason?.reason ?? 'CONNECTION_LOST', address: this.address, cause });
    this.#events.ended(this, error, waiting);
  }

  #read(frame: FrameView): void {
    if (this.#ended) return;
    this.heard = true;
    if (frame.isHeartbeat) this.#onHeartbeat(frame);
    else if (frame.isResponse) {
      const call = frame.sequenceHigh === 0 ? this.#pending.get(frame.sequenceLow) : undefined;
      if (call === undefined) return;
      this.#pending.delete(frame.sequenceLow);
      this.#events.replied(call, frame, this);
      this.#leaveIfIdle();
    } else if (frame.isOneway) {
      if (readUtf8(frame.bytes, frame.serviceStart, frame.serviceEnd) === reserved.controlPath) this.#onControl(frame);
      else this.#events.pushed(frame, this.address);
    }
  }

  #onHeartbeat(frame: FrameView): void {
    const answer = frame.isResponse ? readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd)[reserved.accept] : undefined;
    if (answer !== undefined) this.#words = acceptAnswer(answer, this.#nonce, words) ?? none;
  }

  /** A server that is shutting down still serves until its last word, and there is no other one to prefer. */
  #onControl(frame: FrameView): void {
    if (!this.agreed(drainWord) || readUtf8(frame.bytes, frame.methodStart, frame.methodEnd) !== drainWord || frame.sequenceLow !== drainStage.last) return;
    // What is written behind this would be lost.
    this.#control(drainWord, drainStage.last);
    this.leave();
  }

  #leaveIfIdle(): void {
    if (this.leaving && this.#pending.size === 0 && !this.#ended) void this.close();
  }

  #next(): number {
    while (this.#pending.has(this.#sequence)) this.#sequence = (this.#sequence + 1) >>> 0;
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) >>> 0;
    return sequence;
  }

  #control(word: string, sequence: number): void {
    this.#frame({ flags: flag.oneway, service: reserved.controlPath, method: word, sequence });
  }
  #heartbeat(metadata: Metadata): void {
    this.#frame({ flags: flag.heartbeat, sequence: this.#next(), metadata });
  }
  #frame(frame: Pick<FrameText, 'flags' | 'sequence'> & Partial<FrameText>): void {
    if (this.#ended || this.#buffer.isOpen) return;
    this.#buffer.frame({ service: '', method: '', codecId: 0, metadata: {}, payload: () => {}, ...frame });
    this.#flushSoon();
  }

  /** Sends everything that is written in one turn together. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    void Promise.resolve().then(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    if (!this.#ended && this.#buffer.offset > 0) this.#open = this.#options.connection.write(this.#buffer.take());
  }

  #lookAt(at: number): void {
    if (at >= this.#dueAt || this.#ended) return;
    const { clock } = this.#options.runtime;
    this.#timer?.cancel();
    this.#dueAt = at;
    this.#timer = clock.setTimer(() => this.#look(clock.now()), at - clock.now());
  }

  /** Any byte is a sign of life. After silence a heartbeat is sent, and without an answer the connection is given up. */
  #look(now: number): void {
    const lateMs = now - this.#dueAt;
    this.#dueAt = Infinity;
    const silentMs = now - this.#heardAt;
    const mostMs = this.#pending.size > 0 ? busyMs : idleMs;
    if (lateMs > heldBackMs) this.#lookAt(now + 1);
    else if (this.#askedAt !== Infinity) {
      if (now - this.#askedAt < answerMs) this.#lookAt(this.#askedAt + answerMs);
      else this.fail(new RpcError('unavailable', `no byte came for ${Math.round(silentMs)} ms, nor within ${answerMs} ms after a heartbeat`, { reason: 'PEER_SILENT' }));
    } else if (silentMs >= mostMs) {
      this.#askedAt = now;
      this.#heartbeat({});
      this.#lookAt(now + answerMs);
    } else this.#lookAt(this.#heardAt + mostMs);
  }
}
