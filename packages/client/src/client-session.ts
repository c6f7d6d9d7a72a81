import { createMetadata, RpcError, sleep, thrownText, type Connection, type Metadata, type Reply } from '@rpcxjs/core';
import { readMetadata, reserved, type FrameView } from '@rpcxjs/protocol';
import {
  cancelExtension, cancelWord, drainExtension, drainStage, drainWord, errorsExtension, errorsWord, flushThreshold, RpcxSession, SequenceTable, type SessionHandler, type Traffic,
} from '@rpcxjs/session';
import { asOwn } from './call-errors.ts';
import type { TrackedOptions } from './call-handle.ts';
import type { ResolvedClientOptions } from './client-options.ts';
import { refusedReply, refusedRequest, type MessageFilters } from './filters.ts';
import { endOfAttempt, type OutboundCall } from './outbound-call.ts';
import { replyError } from './reply-error.ts';
import { readRaw, readReply } from './reply-reader.ts';
import { RequestWriter } from './request-writer.ts';
import { logLate } from './synchronous.ts';

declare module '@rpcxjs/core' {
  interface Reasons {
    STUCK: true;
  }
}

/** What a connection tells the client. */
export interface CallEvents {
  /** The call got its reply, or cannot get one from here. */
  succeeded(call: OutboundCall, value: unknown): void;
  failed(call: OutboundCall, error: RpcError<string>): void;
  pushed(frame: FrameView, address: string): void;
  late(): void;
}
/** What a connection tells the link that it serves. */
export interface SessionOwner {
  readonly address: string;
  drained(): void;
  ended(session: ClientSession, error: RpcError): void;
  /** The server will go: others had better get the new calls. Told once, and once more when it is the `last` word: nothing more is sent to it then. */
  draining(session: ClientSession, last: boolean): void;
}

/** Whoever has locked a connection for itself (`client.lock`), with a queue of its own. */
export interface SessionHolder {
  drained(): void;
  lost(error: RpcError): void;
}

// Calls of a batch leave in one piece of at most this size, see flushThreshold.
const togetherBytes = 40 * 1024;

// A server of ours ends a connection over more than 50 heartbeats at once, or 10 a second.
const pingBurst = 40;
const pingBurstMs = 5000;

/** One connection to one server, and the calls that wait for it. */
export class ClientSession implements SessionHandler {
  readonly address: string;
  readonly session: RpcxSession;
  readonly #options: ResolvedClientOptions;
  readonly #owner: SessionOwner;
  readonly #events: CallEvents;
  readonly #pending = new SequenceTable<OutboundCall>();
  readonly #writer: RequestWriter;
  readonly openedAt: number;
  /** When a call was last sent or answered, on the clock's axis. */
  usedAt: number;
  /** Whoever has locked this connection. */
  holder: SessionHolder | undefined;
  /** It takes no new calls, and ends with the last one that it has. */
  leaving = false;
  /** Calls that the server still has although nobody waits for them any more, by the low half of their sequence number. */
  readonly #forgotten = new Set<number>();
  /** When the last heartbeats were asked for, or will be. */
  readonly #pinged: number[] = [];
  #pings: Map<number, { resolve(): void; reject(error: RpcError): void }> | undefined;
  /** Cancels that were asked for before the server had said whether it understands them. */
  #cancels: { readonly high: number; readonly low: number }[] | undefined = [];
  /** The server has said that it will go. */
  draining = false;
  /** The server has said that it runs nothing more, and was told that nothing more comes. */
  #last = false;

  constructor(owner: SessionOwner, connection: Connection, options: ResolvedClientOptions, events: CallEvents) {
    this.#owner = owner;
    this.address = owner.address;
    this.#options = options;
    this.#events = events;
    const { runtime, session: settings, firstSequence } = options;
    this.openedAt = this.usedAt = runtime.clock.now();
    const extensions = [cancelExtension(), errorsExtension, drainExtension((_port, stage) => this.#goodbye(stage))];
    this.session = new RpcxSession({ role: 'client', connection, runtime, settings, extensions, handler: this, firstSequence });
    this.#writer = new RequestWriter(this.session, options);
  }

  get writable(): boolean {
    return this.session.writable && !this.#last;
  }
  get traffic(): Traffic {
    return this.session.traffic;
  }
  pendingCalls(): number {
    return this.#pending.size;
  }
  /** Calls that the server has not answered, whether somebody waits for them or not. */
  get outstanding(): number {
    return this.#pending.size + this.#forgotten.size;
  }

  /** Closes the connection as soon as its last call has ended. */
  leave(): void {
    this.leaving = true;
    this.#leaveIfIdle();
  }

  /** Milliseconds until the server answered a heartbeat (a Go server echoes it); never settles if it does not answer. Pings beyond what a server allows wait for their turn. */
  async ping(stopped: AbortSignal): Promise<number> {
    const { session } = this;
    const { clock } = this.#options.runtime;
    const first = this.#pinged.length < pingBurst ? undefined : this.#pinged.shift();
    const waitMs = first === undefined ? 0 : first + pingBurstMs - clock.now();
    this.#pinged.push(clock.now() + Math.max(0, waitMs));
    if (waitMs > 0) await sleep(clock, waitMs, stopped);
    while (session.writer.isOpen) await Promise.resolve();
    if (session.ended) throw lost(this.address, undefined);
    const began = clock.now();
    const number = session.nextSequenceLow;
    await new Promise<void>((resolve, reject) => {
      (this.#pings ??= new Map()).set(number, { resolve, reject });
      session.sendHeartbeat();
    });
    return clock.now() - began;
  }

  /** May be called only while `writable`. An input that cannot be encoded fails that call alone. */
  send(call: OutboundCall, now: number): void {
    const { session } = this;
    const refused = this.#options.filters === undefined ? undefined : refusedRequest(this.#options.filters, call, this.address);
    if (refused !== undefined) {
      this.#events.failed(call, refused);
      return;
    }
    const pending = this.#pending;
    this.usedAt = now;
    while (!pending.isFree(session.nextSequenceLow)) session.advanceSequence();
    call.sequenceHigh = session.nextSequenceHigh;
    call.sequenceLow = session.nextSequenceLow;
    session.advanceSequence();
    const awaited = call.kind !== 'oneway';
    if (awaited) {
      call.session = this;
      pending.add(call);
    }
    let length;
    try {
      length = this.#writer.write(call, now);
    } catch (error) {
      this.#unsent(call, error);
      return;
    }
    if (length instanceof Promise) {
      const { session: place, sequenceLow } = call;
      length.then(
        (bytes) => {
          if (bytes > 0) this.#sent(call, bytes, now);
        },
        (error: unknown) => {
          // It may be tried again already, here or elsewhere.
          if (call.session === place && call.sequenceLow === sequenceLow) this.#unsent(call, error);
        },
      );
    } else this.#sent(call, length, now);
  }

  /** The caller no longer waits; the server is told if it is one of ours. */
  forget(call: OutboundCall, tell: boolean): void {
    call.session = undefined;
    const waited = this.#pending.take(call.sequenceHigh, call.sequenceLow) !== undefined;
    if (this.leaving) this.#leaveIfIdle();
    if (!waited || !call.attemptSent) return;
    if (tell && this.session.capabilities.has(cancelWord)) {
      // A server that is told does not answer: there is nothing to wait for.
      this.session.sendControl(cancelWord, call.sequenceHigh, call.sequenceLow);
      return;
    }
    this.#forgotten.add(call.sequenceLow);
    if (tell && this.#cancels !== undefined && this.#cancels.length < 1024) this.#cancels.push({ high: call.sequenceHigh, low: call.sequenceLow });
  }

  request(frame: FrameView): void {
    // A server's own message: one-way, and never answered (rpcx client/client.go, input).
    if (!frame.isOneway) return;
    this.#options.frames?.read(frame);
    this.#events.pushed(frame, this.address);
    this.#options.inflating.holdUp(this.session);
  }

  response(frame: FrameView): void {
    this.#options.frames?.read(frame);
    const call = this.#pending.take(frame.sequenceHigh, frame.sequenceLow);
    this.usedAt = this.session.readAt;
    if (call === undefined) {
      this.#forgotten.delete(frame.sequenceLow);
      this.#events.late();
      return;
    }
    if (this.#options.filters !== undefined && this.#filtered(this.#options.filters, call, frame)) return;
    call.session = undefined;
    if (this.leaving) this.#leaveIfIdle();
    try {
      this.#read(call, frame);
    } catch (error) {
      this.#events.failed(call, asRpcError(error));
    }
    this.#options.inflating.holdUp(this.session);
  }

  drained(): void {
    this.holder?.drained();
    this.#owner.drained();
  }

  #goodbye(stage: number): void {
    // After the last word the server reads nothing more: new calls wait for another connection.
    const last = stage === drainStage.last;
    if (this.#last || (this.draining && !last)) return;
    this.draining = true;
    if (last) this.session.sendControl(drainWord, 0, drainStage.last);
    this.#last = last;
    this.#owner.draining?.(this, last);
  }

  agreed(words: ReadonlySet<string>): void {
    const cancels = this.#cancels ?? [];
    this.#cancels = undefined;
    if (!words.has(cancelWord)) return;
    for (const { high, low } of cancels) {
      this.session.sendControl(cancelWord, high, low);
      this.#forgotten.delete(low);
    }
  }

  answered(sequenceLow: number): void {
    this.#pings?.get(sequenceLow)?.resolve();
    this.#pings?.delete(sequenceLow);
  }

  sessionClosed(reason: RpcError | undefined): void {
    const error = lost(this.address, reason, this.session.framesRead() === 0);
    const calls = this.#pending.items();
    for (const call of calls) {
      this.#pending.take(call.sequenceHigh, call.sequenceLow);
      call.session = undefined;
    }
    this.#owner.ended(this, error);
    for (const { reject } of this.#pings?.values() ?? []) reject(error);
    this.holder?.lost(error);
    for (const call of calls) this.#events.failed(call, error);
  }

  #filtered(filters: MessageFilters, call: OutboundCall, frame: FrameView): boolean {
    const metadata = readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd);
    const { service, method } = call;
    const verdict = refusedReply(filters, { service, method, metadata, address: this.address, error: frame.isError, payloadBytes: frame.end - frame.payloadStart });
    // It goes on waiting, so that it ends with its connection at the latest.
    if (verdict === 'drop') this.#pending.add(call);
    else if (verdict !== undefined) {
      call.session = undefined;
      this.#events.failed(call, verdict);
    }
    return verdict !== undefined;
  }

  #read(call: OutboundCall, frame: FrameView): void {
    if (call.kind === 'raw') {
      this.#events.succeeded(call, readRaw(frame, call));
      return;
    }
    if (frame.isError) {
      const { error, refused, draining } = replyError(frame, this.session.capabilities.has(errorsWord), this.address);
      if (draining && this.session.capabilities.has(drainWord)) this.#goodbye(drainStage.leaving);
      call.told.refused = refused;
      this.#events.failed(call, error);
      return;
    }
    const metadata = call.story.wantsReply || call.options?.onReply !== undefined ? readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd) : undefined;
    if (metadata?.[reserved.drain] !== undefined) {
      delete metadata[reserved.drain];
      if (this.session.capabilities.has(drainWord)) this.#goodbye(drainStage.leaving);
    }
    const value = readReply(call, frame, this.#options);
    const done = (output: unknown) => {
      if (metadata !== undefined && !call.root.settled) logLate(call.options?.onReply?.({ metadata, address: this.address }), this.#options.runtime.logger, 'onReply threw');
      this.#events.succeeded(call, call.story.wantsReply ? replyOf(output, metadata) : output);
    };
    if (value instanceof Promise) value.then(done).catch((error: unknown) => this.#events.failed(call, asRpcError(error)));
    else if (metadata === undefined) this.#events.succeeded(call, value);
    else done(value);
  }

  #sent(call: OutboundCall, bytes: number, now: number): void {
    const { session } = this;
    call.attemptSent = true;
    this.#options.frames?.written(call.service, call.method, bytes);
    const options: TrackedOptions | undefined = call.options;
    options?.onSent?.();
    session.frameWritten(options?.together === true ? togetherBytes : flushThreshold(this.#pending.size, bytes));
    if (call.kind === 'oneway') this.#events.succeeded(call, call.story.wantsReply ? replyOf(undefined, undefined) : undefined);
    else {
      session.callSent(now);
      const { maxOutstanding } = this.#options.link;
      if (this.outstanding > maxOutstanding) session.fail(stuck(this.address, maxOutstanding));
    }
  }

  /** `close` lets what is queued leave, and the reply that is being read is still delivered. */
  #leaveIfIdle(): void {
    if (this.#pending.size === 0) void this.session.close();
  }

  #unsent(call: OutboundCall, error: unknown): void {
    this.#pending.take(call.sequenceHigh, call.sequenceLow);
    call.session = undefined;
    // Thrown by the token function, by a contributor of headers, a codec or a compressor.
    const message = `${call.service}.${call.method} could not be written: ${thrownText(error)}`;
    const own = new RpcError('internal', message, { sent: false, address: this.address, cause: error });
    // It may be about a call of theirs, to another server: it says nothing about this one.
    endOfAttempt(call, own, this.#options.runtime.clock.now());
    this.#events.failed(call, RpcError.is(error) ? asOwn(error) : own);
  }
}

function replyOf(output: unknown, metadata: Metadata | undefined): Reply {
  return { output, metadata: metadata ?? createMetadata() };
}

/** Whatever a codec or an interceptor threw, as the error of a call. */
export function asRpcError(error: unknown): RpcError<string> {
  if (RpcError.is(error)) return error;
  return new RpcError('internal', `the call failed: ${thrownText(error)}`, { cause: error });
}

function lost(address: string, reason: RpcError | undefined, silent = false): RpcError {
  // This side ended the connection itself, and the reason says why.
  if (reason?.reason === 'CLOSED') return reason;
  const hint = silent && (reason === undefined || reason.reason === 'CONNECTION_LOST') ? ` ${silentHint}` : '';
  const why = `${reason === undefined ? 'the server closed it' : reason.message}${hint}`;
  return new RpcError('unavailable', `the connection to ${address} ended while the call waited for its reply: ${why}`, {
    reason: reason?.reason ?? 'CONNECTION_LOST',
    address,
    cause: reason,
  });
}

/** For a server that went without a word: it may have waited for a TLS handshake. */
export const silentHint = '(it had said nothing: do both sides agree on TLS, and does it speak rpcx?)';

function stuck(address: string, most: number): RpcError {
  return new RpcError('unavailable', `the connection to ${address} was given up: more than ${most} calls wait for a server that does not answer them`, { reason: 'STUCK', address });
}
