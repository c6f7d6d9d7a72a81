import { RpcError, type Clock } from '@rpcxjs/core';
import type { ResolvedHealthOptions } from './health-options.ts';
import type { EjectionReason, Node } from './node.ts';
import { outcomeOf, type Outcome } from './outcome.ts';

// A connection that failed is tried again soon, then later and later. All clients of a server lose it at the same moment, so the times are random.
const leastRefusalMs = 100;
const refusalSpreadMs = 1500;
const firstRefusalMs = 200;
const refusalGrowth = 1.6;
const longestRefusalMs = 5000;
/** After a server was reachable for so long, earlier refusals no longer count. */
const stableMs = 5000;
/** One ejection is forgotten after so many times `ejectionMs` in good health. */
const forgivenAfter = 3;
// The next trial call comes so soon after one that ended without telling anything.
const againMs = 1000;
const longestProbeMs = 30_000;
const longestCheckMs = 3000;
/** A server that announced its end may be back as soon as this, as in a rolling restart. */
export const drainingMs = 1000;
/** Not every server answers heartbeats: after so many without an answer a call has to find out. */
const mostUnanswered = 5;

export interface Ejection {
  readonly reason: EjectionReason;
  readonly forMs: number;
  readonly evidence: string;
}

/** The circuit breaker: takes nodes out of use and back again, by the outcome of their calls. */
export class Breaker {
  /** Changes with the state of any node. */
  version: number = 0;
  readonly #options: ResolvedHealthOptions;
  readonly #clock: Clock;

  constructor(options: ResolvedHealthOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Counts the outcome of an attempt. Returns true if it failed; an error that the application answered with is no failure. */
  failed(node: Node, attempt: { readonly admission: number; readonly attemptAt: number }, error: unknown, now: number): boolean {
    const durationMs = now - attempt.attemptAt;
    const outcome = hurried(node, durationMs, error, now) ? 'neutral' : outcomeOf(error);
    if (outcome === 'answered' || outcome === 'relative' || outcome === 'failure') node.latency.add(durationMs, now);
    const failed = outcome !== 'answered' && outcome !== 'neutral';
    if (failed) node.remember(error as RpcError, now); // others are neutral
    this.judge(node, attempt.admission, outcome, now);
    return failed;
  }

  /** Changes the node's state by an outcome; calls of an earlier generation say nothing about the present one. */
  judge(node: Node, admission: number, outcome: Outcome, now: number): void {
    if (admission === -node.generation) this.#tried(node, outcome, now);
    else if (admission !== node.generation) return;
    else if (node.state === 'healthy') this.#count(node, outcome, now);
    else if (outcome === 'answered' && (node.reason === 'consecutive' || node.reason === 'unreachable')) this.#become(node, 'healthy', now, Infinity);
    // It was used because there was no other, and has ended meanwhile.
    else if (outcome === 'unreachable' && node.reason === 'draining') this.#ejectFor(node, outcome, now);
  }

  /** A one-way call was written. As a trial call that is enough, since there may be no other calls. */
  written(node: Node, admission: number, now: number): void {
    if (admission === -node.generation) this.#become(node, 'healthy', now, Infinity);
  }

  /** The node gets one trial call. */
  try(node: Node, now: number): void {
    this.#become(node, 'probing', now, now + longestProbeMs);
  }

  /** A heartbeat goes to it, unless one is under way that took too long: then it counts as unanswered. */
  ask(node: Node, now: number): boolean {
    if (node.state === 'probing' && node.asked === node.generation) {
      this.silent(node, `it did not answer a heartbeat within ${longestCheckMs} ms`, now);
      return false;
    }
    this.#become(node, 'probing', now, now + longestCheckMs);
    node.asked = node.generation;
    return true;
  }

  /** Whether a heartbeat comes before the call that tries a node. */
  asksFirst(node: Node): boolean {
    return node.checked !== node.generation && node.unanswered < mostUnanswered;
  }

  /** It answered a heartbeat: the next call may be the trial. */
  alive(node: Node, now: number): void {
    this.#become(node, 'ejected', now, now);
    node.checked = node.generation;
  }

  /** It did not answer a heartbeat. */
  silent(node: Node, evidence: string, now: number): void {
    node.unanswered += 1;
    this.eject(node, { reason: 'unreachable', forMs: this.#nextRefusalMs(node, now), evidence }, now);
  }

  fellBehind(node: Node, now: number): void {
    const { answered, failed } = node;
    const evidence = `${failed} of ${answered + failed} calls failed, clearly more than at its peers, the last one with ${last(node)}`;
    this.eject(node, { reason: 'success-rate', forMs: this.#nextEjectionMs(node, now), evidence }, now);
  }

  eject(node: Node, { reason, forMs, evidence }: Ejection, now: number): void {
    node.reason = reason;
    node.evidence = evidence;
    this.#become(node, 'ejected', now, now + forMs);
  }

  /** Of a healthy node. */
  #count(node: Node, outcome: Outcome, now: number): void {
    if (outcome === 'answered') {
      node.run = 0;
      node.answered += 1;
    } else if (outcome === 'relative') {
      node.run = 0;
      node.failed += 1;
    } else if (outcome === 'failure') {
      node.run += 1;
      node.failed += 1;
      if (node.run < this.#options.consecutiveFailures) return;
      const evidence = node.run === 1 ? `a call failed with ${last(node)}` : `${node.run} calls in a row failed, the last one with ${last(node)}`;
      this.eject(node, { reason: 'consecutive', forMs: this.#nextEjectionMs(node, now), evidence }, now);
    } else this.#ejectFor(node, outcome, now);
  }

  /** The one call that tried out a node has ended. */
  #tried(node: Node, outcome: Outcome, now: number): void {
    const { reason } = node;
    if (outcome === 'answered' || outcome === 'refused' || (outcome === 'relative' && reason !== 'success-rate')) this.#become(node, 'healthy', now, Infinity);
    else if (outcome === 'neutral') this.#become(node, 'ejected', now, now + againMs);
    else if (outcome === 'failure' || outcome === 'relative') {
      const kept = reason === 'success-rate' || reason === 'unreachable' ? reason : 'consecutive';
      this.eject(node, { reason: kept, forMs: this.#nextEjectionMs(node, now), evidence: `the call that tried it again failed with ${last(node)}` }, now);
    } else this.#ejectFor(node, outcome, now);
  }

  #ejectFor(node: Node, outcome: Outcome, now: number): void {
    const evidence = last(node);
    if (outcome === 'unreachable') this.eject(node, { reason: 'unreachable', forMs: this.#nextRefusalMs(node, now), evidence }, now);
    else if (outcome === 'silent') this.eject(node, { reason: 'unreachable', forMs: this.#nextEjectionMs(node, now), evidence }, now);
    else if (outcome === 'broken') this.eject(node, { reason: 'quarantine', forMs: this.#nextEjectionMs(node, now), evidence }, now);
    else if (outcome === 'draining') this.eject(node, { reason: 'draining', forMs: drainingMs, evidence }, now);
  }

  #become(node: Node, state: Node['state'], now: number, until: number): void {
    node.become(state, now, until);
    this.version += 1;
  }

  #nextEjectionMs(node: Node, now: number): number {
    const { ejectionMs, maxEjectionMs } = this.#options;
    const forgiven = Math.floor(node.healthyForMs(now) / (forgivenAfter * ejectionMs));
    node.ejections = Math.max(0, node.ejections - forgiven) + 1;
    return Math.min(maxEjectionMs, ejectionMs * node.ejections);
  }

  #nextRefusalMs(node: Node, now: number): number {
    if (node.healthyForMs(now) >= stableMs) node.refusals = 0;
    const fullMs = Math.max(refusalSpreadMs, firstRefusalMs * refusalGrowth ** node.refusals);
    node.refusals += 1;
    return Math.min(longestRefusalMs, leastRefusalMs + fullMs * this.#clock.random());
  }
}

/** Whether a later attempt of a call had less time than the server usually needs. */
function hurried(node: Node, durationMs: number, error: unknown, now: number): boolean {
  if (!RpcError.is(error) || error.remote || error.code !== 'deadline_exceeded') return false;
  const usualMs = node.latency.quantile(0.5, now);
  return usualMs !== undefined && usualMs > 1 && durationMs < usualMs / 2;
}

function last({ lastFailure }: Node): string {
  return lastFailure === undefined ? 'an error' : `${lastFailure.code}: ${lastFailure.message}`;
}
