import type { ClientCall } from './call.ts';
import type { ServiceInstance } from './discovery.ts';
import type { RpcError } from './errors.ts';

export interface AttemptFailure {
  readonly error: RpcError;
  /** Unsent, refused, draining, or an idempotent method: decided by the session, not by the mode. */
  readonly retryable: boolean;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly instance: ServiceInstance | undefined;
}
export type FailDecision =
  | 'give-up'
  | {
      readonly again: 'same' | 'other';
      readonly afterMs: number;
      /** Up to so much more, drawn by the client's clock, so that callers that failed together do not come back together. */
      readonly jitterMs?: number | undefined;
    };

/** What a call does when an attempt fails. Asked only then: a call that succeeds never comes here. */
export interface FailMode {
  readonly name: string;
  next(failure: AttemptFailure, call: ClientCall): FailDecision;
  /** Failbackup: when to start a second attempt beside a slow one; undefined for never. */
  hedgeAfterMs?(call: ClientCall): number | undefined;
  /** Told of each call that succeeded and how long its attempt took, for a mode that measures. */
  succeeded?(call: ClientCall, durationMs: number): void;
}
