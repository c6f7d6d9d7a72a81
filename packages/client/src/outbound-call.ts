import {
  createContextValues, createMetadata, LazySignal,
  type CallOptions, type ClientCall, type Clock, type ContextValues, type Expirable, type FailMode, type MutableMetadata, type Pick, type RawMessage, type RpcError, type ServiceInstance,
} from '@rpcxjs/core';
import { checkNames } from '@rpcxjs/core/options';
import type { Sequenced } from '@rpcxjs/session';
import { anywhere, type CallContext } from './call-context.ts';
import type { ClientBinding } from './client-binding.ts';
import type { Node } from './nodes/node.ts';
import type { NodeAttempt } from './nodes/node-table.ts';
import type { RetryBudget } from './retry-budget.ts';

export type CallKind = 'value' | 'oneway' | 'raw';
/** What an interceptor may change; metadata is written in place. */
const changeable = ['service', 'method', 'input'];

/** Takes a call to a server. */
export interface CallRoute {
  readonly budget: RetryBudget;
  send(call: OutboundCall, now: number): void;
  /** Reports how the attempt ended for which `send` had chosen a server. Errors of this client's own making, such as the cancelling of a rival attempt, are reported too. */
  ended(call: OutboundCall, error: RpcError<string> | undefined, now: number): void;
  /** Whether a call that waits for this server could be sent to another one as well. */
  hasOther(address: string | undefined): boolean;
  /** Which servers new calls avoid and why, for the texts of errors. */
  avoided?(): string | undefined;
  /** Why this call has not left yet, if that is known; also for the texts of errors. */
  holdUp?(call: OutboundCall): string | undefined;
}

/** The method that is called, and the way on which its calls find a server. */
export interface CallTarget {
  readonly binding: ClientBinding;
  readonly route: CallRoute;
  /** Replaces the fail mode of the client. */
  readonly failMode?: FailMode | undefined;
}

/** The connection that a call waits on. */
export interface WaitingPlace {
  readonly address: string;
  /** The caller no longer waits. With `tell` the server is told so, if it is one that understands. */
  forget(call: OutboundCall, tell: boolean): void;
}

/** What a call asks of the client that it belongs to. */
export interface CallOwner {
  readonly clock: Clock;
  expired(call: OutboundCall): void;
  derive(call: OutboundCall, changes: { readonly service?: string; readonly method?: string; readonly input?: unknown }): OutboundCall;
}

/**
 * One call from its start to its result, over all attempts. State that only few calls need is kept in a `CallStory`, which is made on demand: half as many
 * fields to initialise makes a small call a tenth cheaper.
 */
export class OutboundCall implements ClientCall, Sequenced, Expirable, NodeAttempt {
  sequenceHigh = 0;
  sequenceLow = 0;
  readonly owner: CallOwner;
  readonly target: CallTarget;
  readonly binding: ClientBinding;
  readonly input: unknown;
  readonly options: CallOptions | undefined;
  kind: CallKind = 'value';
  /** When the call's time is over, on the clock's axis; Infinity for no deadline. */
  deadlineAt: number = Infinity;
  /** When the call was started, on the clock's axis; NaN before that. */
  startedAt: number = Number.NaN;
  /** The connection on which it waits for a reply. */
  session: WaitingPlace | undefined;
  ringEntry = -1;
  settled = false;
  resolve: (value: unknown) => void = ignore;
  reject: (error: unknown) => void = ignore;
  /** The server that the current attempt goes to. */
  address: string | undefined;
  instance: ServiceInstance | undefined;
  node: Node | undefined;
  admission = 0;
  /** Whether the route that chose the server still has to be told how the attempt ended. */
  chosen = false;
  /** When the current attempt began, on the clock's axis. */
  attemptAt: number = Number.NaN;
  /** Whether a byte of the current attempt was written. */
  attemptSent: boolean = false;
  /** The call that the caller waits for: this one, unless this is a second attempt (a hedge) beside a slow one. */
  main: OutboundCall = this;
  /** The attempt that this one is a copy of; this one, unless an interceptor made a copy. */
  root: OutboundCall = this;
  /** The message of `client.raw`, which is passed on as it is. */
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

  /** The rare state, for reading: nothing is allocated. */
  get story(): Readonly<CallStory> {
    return this.#story ?? untold;
  }
  /** The rare state, for writing: allocated at the first use. */
  get told(): CallStory {
    return (this.#story ??= new CallStory());
  }
  /** The number of the current attempt, from 1. */
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
  /** A copy of the caller's metadata, made at the first use. */
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
    checkNames('call.with()', changes, changeable);
    return this.owner.derive(this, changes);
  }
  /** Takes over what a copy has in common with its original. */
  adopt(original: OutboundCall): void {
    this.root = original.root;
    this.main = original.main;
    const { told } = this;
    told.wantsReply = original.story.wantsReply;
    told.passes = original.story.passes;
    told.metadata = original.metadata;
    told.values = original.values;
    told.context = original.story.context;
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

/** State that only few calls need. It is an object of its own, because fields added to some calls only would make the shared code a quarter slower for all calls. */
export class CallStory {
  attempt: number = 1;
  /** Whether the current attempt failed. */
  lost: boolean = false;
  /** Whether the server said that it did not run the call. */
  refused: boolean = false;
  /** Which server the fail mode wants for the next attempt. */
  again: 'same' | 'other' = 'other';
  failures: { readonly address: string | undefined; readonly error: RpcError<string>; readonly durationMs: number }[] | undefined;
  hedge: OutboundCall | undefined;
  hedgeEntry: number = -1;
  /** Settles the attempt for the interceptors that wrap it. */
  inAttempt: { readonly resolve: (reply: unknown) => void; readonly reject: (error: unknown) => void } | undefined;
  /** What interceptors around the whole call have passed on, the same list for all of it. */
  passes: OutboundCall[] | undefined;
  /** The copies that interceptors made of the current attempt: calls they changed, and calls they passed on more than once. */
  copies: OutboundCall[] | undefined;
  /** Whether an interceptor has passed on the whole call already (`begun`), or the current attempt (`passedOn`). */
  begun: boolean = false;
  passedOn: boolean = false;
  /** Whether the result is a `Reply` with metadata, as interceptors expect it, instead of the plain value. */
  wantsReply: boolean = false;
  /** Whether the value has to be taken out of that `Reply` for the caller. */
  unwraps: boolean = false;
  /** Where the client's `token` and `headers` are asked, which may be in a turn of another call: when its connection opens, or at the next attempt. */
  context: CallContext = anywhere;
  /** These three are made when somebody reads them. */
  metadata: MutableMetadata | undefined;
  values: ContextValues | undefined;
  signal: LazySignal | undefined;
}

/** Shared by all calls that need no story of their own. */
const untold: Readonly<CallStory> = new CallStory();

/** Tells the route that chose the server how its attempt went, once. */
export function endOfAttempt(call: OutboundCall, error: RpcError<string> | undefined, now: number): void {
  if (!call.chosen) return;
  call.chosen = false;
  call.target.route.ended(call, error, now);
}

function ignore(): void {}
