import {
  copyBytes, createContextValues, createMetadata, DeadlineRing, LazySignal, RpcError,
  type Ambient, type Clock, type Codec, type ContextValues, type Expirable, type Metadata, type MutableMetadata, type Peer, type ServerCall,
} from '@rpcxjs/core';
import type { FrameView } from '@rpcxjs/protocol';
import type { Sequenced } from '@rpcxjs/session';
import { DerivedCall, type CallChanges } from './derived-call.ts';
import type { MethodBinding, MethodEntry } from './method-entry.ts';
import { unreadable } from './refusals.ts';
import type { RequestMetadata } from './request-metadata.ts';
import type { ResolvedServerOptions } from './server-options.ts';
import { refusal, withoutStacks } from './without-stacks.ts';

/** What the call needs of the connection that it came on. */
export interface CallHost {
  readonly peer: Peer;
  readonly clock: Clock;
  readonly options: Pick<ResolvedServerOptions, 'runtime' | 'exposeMessages'>;
  /** It sent a payload that cannot be read: errors of further ones have no stacks. */
  sentJunk: boolean;
}

/** Replaces a payload that was not kept. */
const gone: Uint8Array = new Uint8Array(0);
const unread = Symbol('input not decoded yet');

/** One call as its handler sees it. Whatever most handlers never look at is made at its first use. */
export class InboundCall implements ServerCall, Sequenced, Ambient, Expirable {
  readonly host: CallHost;
  readonly entry: MethodEntry;
  binding: MethodBinding | undefined;
  sequenceHigh: number;
  sequenceLow: number;
  readonly oneway: boolean;
  readonly metadata: Metadata;
  readonly deadline: number | undefined;
  readonly codecId: number;
  /** The compressor of the request, which the reply uses too. */
  compressorId: number;
  inflated = false;
  /** Whether it counts as a running call. */
  counted = false;
  /** Whether it is in the connection's table, where a cancel or a disconnect finds it. */
  tracked = false;
  settled = false;
  /** Whether the call has reached its handler. */
  handled = false;
  /** Whether the caller no longer waits, so that no reply is sent. */
  abandoned = false;
  response: MutableMetadata | undefined;
  /** The payload: `source[sourceStart, sourceEnd)`, valid during dispatch only unless it was kept. */
  source: Uint8Array;
  sourceStart: number;
  sourceEnd: number;
  /** Whether `source` needs no copy: it is one already, or can no longer be made. */
  #kept = false;
  #input: unknown = unread;
  #extras: Extras | undefined;

  constructor(host: CallHost, entry: MethodEntry, frame: FrameView, request: RequestMetadata) {
    this.host = host;
    this.entry = entry;
    this.sequenceHigh = frame.sequenceHigh;
    this.sequenceLow = frame.sequenceLow;
    this.oneway = frame.isOneway;
    this.metadata = request.metadata;
    this.deadline = request.deadline;
    this.codecId = frame.codecId;
    this.compressorId = frame.compressorId;
    this.source = frame.bytes;
    this.sourceStart = frame.payloadStart;
    this.sourceEnd = frame.end;
    if (frame.owned) this.ownPayload(frame.bytes, frame.payloadStart, frame.end);
  }

  /** The method that runs: another one than `entry` when an interceptor changed the names. */
  get target(): MethodEntry {
    return this.#extras?.target ?? this.entry;
  }
  get service(): string {
    return this.entry.service;
  }
  get method(): string {
    return this.entry.method;
  }
  get peer(): Peer {
    return this.host.peer;
  }
  get codec(): string {
    return this.binding?.codec.name ?? String(this.codecId);
  }
  get responseMetadata(): MutableMetadata {
    return (this.response ??= createMetadata());
  }
  get values(): ContextValues {
    return (this.#more().values ??= createContextValues());
  }

  /** Throws `RpcError` UNKNOWN_CODEC or BAD_PAYLOAD. */
  get input(): unknown {
    if (this.#input === unread) this.#input = this.#decode();
    return this.#input;
  }
  get payload(): Uint8Array {
    if (!this.#kept) this.keepPayload();
    if (this.source === gone) {
      const message = `the payload of ${this.service}.${this.method} was not kept: read call.payload before the first await`;
      throw new RpcError('failed_precondition', message, { reason: 'BAD_PAYLOAD' });
    }
    return this.source;
  }
  get signal(): AbortSignal {
    const extras = this.#more();
    const signal = (extras.signal ??= new LazySignal());
    if (!extras.watched) {
      extras.watched = true;
      if (this.deadline !== undefined && !this.settled && !signal.aborted) extras.ringEntry = DeadlineRing.of(this.host.clock).add(this.deadline, this);
    }
    return signal.signal;
  }
  /** Tells the calls that the handler makes when this one is cancelled; they know its deadline by themselves. */
  onAbort(run: (reason: unknown) => void): () => void {
    return (this.#more().signal ??= new LazySignal()).listen(run);
  }

  remainingMs(): number | undefined {
    return this.deadline === undefined ? undefined : this.deadline - this.host.clock.now();
  }
  with(changes: CallChanges): ServerCall {
    return new DerivedCall(this, changes);
  }
  fail(code: string, details?: unknown): RpcError<string> {
    return new RpcError(code, `${this.service}.${this.method} failed with ${code}`, { details });
  }

  /** Copies the payload, so that it stays readable after this turn. */
  keepPayload(): void {
    if (this.#kept) return;
    this.#kept = true;
    this.source = copyBytes(this.source, this.sourceStart, this.sourceEnd);
    this.sourceStart = 0;
    this.sourceEnd = this.source.length;
  }
  /** Takes a payload that was assembled or inflated for this call alone, and so needs no copy. */
  ownPayload(bytes: Uint8Array, start: number, end: number): void {
    this.source = bytes.subarray(start, end);
    this.sourceStart = 0;
    this.sourceEnd = end - start;
    this.#kept = true;
  }
  get decoded(): boolean {
    return this.#input !== unread;
  }
  /** The chunk that the payload lies in is about to be overwritten: copies the payload unless the input was decoded already. */
  turnEnded(): void {
    if (this.#kept) return;
    if (this.decoded) {
      this.#kept = true;
      this.source = gone;
    } else this.keepPayload();
  }

  /** An interceptor changed the names: the call runs another method. */
  reroute(target: MethodEntry, codec: Codec | undefined): void {
    this.#more().target = target;
    this.binding = codec === undefined || target.run === undefined ? undefined : target.binding(codec);
  }

  expired(): void {
    this.#more().ringEntry = -1;
    this.abort(refusal('deadline_exceeded', `the deadline of this call of ${this.service}.${this.method} has passed`, { reason: 'TIMEOUT' }));
  }
  abort(reason: RpcError): void {
    if (!this.settled) this.#more().signal ??= new LazySignal();
    this.#forgetDeadline();
    this.#extras?.signal?.abort(reason);
  }
  get abortReason(): RpcError | undefined {
    const signal = this.#extras?.signal;
    return signal?.aborted === true ? (signal.reason as RpcError) : undefined; // abort() takes nothing else
  }
  /** The call is over: nothing more will be sent for it. */
  finish(): void {
    this.settled = true;
    this.#forgetDeadline();
  }

  #forgetDeadline(): void {
    const extras = this.#extras;
    if (extras === undefined || extras.ringEntry < 0) return;
    DeadlineRing.of(this.host.clock).remove(extras.ringEntry);
    extras.ringEntry = -1;
  }

  #more(): Extras {
    return (this.#extras ??= { target: undefined, values: undefined, signal: undefined, watched: false, ringEntry: -1 });
  }

  #decode(): unknown {
    const { binding } = this;
    if (binding === undefined) throw unknownCodec(this.codecId);
    try {
      return this.host.sentJunk ? withoutStacks(() => this.#decodeBy(binding)) : this.#decodeBy(binding);
    } catch (error) {
      throw unreadable(this, `the codec ${binding.codec.name}`, error);
    }
  }
  #decodeBy({ input }: MethodBinding): unknown {
    if (this.#kept && input.decodeOwned !== undefined) return input.decodeOwned(this.source, this.sourceStart, this.sourceEnd);
    return input.decode(this.source, this.sourceStart, this.sourceEnd);
  }
}

/** State that only few calls need, made at its first use. */
interface Extras {
  target: MethodEntry | undefined;
  values: ContextValues | undefined;
  signal: LazySignal | undefined;
  /** Whether the deadline is watched, at which the signal fires. */
  watched: boolean;
  ringEntry: number;
}

/** The text is Go's (rpcx server/server_dispatch.go, handleRequest). */
export function unknownCodec(id: number): RpcError {
  return refusal('unimplemented', `can not find codec for ${id}`, { reason: 'UNKNOWN_CODEC' });
}
