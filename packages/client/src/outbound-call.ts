import {
  createContextValues, createMetadata, LazySignal,
  type CallOptions, type ClientCall, type Clock, type ContextValues, type Expirable, type FailMode, type MutableMetadata, type Pick, type RawMessage, type RpcError, type ServiceInstance,
} from '@rpcxjs/core';
import type { Sequenced } from '@rpcxjs/session';
import type { ClientBinding } from './client-binding.ts';
import type { Node } from './nodes/node.ts';
import type { NodeAttempt } from './nodes/node-table.ts';
import type { RetryBudget } from './retry-budget.ts';

export type CallKind = 'value' | 'oneway' | 'raw';

/** Takes a call to a server. */
export interface CallRoute {
  readonly budget: RetryBudget;
  send(call: OutboundCall, now: number): void;
  /** How the attempt went for which `send` chose a server; an error of our own making, a cancelled rival say, included. */
  ended(call: OutboundCall, error: RpcError<string> | undefined, now: number): void;
  /** Whether a call that waits for this server could be sent to another one as well. */
  hasOther(address: string | undefined): boolean;
  /** Which servers new calls avoid and why, for the texts of errors. */
  avoided?(): string | undefined;
  /** Why this call has not left yet, if that is known; likewise. */
  holdUp?(call: OutboundCall): string | undefined;
}

/** What is called, and how its calls find a server. */
export interface CallTarget {
  readonly binding: ClientBinding;
  readonly route: CallRoute;
  /** Instead of the client's. */
  readonly failMode?: FailMode | undefined;
}

/** The connection that a call waits on. */
export interface WaitingPlace {
  readonly address: string;
  /** The caller no longer waits; `tell` the server, if it is one that understands. */
  forget(call: OutboundCall, tell: boolean): void;
}

/** What a call asks of the client that it belongs to. */
export interface CallOwner {
  readonly clock: Clock;
  expired(call: OutboundCall): void;
  derive(call: OutboundCall, changes: { readonly service?: string; readonly method?: string; readonly input?: unknown }): OutboundCall;
}

/** One call from its start to its result, over all attempts. What few calls have is apart: half of the fields less to write is a tenth of what a small call costs. */
export class OutboundCall implements ClientCall, Sequenced, Expirable, NodeAttempt {
  sequenceHigh = 0;
  sequenceLow = 0;
  readonly owner: CallOwner;
  readonly target: CallTarget;
  readonly binding: ClientBinding;
  readonly input: unknown;
  readonly options: CallOptions | undefined;
  kind: CallKind = 'value';
  /** Clock time, Infinity for none. */
  deadlineAt: number = Infinity;
  /** NaN until then. */
  startedAt: number = Number.NaN;
  /** Where it waits for a reply. */
  session: WaitingPlace | undefined;
  ringEntry = -1;
  settled = false;
  resolve: (value: unknown) => void = ignore;
  reject: (error: unknown) => void = ignore;
  /** The server that its current attempt goes to, */
  address: string | undefined;
  instance: ServiceInstance | undefined;
  node: Node | undefined;
  admission = 0;
  /** and whether somebody is to be told how that went; */
  chosen = false;
  /** when it began, in clock time. */
  attemptAt: number = Number.NaN;
  /** A byte of the current attempt was written. */
  attemptSent: boolean = false;
  /** The call that its caller waits for; a second attempt beside a slow one stands for it. */
  main: OutboundCall = this;
  /** The attempt that this one is a copy of. */
  root: OutboundCall = this;
  /** Of a message that is passed on as it is. */
  raw: RawMessage | undefined;
  /** Takes the listener off the caller's signal, or the timer off the clock. */
  release: (() => void) | undefined;
  pick: Pick | undefined;
  #story: CallStory | undefined;

  constructor(owner: CallOwner, target: CallTarget, input: unknown, options: CallOptions | undefined) {
    this.owner = owner;
    this.target = target;
    this.binding = target.binding;
    this.input = input;
    this.options = options;
  }

  /** To be looked at, */
  get story(): Readonly<CallStory> {
    return this.#story ?? untold;
  }
  /** and to be written. */
  get told(): CallStory {
    return (this.#story ??= new CallStory());
  }
  /** Counted from 1. */
  get attempt(): number {
    return this.story.attempt;
  }
  get service(): string {
    return this.binding.service;
  }
  get method(): string {
    return this.binding.method;
  }
  get oneway(): boolean {
    return this.kind === 'oneway';
  }
  get idempotent(): boolean {
    return this.binding.idempotent;
  }
  get hashKey(): string | undefined {
    return this.options?.hashKey;
  }
  get deadline(): number | undefined {
    return this.deadlineAt === Infinity ? undefined : this.deadlineAt;
  }
  remainingMs(): number | undefined {
    return this.deadlineAt === Infinity ? undefined : this.deadlineAt - this.owner.clock.now();
  }
  /** A copy of the caller's, made when somebody looks. */
  get metadata(): MutableMetadata {
    return (this.told.metadata ??= createMetadata(this.options?.metadata));
  }
  get hasMetadata(): boolean {
    return this.story.metadata !== undefined || this.options?.metadata !== undefined;
  }
  get values(): ContextValues {
    return (this.told.values ??= createContextValues());
  }
  get signal(): AbortSignal {
    return (this.told.signal ??= new LazySignal()).signal;
  }
  with(changes: { readonly service?: string; readonly method?: string; readonly input?: unknown }): ClientCall {
    return this.owner.derive(this, changes);
  }
  /** What a copy has in common with its original. */
  adopt(original: OutboundCall): void {
    this.root = original.root;
    this.main = original.main;
    const { told } = this;
    told.wantsReply = original.story.wantsReply;
    told.metadata = original.metadata;
    told.values = original.values;
    this.deadlineAt = original.deadlineAt;
    this.startedAt = original.startedAt;
  }

  expired(): void {
    this.ringEntry = -1;
    this.owner.expired(this);
  }
  aborted(reason: unknown): void {
    this.story.signal?.abort(reason);
  }
}

/** What few calls have. Every call has the same fields itself: code that meets some with more and some with fewer is a quarter slower for all of them. */
export class CallStory {
  attempt: number = 1;
  /** The current attempt failed; */
  lost: boolean = false;
  /** the server said that it did not run it. */
  refused: boolean = false;
  /** Where its fail mode wants the next attempt. */
  again: 'same' | 'other' = 'other';
  failures: { readonly address: string | undefined; readonly error: RpcError<string>; readonly durationMs: number }[] | undefined;
  hedge: OutboundCall | undefined;
  hedgeEntry: number = -1;
  /** The attempt that interceptors stand around. */
  inAttempt: { readonly resolve: (reply: unknown) => void; readonly reject: (error: unknown) => void } | undefined;
  /** What stands for this one in its current attempt: changed copies, and what was passed on again. */
  copies: OutboundCall[] | undefined;
  /** An interceptor has passed it on already, around the whole call or around the current attempt. */
  begun: boolean = false;
  passedOn: boolean = false;
  /** The value comes with its metadata, as interceptors want it; */
  wantsReply: boolean = false;
  /** and is taken out again for the caller. */
  unwraps: boolean = false;
  /** What somebody has looked at. */
  metadata: MutableMetadata | undefined;
  values: ContextValues | undefined;
  signal: LazySignal | undefined;
}

/** Of a call of which there is nothing to tell. */
const untold: Readonly<CallStory> = new CallStory();

function ignore(): void {}
