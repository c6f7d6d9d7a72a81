import { RpcError, runAmbient, type Clock, type MaybePromise, type Peer, type Reply, type ServerCall } from '@rpcxjs/core';
import { flag, prepareHead, type FrameView } from '@rpcxjs/protocol';
import { SequenceTable, type RpcxSession, type SessionHandler } from '@rpcxjs/session';
import type { ConnectedPeer } from './connected-peer.ts';
import { failureOf } from './failure.ts';
import { InboundCall, type CallHost } from './inbound-call.ts';
import { inflate } from './inflate.ts';
import type { MethodEntry } from './method-entry.ts';
import type { PeerServices } from './peer-services.ts';
import { closing, expired, overloaded } from './refusals.ts';
import { ReplyWriter } from './reply-writer.ts';
import { RequestMetadata } from './request-metadata.ts';
import { runMethod } from './run-method.ts';

const unnamed = prepareHead({ service: '', method: '', codecId: 0, flags: flag.response });

/** Takes one connection's requests from frame to reply. */
export class Dispatcher implements SessionHandler, CallHost {
  readonly clock: Clock;
  running = 0;
  lastCodecId = -1;
  readonly #peer: ConnectedPeer;
  readonly #services: PeerServices;
  readonly #calls = new SequenceTable<InboundCall>();
  /** Those whose number was taken: a hostile or confused peer's. */
  readonly #duplicates = new Set<InboundCall>();
  readonly #metadata: RequestMetadata;
  #replies!: ReplyWriter;
  #session!: RpcxSession;

  constructor(peer: ConnectedPeer, services: PeerServices) {
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
  pendingCalls(): number {
    return this.running;
  }

  request(frame: FrameView): void {
    const services = this.#services;
    services.options.frames?.read(frame);
    this.#metadata.read(frame);
    const { metadata, timeoutMs } = this.#metadata;
    const entry = services.table.lookup(frame) ?? services.unknown(frame);
    const codec = services.options.codecs[frame.codecId];
    const call = new InboundCall({
      host: this,
      entry,
      binding: codec === undefined || entry.run === undefined ? undefined : entry.binding(codec),
      sequenceHigh: frame.sequenceHigh,
      sequenceLow: frame.sequenceLow,
      oneway: frame.isOneway,
      metadata,
      deadline: timeoutMs === undefined ? undefined : this.clock.now() + timeoutMs,
      codecId: frame.codecId,
    });
    this.lastCodecId = frame.codecId;
    call.compressorId = frame.compressorId;
    call.source = frame.bytes;
    call.sourceStart = frame.payloadStart;
    call.sourceEnd = frame.end;
    if (frame.owned) call.ownPayload(frame.bytes, frame.payloadStart, frame.end);
    services.counters.calls += 1;
    if (call.oneway) services.counters.oneways += 1;
    this.#admit(call, timeoutMs);
    if (!call.settled) call.turnEnded();
  }

  response(): void {
    // Clients answer nothing: whatever this is, nobody waits for it.
  }

  agreed(): void {
    // The session keeps what was agreed; calls look there.
  }

  drained(): void {
    this.#peer.drained();
  }

  heartbeat(): void {
    for (const plugin of this.#services.options.plugins) plugin.heartbeat?.(this.#peer);
  }

  refused(sequenceHigh: number, sequenceLow: number, error: RpcError): void {
    this.#replies.failure(unnamed, { sequenceHigh, sequenceLow }, error);
  }

  sessionClosed(reason: RpcError | undefined): void {
    const error = reason ?? new RpcError('canceled', 'the caller has disconnected', { reason: 'CONNECTION_LOST' });
    this.abortCalls(error);
    this.#peer.disconnected(error);
    this.#services.disconnected(this.#peer, reason);
  }

  /** The caller no longer waits. The handler counts as running until it ends. */
  cancelled(sequenceHigh: number, sequenceLow: number): void {
    const call = this.#calls.get(sequenceHigh, sequenceLow);
    if (call === undefined) return;
    call.abandoned = true;
    call.abort(new RpcError('canceled', `the caller of ${call.service}.${call.method} no longer waits`, { reason: 'ABORTED' }));
  }

  abortCalls(reason: RpcError): void {
    for (const call of this.#calls.items()) call.abort(reason);
    for (const call of this.#duplicates) call.abort(reason);
  }

  /** Before anything is inflated or decoded: is there time and room for it? */
  #admit(call: InboundCall, timeoutMs: number | undefined): void {
    const { admission, options } = this.#services;
    if (timeoutMs !== undefined && timeoutMs <= 0) return this.#fail(call, expired(call));
    if (this.#services.draining() && this.#session.capabilities.size > 0) return this.#fail(call, closing(call));
    if (this.running >= options.limits.maxCallsPerConnection) {
      admission.refused += 1;
      return this.#fail(call, overloaded(call, `${this.running} calls of this connection are running`));
    }
    if (admission.enter()) return this.#run(call);
    call.keepPayload();
    if (admission.wait({ admitted: () => this.#admitted(call) })) return;
    admission.refused += 1;
    this.#fail(call, overloaded(call, `${admission.running} calls are running and ${admission.queued} wait`));
  }

  #admitted(call: InboundCall): boolean {
    if (this.#session.ended) return false;
    if ((call.remainingMs() ?? 1) <= 0) {
      this.#fail(call, expired(call));
      return false;
    }
    this.#run(call);
    return true;
  }

  #run(call: InboundCall): void {
    this.running += 1;
    call.counted = true;
    this.#replies.framesInFlight = Math.max(this.running, this.#session.burst);
    let output: MaybePromise<unknown>;
    try {
      output = runAmbient(call, this.#answer, call, call.entry);
    } catch (error) {
      this.#fail(call, failureOf(error, call, this.#services.options));
      return;
    }
    if (output instanceof Promise) this.#later(call, output);
    else if (isThenable(output)) this.#later(call, Promise.resolve(output));
    else this.#reply(call, output);
  }

  /** The handler's output; interceptors wrap it into a `Reply`. */
  readonly #answer = (call: InboundCall, entry: MethodEntry): MaybePromise<unknown> => {
    if (entry.chain !== undefined) {
      const reply = entry.chain(call);
      return reply instanceof Promise ? reply.then((late) => unwrap(call, late)) : unwrap(call, reply);
    }
    if (call.compressorId !== 0 && entry.run !== undefined) {
      const inflated = inflate(call, this.#services.options);
      if (inflated instanceof Promise) return inflated.then(() => runMethod(call, entry, call));
    }
    return runMethod(call, entry, call);
  };

  #later(call: InboundCall, output: Promise<unknown>): void {
    call.tracked = this.#calls.add(call);
    if (!call.tracked) this.#duplicates.add(call);
    output.then(
      (value) => this.#reply(call, value),
      (error: unknown) => this.#fail(call, failureOf(error, call, this.#services.options)),
    );
  }

  #reply(call: InboundCall, output: unknown): void {
    this.#leave(call);
    if (call.oneway || call.abandoned) return;
    try {
      const written = this.#replies.reply(call, output);
      if (written instanceof Promise) written.catch((error: unknown) => this.#unwritable(call, error));
    } catch (error) {
      this.#unwritable(call, error);
    }
  }

  #unwritable(call: ServerCall & InboundCall, error: unknown): void {
    const cause = RpcError.is(error) ? error : new RpcError('internal', String(error));
    const message = `the reply of ${call.service}.${call.method} cannot be sent: ${cause.message}`;
    const code = cause.code === 'resource_exhausted' ? 'resource_exhausted' : 'internal';
    this.#services.counters.failed += 1;
    this.#replies.error(call, new RpcError(code, message, { reason: cause.reason ?? 'BAD_PAYLOAD', cause }));
  }

  #fail(call: InboundCall, error: RpcError<string>): void {
    this.#leave(call);
    this.#services.counters.failed += 1;
    if (!call.oneway && !call.abandoned) this.#replies.error(call, error);
    if (this.#services.tokenRefused(call)) void this.#session.close();
  }

  #leave(call: InboundCall): void {
    call.finish();
    if (call.tracked) this.#calls.take(call.sequenceHigh, call.sequenceLow);
    else if (this.#duplicates.size > 0) this.#duplicates.delete(call);
    if (!call.counted) return;
    call.counted = false;
    this.running -= 1;
    this.#services.admission.leave();
    this.#services.left();
  }
}

/** Query builders and the like are awaited, too. */
function isThenable(output: unknown): output is PromiseLike<unknown> {
  return typeof output === 'object' && output !== null && typeof (output as { readonly then?: unknown }).then === 'function';
}

function unwrap(call: InboundCall, reply: Reply): unknown {
  if (reply.metadata !== call.response) Object.assign(call.responseMetadata, reply.metadata);
  return reply.output;
}
