import type { Outcome, Pick, ServiceInstance } from '@rpcxjs/core';
import { isLeft, isNodeFailure } from './node-failure.ts';

/** A first failure counts as so many times the usual latency; each further one doubles the server's figure, up to the limit. */
const penalty = 10;
const penaltyLimit = 100;
/** Milliseconds. Latencies below this count as equal; it also keeps the figure of a server that gets no calls above 0. */
const least = 0.01;

/** What all servers of a service have in common. */
export interface LatencyScale {
  readonly now: () => number;
  readonly decayMs: number;
  /** Milliseconds that a successful call takes, of late; 0 while none is known. */
  usualMs: number;
  /** When an attempt ended last. */
  lastAt: number;
}

/** The latency of one server, through all lists of a service: a peak counts at once, and fades by a factor of e in each `decayMs` (Finagle's peak EWMA). */
export class NodeLatency {
  pending = 0;
  /** When it was last chosen; before that, when it became known. */
  pickedAt: number;
  /** NaN before the first answer. Until then a first call counts as free, and further ones at the usual latency of the other servers. */
  #costMs: number = Number.NaN;
  #at: number;
  readonly #scale: LatencyScale;

  constructor(scale: LatencyScale) {
    this.#scale = scale;
    this.#at = scale.now();
    this.pickedAt = this.#at;
  }

  /** What another call would cost: the latency for itself and for each call in flight, of which a server of high weight carries more. */
  score(now: number, perCall: number): number {
    return Math.max(this.#fading(now), least) * (this.pending * perCall + 1);
  }

  ended({ error, durationMs }: Outcome): void {
    if (this.pending > 0) this.pending -= 1;
    const scale = this.#scale;
    const took = durationMs >= 0 && durationMs < Infinity ? durationMs : 0;
    if (error === undefined) {
      scale.usualMs = scale.usualMs === 0 ? took : scale.usualMs + (took - scale.usualMs) / 32;
      this.#observe(took);
    } else if (isNodeFailure(error)) {
      const usual = Math.max(scale.usualMs, 0.1);
      const doubled = 2 * this.#fading(scale.now());
      this.#observe(Math.max(took, Math.min(Math.max(penalty * usual, doubled), penaltyLimit * usual)));
    } else if (isLeft(error)) {
      // The caller gave up, or another server was faster: so it takes at least that long. A frozen server shows in no other way.
      if (took > this.#fading(scale.now())) this.#observe(took);
    } else this.#observe(Math.max(took, scale.usualMs)); // a refused request says nothing about how quick the server is
  }

  #fading(now: number): number {
    if (Number.isNaN(this.#costMs)) return this.pending === 0 ? 0 : this.#scale.usualMs;
    const elapsed = now - this.#at;
    if (elapsed <= 0) return this.#costMs;
    const share = elapsed / this.#scale.decayMs;
    return this.#costMs * (share < 0.001 ? 1 - share : Math.exp(-share));
  }

  #observe(tookMs: number): void {
    const now = this.#scale.now();
    this.#scale.lastAt = now;
    const left = this.#fading(now);
    const share = this.#costMs > 0 ? left / this.#costMs : 0;
    this.#costMs = tookMs > left || Number.isNaN(this.#costMs) ? tookMs : left + tookMs * (1 - share);
    this.#at = now;
  }
}

/** Reused for all calls to a server. */
export class MeasuredPick implements Pick {
  readonly instance: ServiceInstance;
  readonly latency: NodeLatency;
  /** How much a call in flight counts, 1 on a server of usual weight. */
  readonly #perCall: number;

  constructor(instance: ServiceInstance, latency: NodeLatency, perCall: number) {
    this.instance = instance;
    this.latency = latency;
    this.#perCall = perCall;
  }

  score(now: number): number {
    return this.latency.score(now, this.#perCall);
  }

  done(outcome: Outcome): void {
    this.latency.ended(outcome);
  }
}
