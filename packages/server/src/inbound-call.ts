import {
  copyBytes, createContextValues, createMetadata, DeadlineRing, LazySignal, RpcError,
  type Ambient, type Clock, type Codec, type ContextValues, type Expirable, type Metadata, type MutableMetadata, type Peer, type ServerCall,
} from '@rpcxjs/core';
import type { Sequenced } from '@rpcxjs/session';
import { DerivedCall, type CallChanges } from './derived-call.ts';
import type { MethodBinding, MethodEntry } from './method-entry.ts';

/** What the call needs of the connection that it came on. */
export interface CallHost {
  readonly peer: Peer;
  readonly clock: Clock;
}

const nothing: Uint8Array = new Uint8Array(0);
const unread = Symbol('input not decoded yet');

/** One call as its handler sees it. Everything that most handlers never look at is made on first use. */
export class InboundCall implements ServerCall, Sequenced, Ambient, Expirable {
  readonly host: CallHost;
  readonly entry: MethodEntry;
  /** What runs in the end: another one when an interceptor changed the names. */
  target: MethodEntry;
  binding: MethodBinding | undefined;
  sequenceHigh: number;
  sequenceLow: number;
  readonly oneway: boolean;
  readonly metadata: Metadata;
  readonly deadline: number | undefined;
  readonly codecId: number;
  /** Of the request; its reply is compressed with the same. */
  compressorId = 0;
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
  source: Uint8Array = nothing;
  sourceStart = 0;
  sourceEnd = 0;
  #kept = false;
  #gone = false;
  #input: unknown = unread;
  #values: ContextValues | undefined;
  #signal: LazySignal | undefined;
  #watched = false;
  #ringEntry = -1;

  constructor(init: {
    readonly host: CallHost;
    readonly entry: MethodEntry;
    readonly binding: MethodBinding | undefined;
    readonly sequenceHigh: number;
    readonly sequenceLow: number;
    readonly oneway: boolean;
    readonly metadata: Metadata;
    readonly deadline: number | undefined;
    readonly codecId: number;
  }) {
    this.host = init.host;
    this.entry = init.entry;
    this.target = init.entry;
    this.binding = init.binding;
    this.sequenceHigh = init.sequenceHigh;
    this.sequenceLow = init.sequenceLow;
    this.oneway = init.oneway;
    this.metadata = init.metadata;
    this.deadline = init.deadline;
    this.codecId = init.codecId;
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
    return (this.#values ??= createContextValues());
  }

  /** Throws `RpcError` UNKNOWN_CODEC or BAD_PAYLOAD. */
  get input(): unknown {
    if (this.#input === unread) this.#input = this.#decode();
    return this.#input;
  }
  get payload(): Uint8Array {
    if (!this.#kept) this.keepPayload();
    if (this.#gone) {
      const message = `the payload of ${this.service}.${this.method} was not kept: read call.payload before the first await`;
      throw new RpcError('failed_precondition', message, { reason: 'BAD_PAYLOAD' });
    }
    return this.source;
  }
  get signal(): AbortSignal {
    if (!this.#watched) {
      this.#watched = true;
      this.#signal ??= new LazySignal();
      if (this.deadline !== undefined && !this.settled && !this.#signal.aborted) this.#ringEntry = DeadlineRing.of(this.host.clock).add(this.deadline, this);
    }
    return (this.#signal as LazySignal).signal; // made above
  }
  /** For the calls that its handler makes; they have its deadline themselves. */
  onAbort(run: (reason: unknown) => void): () => void {
    return (this.#signal ??= new LazySignal()).listen(run);
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
    if (this.#kept || this.#gone) return;
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
      this.#gone = true;
      this.#kept = true;
      this.source = nothing;
    } else this.keepPayload();
  }

  /** An interceptor led it to another method. */
  reroute(target: MethodEntry, codec: Codec | undefined): void {
    this.target = target;
    this.binding = codec === undefined || target.run === undefined ? undefined : target.binding(codec);
  }

  expired(): void {
    this.#ringEntry = -1;
    this.abort(new RpcError('deadline_exceeded', `the deadline of this call of ${this.service}.${this.method} has passed`, { reason: 'TIMEOUT' }));
  }
  abort(reason: RpcError): void {
    if (this.#signal === undefined && !this.settled) this.#signal = new LazySignal();
    this.#forgetDeadline();
    this.#signal?.abort(reason);
  }
  get abortReason(): RpcError | undefined {
    return this.#signal?.aborted === true ? (this.#signal.reason as RpcError) : undefined; // abort() takes nothing else
  }
  /** Nothing more will be sent for it. */
  finish(): void {
    this.settled = true;
    this.#forgetDeadline();
  }

  #forgetDeadline(): void {
    if (this.#ringEntry >= 0) DeadlineRing.of(this.host.clock).remove(this.#ringEntry);
    this.#ringEntry = -1;
  }

  #decode(): unknown {
    const { binding } = this;
    if (binding === undefined) throw unknownCodec(this.codecId);
    const { input } = binding;
    if (this.#kept && input.decodeOwned !== undefined) return input.decodeOwned(this.source, this.sourceStart, this.sourceEnd);
    return input.decode(this.source, this.sourceStart, this.sourceEnd);
  }
}

/** The text is Go's (rpcx server/server_dispatch.go, handleRequest). */
export function unknownCodec(id: number): RpcError {
  return new RpcError('unimplemented', `can not find codec for ${id}`, { reason: 'UNKNOWN_CODEC' });
}
