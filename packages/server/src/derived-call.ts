import type { ContextValues, Metadata, MutableMetadata, Peer, RpcError, ServerCall } from '@rpcxjs/core';
import { checkNames } from '@rpcxjs/core/options';

export interface CallChanges {
  readonly service?: string;
  readonly method?: string;
  readonly input?: unknown;
}

/** What an interceptor may change; metadata cannot be. */
const changeable = ['service', 'method', 'input'];

/** A call that an interceptor changed; everything else is taken from the original. */
export class DerivedCall implements ServerCall {
  readonly original: ServerCall;
  readonly service: string;
  readonly method: string;
  readonly #changes: CallChanges;

  constructor(original: ServerCall, changes: CallChanges) {
    checkNames('call.with()', changes, changeable);
    this.original = original;
    this.service = changes.service ?? original.service;
    this.method = changes.method ?? original.method;
    this.#changes = changes;
  }

  get input(): unknown {
    return 'input' in this.#changes ? this.#changes.input : this.original.input;
  }
  get oneway(): boolean {
    return this.original.oneway;
  }
  get deadline(): number | undefined {
    return this.original.deadline;
  }
  get signal(): AbortSignal {
    return this.original.signal;
  }
  get values(): ContextValues {
    return this.original.values;
  }
  get metadata(): Metadata {
    return this.original.metadata;
  }
  get responseMetadata(): MutableMetadata {
    return this.original.responseMetadata;
  }
  get peer(): Peer {
    return this.original.peer;
  }
  get codec(): string {
    return this.original.codec;
  }
  get payload(): Uint8Array {
    return this.original.payload;
  }
  remainingMs(): number | undefined {
    return this.original.remainingMs();
  }
  with(changes: CallChanges): ServerCall {
    return new DerivedCall(this, changes);
  }
  fail(code: string, details?: unknown): RpcError<string> {
    return this.original.fail(code, details);
  }
}
