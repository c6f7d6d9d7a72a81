import { contract, unary } from '@rpcxjs/core';

export interface WorkArgs {
  /** Of the execution: a server writes it down each time. */
  readonly Id: number;
  /** How long the handler takes, in milliseconds. */
  readonly Ms: number;
}
export interface WorkReply {
  readonly Id: number;
  readonly From: string;
}
export interface ChainArgs extends WorkArgs {
  /** The servers that are still to be called, one after the other. */
  readonly Next: readonly string[];
}

/** What the servers of the tests with many processes offer. */
export const Work = contract('Work', {
  Read: unary<WorkArgs, WorkReply>({ idempotent: true }),
  Write: unary<WorkArgs, WorkReply>(),
  /** Keeps the whole process busy for so long. */
  Spin: unary<WorkArgs, WorkReply>(),
  /** Waits, then calls the next server of the list. */
  Chain: unary<ChainArgs, WorkReply>(),
});

/** How the handlers of `Read` and `Write` behave from now on. */
export interface WorkBehaviour {
  /** Added to every call, in milliseconds. */
  readonly extraMs: number;
  /** The share of calls that fail, 0 to 1: every second one for 0.5. */
  readonly failShare: number;
  /** The process kills itself right after it has written down this many more executions, before it answers. */
  readonly dieAfter: number;
}

/** What a server of the tests tells of itself. */
export interface WorkReport {
  readonly executed: number;
  /** Handlers whose signal was aborted: the caller had gone, or its time was over. */
  readonly aborted: number;
  readonly running: number;
  /** What handlers of `Chain` saw left of their deadline when they began, in milliseconds. */
  readonly remainingMs: readonly number[];
  /** When connections were accepted, in milliseconds since 1970. */
  readonly accepted: readonly number[];
}
