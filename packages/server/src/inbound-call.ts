import {
  copyBytes, createContextValues, createMetadata, DeadlineRing, LazySignal, RpcError,
  type Ambient, type Clock, type Codec, type ContextValues, type Expirable, type Metadata, type MutableMetadata, type Peer, type ServerCall,
} from '@rpcxjs/core';
import type { FrameView } from '@rpcxjs/protocol';
import type { Sequenced } from '@rpcxjs/session';
import { DerivedCall, type CallChanges } from './derived-call.ts';
import type { MethodBinding, MethodEntry } from './method-entry.ts';
import type { RequestMetadata } from './request-metadata.ts';

/** What the call needs of the connection that it came on. */
export interface CallHost {
  readonly peer: Peer;
  readonly clock: Clock;
}

/** Stands for a payload that was not kept. */
const gone: Uint8Array = new Uint8Array(0);
const unread = Symbol('input not decoded yet');

/** One call as its handler sees it. Everything that most handlers never look at is made on first use. */
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
  /** Of the request; its reply is compressed with the same. */
  compressorId: number;
  inflated = false;
  /** Counted among the running ones. */
  counted = false;
  /** In the connection's table, so that a cancel or a disconnect finds it. */
  tracked = false;
  settled = false;
  /** It has come to its handler, or to what stands for one. */
  handled = false;
  /** Its caller said that it no longer waits: nothing is sent for it. */
  abandoned = false;
  response: MutableMetadata | undefined;
  /** The payload as long as it is there: valid during dispatch unless it was kept. */
  source: Uint8Array;
  sourceStart: number;
  sourceEnd: number;
  /** Copied, or past keeping. */
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

  /** What runs in the end: another one when an interceptor changed the names. */
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
  /** For the calls that its handler makes; they have its deadline themselves. */
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

  /** Copies the payload, for whatever happens after this turn. */
  keepPayload(): void {
    if (this.#kept) return;
    this.#kept = true;
    this.source = copyBytes(this.source, this.sourceStart, this.sourceEnd);
    this.sourceStart = 0;
    this.sourceEnd = this.source.length;
  }
  /** The payload was put together or inflated for this call alone. */
  ownPayload(bytes: Uint8Array, start: number, end: number): void {
    this.source = bytes.subarray(start, end);
    this.sourceStart = 0;
    this.sourceEnd = end - start;
    this.#kept = true;
  }
  get decoded(): boolean {
    return this.#input !== unread;
  }
  /** The chunk that the payload lies in is about to be read into again. */
  turnEnded(): void {
    if (this.#kept) return;
    if (this.decoded) {
      this.#kept = true;
      this.source = gone;
    } else this.keepPayload();
  }

  /** An interceptor led it to another method. */
  reroute(target: MethodEntry, codec: Codec | undefined): void {
    this.#more().target = target;
    this.binding = codec === undefined || target.run === undefined ? undefined : target.binding(codec);
  }

  expired(): void {
    this.#more().ringEntry = -1;
    this.abort(new RpcError('deadline_exceeded', `the deadline of this call of ${this.service}.${this.method} has passed`, { reason: 'TIMEOUT' }));
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
  /** Nothing more will be sent for it. */
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
    const { input } = binding;
    if (this.#kept && input.decodeOwned !== undefined) return input.decodeOwned(this.source, this.sourceStart, this.sourceEnd);
    return input.decode(this.source, this.sourceStart, this.sourceEnd);
  }
}

/** What somebody has looked at, or an interceptor changed. */
interface Extras {
  target: MethodEntry | undefined;
  values: ContextValues | undefined;
  signal: LazySignal | undefined;
  /** The signal fires at the deadline. */
  watched: boolean;
  ringEntry: number;
}

/** The text is Go's (rpcx server/server_dispatch.go, handleRequest). */
export function unknownCodec(id: number): RpcError {
  return new RpcError('unimplemented', `can not find codec for ${id}`, { reason: 'UNKNOWN_CODEC' });
}
