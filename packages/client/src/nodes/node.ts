import { LatencyHistogram } from './latency-histogram.ts';

export type NodeState = 'healthy' | 'ejected' | 'probing';

/**
 * Why a server is avoided.
 *
 * - `unreachable`: it refused a connection, or lost it, or said nothing any more.
 * - `consecutive`: calls failed one after the other.
 * - `success-rate`: more of its calls failed than of its peers' calls.
 * - `quarantine`: the program said so, or it does not speak the protocol.
 * - `draining`: it said that it is about to end.
 */
export type EjectionReason = 'unreachable' | 'consecutive' | 'success-rate' | 'quarantine' | 'draining';

export interface Failure {
  readonly code: string;
  /** At most 300 characters of it. */
  readonly message: string;
}
// A server chooses how long its messages are, and they are kept.
const longestMessage = 300;

/**
 * What the client knows of the server at one address.
 *
 * ```text
 *             evidence                     time is over, a call begins
 *  healthy ──────────────▶ ejected(until) ────────────────────────────▶ probing
 *     ▲                     │   ▲                                        │   │
 *     └─ a reply to a later ┘   └──────── it fails: longer ──────────────┘   │
 *     ▲  call (not all reasons)                                              │
 *     └──────────────────────────────── it succeeds ─────────────────────────┘
 * ```
 *
 * Each change begins a new generation; what becomes of calls of an earlier one changes nothing.
 */
export class Node {
  readonly address: string;
  /** How many lists it is in. */
  lists: number = 0;
  inFlight: number = 0;
  calls: number = 0;
  failures: number = 0;
  /** Failures in a row, since the last success. */
  run: number = 0;
  /** Since the last comparison with its peers. */
  answered: number = 0;
  failed: number = 0;
  generation: number = 1;
  /** The generations in which it was asked whether it lives, and answered. */
  asked: number = 0;
  checked: number = 0;
  /** How many heartbeats in a row were not answered. */
  unanswered: number = 0;
  readonly latency: LatencyHistogram = new LatencyHistogram();
  readonly failuresByCode: Map<string, number> = new Map();
  lastFailure: Failure | undefined;
  lastFailureAt: number = Number.NaN;
  /** When calls may be tried again, or when the one that is being tried is taken for lost. */
  until: number = Number.NaN;
  reason: EjectionReason | undefined;
  /** The reason of the ejection in words. */
  evidence: string = '';
  /** Ejections, minus those that healthy times have made good; and connections that failed one after the other. */
  ejections: number = 0;
  refusals: number = 0;
  #state: NodeState = 'healthy';
  #healthySince: number = -Infinity;

  constructor(address: string) {
    this.address = address;
  }

  get state(): NodeState {
    return this.#state;
  }
  /** How long it has been healthy since it was avoided last, 0 when it is not healthy. */
  healthyForMs(now: number): number {
    return this.#state === 'healthy' ? now - this.#healthySince : 0;
  }
  /** Whether the next call may try out whether the node is well again. */
  due(now: number): boolean {
    return this.#state !== 'healthy' && now >= this.until;
  }
  /** Whether it gets no calls as long as there is any other node, however many are avoided: it cannot be reached, or asks for none. */
  get out(): boolean {
    return this.#state !== 'healthy' && this.reason !== 'consecutive' && this.reason !== 'success-rate';
  }

  /** Remembers what an attempt failed with. */
  remember({ code, message }: Failure, now: number): void {
    this.failures += 1;
    this.failuresByCode.set(code, (this.failuresByCode.get(code) ?? 0) + 1);
    this.lastFailure = { code, message: message.length > longestMessage ? `${message.slice(0, longestMessage - 1)}…` : message };
    this.lastFailureAt = now;
  }

  /** The only way to another state. */
  become(state: NodeState, now: number, until: number): void {
    this.#state = state;
    this.generation += 1;
    this.until = until;
    this.run = 0;
    if (state === 'probing') return;
    this.answered = this.failed = 0;
    if (state === 'healthy') {
      this.#healthySince = now;
      this.reason = undefined;
    }
  }
}
