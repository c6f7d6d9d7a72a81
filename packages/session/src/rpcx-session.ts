import { readUtf8, RpcError, type Connection, type Metadata, type Runtime } from '@rpcxjs/core';
import { flag, readMetadata, reserved, writeFrame, type FrameView, type WholeFrame } from '@rpcxjs/protocol';
import type { BatchWriter } from './batch-writer.ts';
import { BytePump, type PumpHandler } from './byte-pump.ts';
import { acceptAnswer, common, createNonce, formatAnswer, formatOffer, parseOffer } from './capabilities.ts';
import type { Extension, ExtensionPort } from './extension.ts';
import { FrameIntake } from './frame-intake.ts';
import { Liveness, type Watched } from './liveness.ts';
import type { Sequenced } from './sequence-table.ts';
import type { SessionSettings } from './session-limits.ts';
import type { Traffic } from './traffic.ts';

/** Handles what arrives. A frame's view is valid during the call only. */
export interface SessionHandler {
  /** On a server a call; on a client a message that the server sent by itself. */
  request(frame: FrameView): void;
  response(frame: FrameView): void;
  /** The other side reads again. */
  drained(): void;
  /** The other side is one of ours; told once. */
  agreed(words: ReadonlySet<string>): void;
  /** A heartbeat of the other side came, and was answered. */
  heartbeat?(): void;
  /** The other side answered one of our heartbeats; `sequenceLow` is the low half of its number. */
  answered?(sequenceLow: number): void;
  /** A request has a frame longer than allowed. Called before the connection is closed for it, so that the caller can be answered. */
  refused?(sequenceHigh: number, sequenceLow: number, error: RpcError): void;
  /** Last of all, exactly once. */
  sessionClosed(reason: RpcError | undefined): void;
  /** Calls that wait for the other side. */
  pendingCalls(): number;
}

export interface SessionOptions {
  readonly role: 'client' | 'server';
  readonly connection: Connection;
  readonly runtime: Runtime;
  readonly settings: SessionSettings;
  readonly extensions: readonly Extension[];
  readonly handler: SessionHandler;
  /** Number of the first frame that a client sends, as two halves; it wraps after 2^64. @default 0 and 0 */
  readonly firstSequence?: Sequenced | undefined;
}

const none: ReadonlySet<string> = new Set();
const emptyFrame = { flags: 0, codecId: 0, service: '', method: '', metadata: undefined, payload: (): void => {} };
// With this factor for each chunk, half of a burst is forgotten after some forty chunks.
const burstDecay = 63 / 64;
// The clock is looked at early at first, because a peer's first frames may be the slowest to handle.
const firstLook = 16;
const controlLength = reserved.controlPath.length;

/** One rpcx connection, from either end: frames, heartbeats, what both sides can do. Calls are its handler's business. */
export class RpcxSession implements PumpHandler, Watched, ExtensionPort {
  readonly role: 'client' | 'server';
  readonly connection: Connection;
  /** The extensions that both sides know; empty for a Go peer. */
  capabilities: ReadonlySet<string> = none;
  /** How many frames lately came together in one chunk, which is what the other side has in flight at least. */
  burst = 1;
  /** When the chunk arrived that is being read. */
  readAt = 0;
  /** The latest reading of the clock; later than `readAt` for frames that waited behind slow ones. */
  seenAt = 0;
  #turnStartedAt = 0;
  #sequence = 0;
  #sequenceHigh = 0;
  #nonce: string | undefined;
  #framesInTurn = 0;
  /** After how many frames the clock is looked at: fewer for a peer whose frames were slow to handle. */
  #lookAfter: number;
  #reason: RpcError | undefined;
  #pauses = 0;
  #closing = false;
  #ended = false;
  readonly #pump: BytePump;
  readonly #intake: FrameIntake;
  readonly #liveness: Liveness;
  readonly #options: SessionOptions;
  readonly #handler: SessionHandler;
  /** The extensions of this side. */
  readonly #words: readonly string[];

  constructor(options: SessionOptions) {
    const { settings } = options;
    this.role = options.role;
    this.connection = options.connection;
    this.#options = options;
    this.#handler = options.handler;
    this.#words = options.extensions.map(({ word }) => word);
    this.#lookAfter = Math.min(firstLook, settings.limits.framesPerTurn);
    this.#sequence = options.firstSequence?.sequenceLow ?? 0;
    this.#sequenceHigh = options.firstSequence?.sequenceHigh ?? 0;
    this.#pump = new BytePump(options.connection, this, { ...settings.limits, flush: settings.flush, clock: options.runtime.clock });
    this.#intake = new FrameIntake(
      { limits: settings.limits.frames, budget: settings.budget, evicted: () => this.fail(overBudget()) },
      this.#onFrame,
    );
    this.#liveness = new Liveness(options.runtime.clock, this, settings);
  }

  get writer(): BatchWriter {
    return this.#pump.writer;
  }
  get traffic(): Traffic {
    return this.#pump.traffic;
  }
  /** False while the other side does not read, while a frame is being written, and after the end. */
  get writable(): boolean {
    return this.#pump.writable && !this.#pump.writer.isOpen && !this.#ended;
  }
  get ended(): boolean {
    return this.#ended;
  }

  /** Begins reading; a client introduces itself first. */
  start(): void {
    if (this.role === 'client') this.#introduce();
    this.#pump.start();
  }

  /** To be called after a frame was closed in `writer`. The turn's batch begins to leave when it has `flushAtBytes`. */
  frameWritten(flushAtBytes: number): void {
    const pump = this.#pump;
    pump.traffic.framesWritten += 1;
    pump.flushAtBytes = flushAtBytes;
    pump.written();
    if (!pump.writable && this.unsentBytes() > this.#options.settings.limits.maxUnsentBytes) this.fail(unread(this.unsentBytes()));
  }

  /** A client's next number; the caller skips those that are taken. */
  get nextSequenceLow(): number {
    return this.#sequence;
  }
  get nextSequenceHigh(): number {
    return this.#sequenceHigh;
  }
  advanceSequence(): void {
    this.#sequence = (this.#sequence + 1) >>> 0;
    if (this.#sequence === 0) this.#sequenceHigh = (this.#sequenceHigh + 1) >>> 0;
  }

  callSent(now: number): void {
    this.#liveness.callSent(now);
  }

  /** A one-way message between peers that agreed; the word is its method, the number is what it is about. */
  sendControl(word: string, sequenceHigh: number, sequenceLow: number): void {
    if (this.#ended) return;
    this.#write({ flags: flag.oneway, service: reserved.controlPath, method: word, sequenceHigh, sequenceLow });
  }

  sendHeartbeat(): void {
    this.#sendHeartbeat(undefined);
    this.#pump.flush();
  }

  /** Reading and dispatching stop until `resume`; each pause needs its own. */
  pause(): void {
    if (this.#pauses++ > 0 || this.#ended) return;
    this.#intake.pause();
    this.connection.pause();
  }
  resume(): void {
    if (--this.#pauses > 0 || this.#ended) return;
    this.#liveness.resumed();
    this.seenAt = this.#turnStartedAt = this.#options.runtime.clock.now();
    this.connection.resume();
    this.#read(() => this.#intake.resume());
  }

  /** Sends what is queued, then ends. What still arrives is dropped. */
  close(): Promise<void> {
    this.#closing = true;
    return this.#pump.close();
  }

  /** Ends now. What the other side did wrong is the reason that pending calls get. */
  fail(error: RpcError): void {
    if (this.#ended) return;
    this.#reason = error;
    this.#pump.abort(error);
    // A transport may be slow to say so, or frozen: whoever waits is told now.
    this.closed(error);
  }

  framesRead(): number {
    return this.#pump.traffic.framesRead;
  }
  partialBytes(): number {
    return this.#intake.partialBytes;
  }
  paused(): boolean {
    return this.#pauses > 0;
  }
  unsentBytes(): number {
    return this.connection.bufferedBytes + this.writer.pendingBytes;
  }
  deliveredBytes(): number {
    return this.#pump.traffic.bytesWritten - this.connection.bufferedBytes;
  }
  pendingCalls(): number {
    return this.#handler.pendingCalls();
  }

  data(chunk: Uint8Array): void {
    if (this.#ended || this.#closing) return;
    const now = this.#options.runtime.clock.now();
    this.seenAt = this.#turnStartedAt = now;
    // While paused, chunks are kept, and what is kept came with an earlier one.
    if (this.#pauses === 0) this.readAt = now;
    const { traffic } = this.#pump;
    const before = traffic.framesRead;
    this.#read(() => this.#intake.push(chunk));
    this.burst = Math.max(traffic.framesRead - before, this.burst * burstDecay);
    this.#liveness.heard(now);
  }

  blocked(): void {
    if (this.#ended) return;
    this.#liveness.stalled(true);
    if (this.role === 'server') this.pause();
  }

  drained(): void {
    if (this.#ended) return;
    this.#liveness.stalled(false);
    if (this.role === 'server') this.resume();
    this.#handler.drained();
  }

  closed(reason: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#liveness.stop();
    this.#intake.clear();
    const error = this.#reason ?? (reason === undefined || RpcError.is(reason) ? reason : lost(reason));
    this.#handler.sessionClosed(error);
  }

  #read(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!RpcError.is(error)) throw error;
      this.#broken(error);
    }
  }

  #broken(error: RpcError): void {
    const { view } = this.#intake;
    const unanswered = flag.response | flag.heartbeat | flag.oneway;
    if (error.reason !== 'FRAME_TOO_LARGE' || (view.flags & unanswered) !== 0 || this.#handler.refused === undefined) {
      this.fail(error);
      return;
    }
    this.#handler.refused(view.sequenceHigh, view.sequenceLow, error);
    this.#reason = error;
    // Not aborted: a reset could overtake the refusal.
    void this.close();
    this.closed(error);
  }

  readonly #onFrame = (frame: FrameView): void => {
    if (this.#ended || this.#closing) return;
    this.#pump.traffic.framesRead += 1;
    const { flags } = frame;
    if ((flags & flag.heartbeat) !== 0) this.#onHeartbeat(frame);
    else if ((flags & flag.response) !== 0) this.#handler.response(frame);
    else if ((flags & flag.oneway) !== 0 && isControl(frame)) this.#onControl(frame);
    else this.#handler.request(frame);
    if (++this.#framesInTurn >= this.#lookAfter) this.#endTurn();
  };

  /** Gives the loop to others when a peer has sent more than can be handled within a few milliseconds. */
  #endTurn(): void {
    const frames = this.#framesInTurn;
    this.#framesInTurn = 0;
    const { clock } = this.#options.runtime;
    const { framesPerTurn, turnMs } = this.#options.settings.limits;
    this.seenAt = clock.now();
    const tookMs = this.seenAt - this.#turnStartedAt;
    if (tookMs < turnMs) {
      if (tookMs * 2 < turnMs) this.#lookAfter = Math.min(this.#lookAfter * 2, framesPerTurn);
      return;
    }
    this.#lookAfter = Math.max(1, Math.floor((frames * turnMs) / tookMs));
    this.pause();
    clock.setTimer(() => {
      if (!this.#ended) this.resume();
    }, 0);
  }

  #onControl(frame: FrameView): void {
    const word = readUtf8(frame.bytes, frame.methodStart, frame.methodEnd);
    if (!this.capabilities.has(word)) return;
    for (const extension of this.#options.extensions) if (extension.word === word) extension.receive?.(this, frame);
  }

  #onHeartbeat(frame: FrameView): void {
    if (!frame.isResponse) {
      if (this.role === 'server') this.#answer(frame);
      return;
    }
    if (this.#nonce !== undefined && this.#isSmall(frame)) this.#onAnswer(metadataOf(frame), this.#nonce);
    this.#handler.answered?.(frame.sequenceLow);
  }

  /** Whether it is worth reading; its metadata may be as long as a frame. */
  #isSmall(frame: FrameView): boolean {
    return frame.metadataEnd - frame.metadataStart + frame.end - frame.payloadStart <= this.#options.settings.limits.maxHeartbeatBytes;
  }

  #introduce(): void {
    this.#nonce = createNonce(this.#options.runtime.clock);
    this.#sendHeartbeat({ [reserved.offer]: formatOffer(this.#nonce, this.#words) });
  }

  #sendHeartbeat(metadata: Metadata | undefined): void {
    this.#write({ flags: flag.heartbeat, sequenceHigh: this.#sequenceHigh, sequenceLow: this.#sequence, metadata });
    this.advanceSequence();
  }

  #onAnswer(metadata: Metadata, nonce: string): void {
    const answer = metadata[reserved.accept];
    if (answer === undefined) return;
    const agreed = acceptAnswer(answer, nonce, this.#words);
    this.#nonce = undefined;
    if (agreed !== undefined) this.#agree(agreed);
  }

  #agree(words: ReadonlySet<string>): void {
    this.capabilities = words;
    this.#liveness.negotiated();
    this.#handler.agreed(words);
  }

  #answer(frame: FrameView): void {
    const { limits } = this.#options.settings;
    if (!this.#isSmall(frame)) {
      this.fail(new RpcError('resource_exhausted', `a heartbeat carries more than ${limits.maxHeartbeatBytes} bytes`, { reason: 'BAD_FRAME' }));
      return;
    }
    if (!this.#liveness.heartbeatReceived()) {
      const message = `the other side sends more than ${limits.heartbeatsPerSecond} heartbeats a second; use a longer interval`;
      this.fail(new RpcError('resource_exhausted', message, { reason: 'OVERLOADED' }));
      return;
    }
    const offer = parseOffer(metadataOf(frame)[reserved.offer] ?? '');
    if (offer === undefined) this.#echo(frame);
    else this.#accept(frame, offer.nonce, offer.words);
    this.#handler.heartbeat?.();
  }

  /** As Go: the same frame with the response bit (rpcx server/server_conn.go, processOneRequest). */
  #echo(frame: FrameView): void {
    const { writer } = this;
    if (writer.isOpen) return;
    writer.open();
    writer.append(frame.bytes.subarray(frame.start, frame.end));
    writer.patchByte(2, frame.flags | flag.response);
    writer.close();
    this.frameWritten(this.#pump.flushAtBytes);
  }

  #accept(frame: FrameView, nonce: string, offered: readonly string[]): void {
    const { sequenceHigh, sequenceLow } = frame;
    this.#write({ flags: flag.heartbeat | flag.response, sequenceHigh, sequenceLow, metadata: { [reserved.accept]: formatAnswer(nonce, this.#words) } });
    if (this.capabilities === none) this.#agree(common(this.#words, offered));
  }

  #write(frame: Sequenced & Partial<WholeFrame>): void {
    if (this.writer.isOpen || this.#ended) return;
    writeFrame(this.writer, { ...emptyFrame, ...frame });
    this.frameWritten(this.#pump.flushAtBytes);
  }
}

function metadataOf(frame: FrameView): Metadata {
  return readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd);
}
function isControl(frame: FrameView): boolean {
  const { bytes, serviceStart } = frame;
  if (frame.serviceEnd - serviceStart !== controlLength || bytes[serviceStart] !== 0x5f) return false;
  return readUtf8(bytes, serviceStart, frame.serviceEnd) === reserved.controlPath;
}

function lost(cause: Error): RpcError {
  return new RpcError('unavailable', `the connection was lost: ${cause.message}`, { reason: 'CONNECTION_LOST', cause });
}
function overBudget(): RpcError {
  return new RpcError('resource_exhausted', 'unfinished frames of all peers together hold too much memory, and this is the oldest', { reason: 'OVERLOADED' });
}
function unread(bytes: number): RpcError {
  return new RpcError('unavailable', `the connection was given up: ${bytes} bytes wait for a peer that does not read`, { reason: 'PEER_SILENT' });
}
