import { RpcError, runAmbient, type Clock, type MaybePromise, type Peer, type Reply, type Timer } from '@rpcxjs/core';
import { flag, prepareHead, reserved, type FrameView } from '@rpcxjs/protocol';
import { observe, type RpcxSession, SequenceTable, type SessionHandler } from '@rpcxjs/session';
import { failureOf, unwritable, type Failure } from './failure.ts';
import { InboundCall, type CallHost } from './inbound-call.ts';
import { inflate } from './inflate.ts';
import type { MethodEntry } from './method-entry.ts';
import { noReply } from './no-reply.ts';
import type { Queued } from './admission.ts';
import type { PeerServices } from './peer-services.ts';
import { checkStillWanted, closing, expired, overloaded } from './refusals.ts';
import { ReplyWriter } from './reply-writer.ts';
import { RequestMetadata } from './request-metadata.ts';
import { runMethod } from './run-method.ts';
import type { ResolvedServerOptions } from './server-options.ts';
import { isThenable } from './thenable.ts';
import { refusal } from './without-stacks.ts';

// With `whenFull: 'pause'`: how many calls of one connection may wait before it is read no further.
const lookAhead = 64;
// For a peer that needs its own heartbeats answered: how many times as many each second, and how many bytes at most.
const furtherEachTime = 4;
const mostAheadBytes = 4 * 1024 * 1024;
// Well below the two seconds of silence after which a client of ours asks.
const lifeMs = 1000;
const unnamed = prepareHead({ service: '', method: '', codecId: 0, flags: flag.response });

/** The peer whose requests these are. */
export interface DispatchedPeer extends Peer {
  /** The peer reads again. */
  drained(): void;
  /** The peer said which extensions it knows. */
  agreed(): void;
  disconnected(reason: RpcError): void;
}

/** Takes one connection's requests from frame to reply. */
export class Dispatcher implements SessionHandler, CallHost {
  readonly clock: Clock;
  running = 0;
  sentJunk = false;
  lastCodecId = -1;
  /** Whether replies say that the server is shutting down. */
  flagsReplies = false;
  readonly #peer: DispatchedPeer;
  readonly #services: PeerServices;
  readonly #calls = new SequenceTable<InboundCall>();
  #queued = 0;
  /** How many calls may wait before reading stops. */
  #ahead = lookAhead;
  #paused = false;
  /** Runs from the first stop until few calls wait. */
  #lifeTimer: Timer | undefined;
  #heldAtBytes = 0;
  /** Calls whose sequence number was in use already, from a hostile or confused peer. */
  readonly #duplicates = new Set<InboundCall>();
  readonly #metadata: RequestMetadata;
  #replies!: ReplyWriter;
  #session!: RpcxSession;

  constructor(peer: DispatchedPeer, services: PeerServices) {
    this.#peer = peer;
    this.#services = services;
    this.clock = services.options.runtime.clock;
    this.#metadata = new RequestMetadata(services.options.limits.maxTimeoutMs);
  }

  start(session: RpcxSession): void {
    this.#session = session;
    this.#replies = new ReplyWriter(session, this.#services.options);
  }

  get peer(): Peer {
    return this.#peer;
  }
  get options(): ResolvedServerOptions {
    return this.#services.options;
  }
  pendingCalls(): number {
    return this.running;
  }

  request(frame: FrameView): void {
    const services = this.#services;
    services.options.frames?.read(frame);
    const request = this.#metadata;
    request.read(frame, this.#session.readAt);
    const entry = services.table.lookup(frame) ?? services.unknown(frame);
    const codec = services.options.codecs[frame.codecId];
    const call = new InboundCall(this, entry, frame, request);
    if (codec !== undefined && entry.run !== undefined) call.binding = entry.binding(codec);
    this.lastCodecId = frame.codecId;
    services.counters.calls += 1;
    entry.calls += 1;
    if (call.oneway) services.counters.oneways += 1;
    const { timeoutMs } = request;
    request.handled();
    this.#admit(call, timeoutMs);
    if (!call.settled) call.turnEnded();
  }

  response(): void {
    // A server sends no requests, so nobody waits for a response.
  }

  agreed(): void {
    this.#peer.agreed();
  }

  drained(): void {
    this.#services.options.unread.left(this.#session);
    this.#peer.drained();
  }

  heartbeat(): void {
    if (this.#services.options.plugins.length > 0) observe(this.#services.options.plugins, this.#services.options.runtime, (plugin) => plugin.heartbeat?.(this.#peer));
  }

  refused(sequenceHigh: number, sequenceLow: number, error: RpcError): void {
    this.#replies.failure(unnamed, { sequenceHigh, sequenceLow }, error);
  }

  sessionClosed(reason: RpcError | undefined): void {
    const error = reason ?? new RpcError('canceled', 'the caller has disconnected', { reason: 'CONNECTION_LOST' });
    this.#lifeTimer?.cancel();
    this.#services.options.unread.left(this.#session);
    this.abortCalls(error);
    if (this.#queued > 0) this.#services.admission.sweep();
    this.#peer.disconnected(error);
    this.#services.disconnected(this.#session, reason);
  }

  /** The caller no longer waits. The handler counts as running until it ends. */
  cancelled(sequenceHigh: number, sequenceLow: number): void {
    const call = this.#calls.get(sequenceHigh, sequenceLow);
    if (call === undefined) return;
    call.abandoned = true;
    call.abort(refusal('canceled', `the caller of ${call.service}.${call.method} no longer waits`, { reason: 'ABORTED' }));
  }

  abortCalls(reason: RpcError): void {
    for (const call of this.#calls.items()) this.#abort(call, reason);
    for (const call of this.#duplicates) this.#abort(call, reason);
  }

  #abort(call: InboundCall, reason: RpcError): void {
    // The caller of a one-way call waits for nothing, and need not stay until its handler begins.
    const goesOn = call.oneway && !call.handled && reason.reason === 'CONNECTION_LOST';
    if (!goesOn) call.abort(reason);
  }

  /** Runs the call, queues it or refuses it, before anything is inflated or decoded. */
  #admit(call: InboundCall, timeoutMs: number | undefined): void {
    const { admission, options } = this.#services;
    if (timeoutMs !== undefined && (timeoutMs <= 0 || (call.deadline as number) <= this.#session.seenAt)) return this.#fail(call, expired(call));
    if (this.#services.draining() && this.#session.capabilities.size > 0) {
      this.#services.counters.refusedLeaving += 1;
      return this.#fail(call, closing(call));
    }
    if (this.#services.guard?.late() === true) {
      const lateMs = Math.ceil(this.#services.guard.delayMs);
      admission.refused += 1;
      return this.#fail(call, overloaded(call, `the event loop is ${lateMs} ms late`, Math.max(lateMs, 100)));
    }
    if (this.running >= options.limits.maxCallsPerConnection) {
      admission.refused += 1;
      return this.#fail(call, overloaded(call, `${this.running} calls of this connection are running`));
    }
    // Where nobody is there to see it, a refusal needs no place and no error.
    const { entry } = call;
    if (entry.refusal !== undefined && entry.chain === undefined && options.mapError === undefined) return this.#fail(call, entry.refusal);
    if (admission.enter()) return this.#run(call);
    const pauses = options.whenFull === 'pause';
    if (!admission.wait(this.#place(call), pauses)) {
      admission.refused += 1;
      return this.#fail(call, overloaded(call, `${admission.running} calls are running and ${admission.queued} wait`));
    }
    this.#queued += 1;
    if (pauses) this.#holdBack();
    call.keepPayload();
    this.#track(call);
  }

  #place(call: InboundCall): Queued {
    return {
      owner: this,
      stale: () => this.#stale(call),
      dropped: () => this.#dropped(call, call.abortReason?.reason === 'DRAINING' ? closing(call) : expired(call)),
      displaced: () => {
        this.#services.admission.refused += 1;
        this.#dropped(call, overloaded(call, 'others have a right to its place in the queue'));
      },
      admitted: () => {
        this.#unqueued();
        this.#run(call);
        return true;
      },
    };
  }

  /** Whether a call that waited need not run any more. */
  #stale(call: InboundCall): boolean {
    return (this.#session.ended && !call.oneway) || call.abortReason !== undefined || (call.remainingMs() ?? 1) <= 0;
  }

  #dropped(call: InboundCall, failure: Failure): void {
    this.#unqueued();
    this.#fail(call, failure);
  }

  /** Stops reading the connection, so that the network holds the peer back. Only after a few calls, so that heartbeats among them are answered. */
  #holdBack(): void {
    if (this.#paused || !this.#full()) return;
    this.#paused = true;
    this.#session.pause();
    if (this.#lifeTimer !== undefined) return;
    this.#heldAtBytes = this.#session.traffic.bytesRead;
    this.#showLife();
  }
  #full(): boolean {
    const { admission, options } = this.#services;
    if (this.#queued >= this.#ahead) return true;
    return this.#ahead === lookAhead ? admission.queued >= options.limits.maxQueuedCalls : this.#session.traffic.bytesRead - this.#heldAtBytes >= mostAheadBytes;
  }
  /** Bytes that come by themselves tell a peer of ours that the server lives, though its heartbeats are not answered while it is not read. */
  #showLife(): void {
    this.#lifeTimer = this.clock.setTimer(() => {
      this.#showLife();
      if (this.#session.capabilities.size > 0) this.#session.sendHeartbeat();
      else if (this.#paused) this.#readOn();
    }, lifeMs);
  }
  /** A Go client ends its connection with all calls when a heartbeat was not answered for 30 s (rpcx client/client.go, heartbeat): what it sent before that is read, and waits here. */
  #readOn(): void {
    if (this.#session.traffic.bytesRead - this.#heldAtBytes >= mostAheadBytes) return;
    this.#ahead *= furtherEachTime;
    this.#paused = false;
    this.#session.resume();
  }
  #unqueued(): void {
    this.#queued -= 1;
    if (this.#lifeTimer === undefined || this.#queued > lookAhead / 2) return;
    this.#lifeTimer.cancel();
    this.#lifeTimer = undefined;
    this.#ahead = lookAhead;
    if (!this.#paused) return;
    this.#paused = false;
    // In a turn of its own, because this may be called while another connection is being served.
    this.clock.setTimer(() => this.#session.resume(), 0);
  }

  #run(call: InboundCall): void {
    this.running += 1;
    call.counted = true;
    call.entry.running += 1;
    this.#replies.framesInFlight = Math.max(this.running, this.#session.burst);
    let output: unknown;
    let later: boolean;
    try {
      output = runAmbient(call, this.#answer, call, call.entry);
      later = output instanceof Promise || isThenable(output);
    } catch (error) {
      this.#threw(call, error);
      return;
    }
    if (later) this.#later(call, output instanceof Promise ? output : Promise.resolve(output));
    else this.#reply(call, output);
  }

  /** Runs interceptors and handler, and gives the handler's output. */
  readonly #answer = (call: InboundCall, entry: MethodEntry): MaybePromise<unknown> => {
    if (entry.chain !== undefined) {
      const reply = entry.chain(call);
      return isThenable(reply) ? reply.then((late) => unwrap(call, late)) : unwrap(call, reply);
    }
    if (call.compressorId !== 0 && entry.run !== undefined) {
      const inflated = inflate(call, this.#services.options);
      if (inflated instanceof Promise) {
        return inflated.then(() => {
          checkStillWanted(call);
          return runMethod(call, entry, call);
        });
      }
    }
    return runMethod(call, entry, call);
  };

  #later(call: InboundCall, output: Promise<unknown>): void {
    this.#track(call);
    output.then(
      (value) => this.#reply(call, value),
      (error: unknown) => this.#threw(call, error),
    );
  }

  #threw(call: InboundCall, error: unknown): void {
    if (error === noReply) {
      call.abandoned = true;
      this.#leave(call);
    } else this.#fail(call, failureOf(error, call, this.#services.options));
  }

  /** Puts the call into the table in which a cancel or a disconnect finds it. */
  #track(call: InboundCall): void {
    if (call.tracked) return;
    call.tracked = this.#calls.add(call);
    if (!call.tracked) this.#duplicates.add(call);
  }

  #reply(call: InboundCall, output: unknown): void {
    if (!call.oneway && !call.abandoned) {
      if (this.flagsReplies) call.responseMetadata[reserved.drain] = '1';
      let written: MaybePromise<void>;
      try {
        written = this.#replies.reply(call, output);
      } catch (error) {
        this.#fail(call, unwritable(error, call));
        return;
      }
      if (written instanceof Promise) {
        written.then(
          () => this.#leave(call),
          (error: unknown) => this.#fail(call, unwritable(error, call)),
        );
        return;
      }
    }
    this.#leave(call);
  }

  #fail(call: InboundCall, failure: Failure): void {
    this.#services.counters.failed += 1;
    call.entry.failed += 1;
    if (this.flagsReplies) call.responseMetadata[reserved.drain] = '1';
    if (!call.oneway && !call.abandoned) this.#replies.error(call, failure);
    if (this.#services.tokenRefused(call)) void this.#session.close();
    this.#leave(call);
  }

  #leave(call: InboundCall): void {
    call.finish();
    if (call.tracked) this.#calls.take(call.sequenceHigh, call.sequenceLow);
    else if (this.#duplicates.size > 0) this.#duplicates.delete(call);
    if (!call.counted) return;
    call.counted = false;
    call.entry.running -= 1;
    this.running -= 1;
    this.#services.admission.leave();
    this.#services.left();
  }
}

function unwrap(call: InboundCall, reply: Reply): unknown {
  // Interceptors may forget to return one.
  if (typeof reply !== 'object' || reply === null) throw new TypeError(`an interceptor of ${call.service}.${call.method} returned no reply: return what next(call) gives, or { output, metadata }`);
  if (reply.metadata !== call.response) Object.assign(call.responseMetadata, reply.metadata);
  return reply.output;
}
