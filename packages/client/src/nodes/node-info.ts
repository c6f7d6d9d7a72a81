import type { Clock } from '@rpcxjs/core';
import type { EjectionReason, Node } from './node.ts';

/** What a client knows of one server. Plain JSON. */
export interface NodeInfo {
  readonly address: string;
  /**
   * `ejected`: new calls avoid it. `probing`: one call tries it out. `suspect`: it would be avoided, but too many others would be too.
   */
  readonly state: 'healthy' | 'ejected' | 'probing' | 'suspect';
  /** Calls under way, those that wait for a connection included. */
  readonly inFlight: number;
  /** Attempts that were sent its way. */
  readonly calls: number;
  /** Attempts that failed, answers of the application not counted. */
  readonly failures: number;
  readonly failuresByCode: Readonly<Record<string, number>>;
  /** Of the last 30 to 60 seconds, correct to 7 %; absent when there was no call. */
  readonly p50Ms?: number;
  readonly p95Ms?: number;
  readonly p99Ms?: number;
  /** Why it is avoided, tried out or suspected. */
  readonly ejectedFor?: EjectionReason;
  /** The same in words, with figures. */
  readonly evidence?: string;
  /** When a call may try it out, in milliseconds since 1970. */
  readonly ejectedUntilMs?: number;
  /** The last failure, with the first 300 characters of its message and its time in milliseconds since 1970. */
  readonly lastError?: { readonly code: string; readonly message: string; readonly atMs: number };
  /** Open connections, where the client knows. */
  readonly connections?: number;
}

/** `used`: some list has it among those for new calls. */
export function nodeInfo(node: Node, used: boolean, clock: Clock): NodeInfo {
  const now = clock.now();
  const wallTimeOf = (at: number): number => Math.round(clock.wallTime() + at - now);
  const { address, state, inFlight, calls, failures, failuresByCode, reason, evidence, until, lastFailure, lastFailureAt } = node;
  return {
    address,
    state: state === 'ejected' && used ? 'suspect' : state,
    inFlight,
    calls,
    failures,
    failuresByCode: Object.fromEntries(failuresByCode),
    ...quantiles(node, now),
    ...(reason !== undefined && { ejectedFor: reason, evidence }),
    ...(state === 'ejected' && until < Infinity && { ejectedUntilMs: wallTimeOf(until) }),
    ...(lastFailure !== undefined && { lastError: { ...lastFailure, atMs: wallTimeOf(lastFailureAt) } }),
  };
}

function quantiles({ latency }: Node, now: number): Pick<NodeInfo, 'p50Ms' | 'p95Ms' | 'p99Ms'> {
  const p50Ms = latency.quantile(0.5, now);
  const p95Ms = latency.quantile(0.95, now);
  const p99Ms = latency.quantile(0.99, now);
  return p50Ms === undefined || p95Ms === undefined || p99Ms === undefined ? {} : { p50Ms, p95Ms, p99Ms };
}

/** `tcp@10.0.0.2:8972 is avoided for 8 s more: 5 calls in a row failed, the last one with …` */
export function whyAvoided({ address, state, until, evidence }: Node, now: number): string {
  return `${address} is avoided ${state === 'probing' ? 'until the call that tries it has ended' : timeLeft(until - now)}: ${evidence}`;
}

function timeLeft(leftMs: number): string {
  if (leftMs === Infinity) return 'for good';
  if (leftMs <= 0) return 'until a call has tried it';
  return leftMs < 1000 ? `for ${Math.ceil(leftMs)} ms more` : `for ${Math.ceil(leftMs / 1000)} s more`;
}
