import type { Clock, RpcError } from '@rpcxjs/core';
import type { ResolvedHealthOptions } from './health-options.ts';
import { Node, type EjectionReason } from './node.ts';
import { NodeGroup, type GroupOwner } from './node-group.ts';
import { nodeInfo, whyAvoided, type NodeInfo } from './node-info.ts';
import { outcomeOf, type Outcome } from './outcome.ts';
import { outliers } from './outliers.ts';

/** One attempt of a call; whoever makes it lends three fields, so that counting allocates nothing. */
export interface NodeAttempt {
  /** Undefined before it began and after it ended. */
  node: Node | undefined;
  /** The generation of the node that it belongs to; negative for the one that tries out a node. @default 0 */
  admission: number;
  /** Clock time. @default NaN */
  attemptAt: number;
}

// A connection that failed is tried again as one that is being dialled: soon, then later and later.
const firstRefusalMs = 200;
const longestRefusalMs = 5000;
const refusalGrowth = 1.6;
/** A server that has been reached for so long has no refusals to its name. */
const stableMs = 5000;
/** Healthy for so many times `ejectionMs` makes up for one ejection. */
const forgivenAfter = 3;
// When the call that tries out a server has ended without telling: soon another one.
const againMs = 1000;
const longestProbeMs = 30_000;

/** All servers that a client knows, and what their calls say of them. Reads the time from its callers and needs no timer. */
export class NodeTable implements GroupOwner {
  readonly #options: ResolvedHealthOptions;
  readonly #clock: Clock;
  readonly #nodes = new Map<string, Node>();
  readonly #groups = new Set<NodeGroup>();
  #version = 0;
  #compareAt = Number.NaN;
  #anyFailed = false;

  constructor(options: ResolvedHealthOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  get version(): number {
    return this.#version;
  }
  get maxEjectedShare(): number {
    return this.#options.maxEjectedShare;
  }

  /** The node of an address, made when it is new. Ask anew with each list: a node that is in no list and has no calls is forgotten. */
  nodeOf(address: string): Node {
    let node = this.#nodes.get(address);
    if (node === undefined) this.#nodes.set(address, (node = new Node(address)));
    return node;
  }

  /** A list of servers that are each other's peers. */
  group(addresses: readonly string[]): NodeGroup {
    const group = new NodeGroup(this);
    this.#groups.add(group);
    group.update(addresses);
    return group;
  }

  /** An attempt goes to a node. */
  began(attempt: NodeAttempt, node: Node, now: number): void {
    attempt.node = node;
    attempt.attemptAt = now;
    node.inFlight += 1;
    node.calls += 1;
    if (node.due(now)) {
      this.#become(node, 'probing', now, now + longestProbeMs);
      attempt.admission = -node.generation;
    } else attempt.admission = node.generation;
  }

  /** The attempt is over; `error` is undefined when it succeeded. A second time does nothing. */
  ended(attempt: NodeAttempt, error: unknown, now: number): void {
    const { node } = attempt;
    if (node === undefined) return;
    attempt.node = undefined;
    node.inFlight -= 1;
    if (error === undefined) {
      node.latency.add(now - attempt.attemptAt, now);
      if (attempt.admission === node.generation && node.state === 'healthy') {
        node.run = 0;
        node.answered += 1;
      } else this.#judge(node, attempt, 'answered', now);
    } else this.#failed(node, attempt, error, now);
    if (!(now < this.#compareAt)) this.#compare(now);
    if (node.lists === 0) this.left(node);
  }

  /** Keeps new calls away from a server, as long as there are others. */
  quarantine(address: string, forMs: number): void {
    if (!(forMs >= 0)) throw new TypeError(`a quarantine of ${forMs} ms: it takes milliseconds that are not negative`);
    const now = this.#clock.now();
    this.#eject(this.nodeOf(address), { reason: 'quarantine', forMs, evidence: 'it was put in quarantine' }, now);
  }

  /** The server announced that it is about to end. */
  drains(address: string, forMs: number = this.#options.ejectionMs): void {
    const now = this.#clock.now();
    this.#eject(this.nodeOf(address), { reason: 'draining', forMs, evidence: 'it announced that it is about to end' }, now);
  }

  /** Says why new calls do not go to a server, for the texts of errors; undefined if they do. */
  why(address: string): string | undefined {
    const node = this.#nodes.get(address);
    return node === undefined || this.#inUse(node) ? undefined : whyAvoided(node, this.#clock.now());
  }

  /** Every server that is in a list or has calls. */
  snapshot(): NodeInfo[] {
    const used = new Set([...this.#groups].flatMap((group) => group.usable()));
    return [...this.#nodes.values()].map((node) => nodeInfo(node, used.has(node.address), this.#clock));
  }

  left(node: Node): void {
    if (node.lists === 0 && node.inFlight === 0) this.#nodes.delete(node.address);
  }
  closed(group: NodeGroup): void {
    this.#groups.delete(group);
  }

  #inUse(node: Node): boolean {
    if (node.state === 'healthy') return true;
    for (const group of this.#groups) if (group.usable().includes(node.address)) return true;
    return false;
  }

  #failed(node: Node, attempt: NodeAttempt, error: unknown, now: number): void {
    const outcome = outcomeOf(error);
    if (outcome === 'answered' || outcome === 'relative' || outcome === 'failure') node.latency.add(now - attempt.attemptAt, now);
    if (outcome !== 'answered' && outcome !== 'neutral') {
      node.remember(error as RpcError, now);
      this.#anyFailed = true;
    }
    this.#judge(node, attempt, outcome, now);
  }

  #judge(node: Node, { admission }: NodeAttempt, outcome: Outcome, now: number): void {
    if (admission === -node.generation) this.#tried(node, outcome, now);
    else if (admission === node.generation) {
      if (node.state === 'healthy') this.#count(node, outcome, now);
      else if (outcome === 'answered' && (node.reason === 'consecutive' || node.reason === 'unreachable')) this.#become(node, 'healthy', now, Infinity);
    }
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
      if (node.run >= this.#options.consecutiveFailures) {
        this.#eject(node, { reason: 'consecutive', forMs: this.#nextEjectionMs(node, now), evidence: `${node.run} calls in a row failed, the last one with ${last(node)}` }, now);
      }
    } else this.#ejectFor(node, outcome, now);
  }

  /** The one call that tried out a node has ended. */
  #tried(node: Node, outcome: Outcome, now: number): void {
    const { reason } = node;
    if (outcome === 'answered' || outcome === 'refused' || (outcome === 'relative' && reason !== 'success-rate')) this.#become(node, 'healthy', now, Infinity);
    else if (outcome === 'neutral') this.#become(node, 'ejected', now, now + againMs);
    else if (outcome === 'failure' || outcome === 'relative') {
      const kept = reason === 'success-rate' || reason === 'unreachable' ? reason : 'consecutive';
      this.#eject(node, { reason: kept, forMs: this.#nextEjectionMs(node, now), evidence: `the call that tried it again failed with ${last(node)}` }, now);
    } else this.#ejectFor(node, outcome, now);
  }

  #ejectFor(node: Node, outcome: Outcome, now: number): void {
    if (outcome === 'unreachable') this.#eject(node, { reason: 'unreachable', forMs: this.#nextRefusalMs(node, now), evidence: last(node) }, now);
    else if (outcome === 'silent') this.#eject(node, { reason: 'unreachable', forMs: this.#nextEjectionMs(node, now), evidence: last(node) }, now);
    else if (outcome === 'broken') this.#eject(node, { reason: 'quarantine', forMs: this.#nextEjectionMs(node, now), evidence: last(node) }, now);
    else if (outcome === 'draining') this.#eject(node, { reason: 'draining', forMs: this.#options.ejectionMs, evidence: last(node) }, now);
  }

  #eject(node: Node, why: { readonly reason: EjectionReason; readonly forMs: number; readonly evidence: string }, now: number): void {
    node.reason = why.reason;
    node.evidence = why.evidence;
    this.#become(node, 'ejected', now, now + why.forMs);
  }

  #become(node: Node, state: Node['state'], now: number, until: number): void {
    node.become(state, now, until);
    this.#version += 1;
  }

  #nextEjectionMs(node: Node, now: number): number {
    const { ejectionMs, maxEjectionMs } = this.#options;
    const forgiven = Math.floor(node.healthyForMs(now) / (forgivenAfter * ejectionMs));
    node.ejections = Math.max(0, node.ejections - forgiven) + 1;
    return Math.min(maxEjectionMs, ejectionMs * node.ejections);
  }

  /** Half of it is drawn by lot, so that the clients of a server that returns do not all come at once. */
  #nextRefusalMs(node: Node, now: number): number {
    if (node.healthyForMs(now) >= stableMs) node.refusals = 0;
    const fullMs = Math.min(longestRefusalMs, firstRefusalMs * refusalGrowth ** node.refusals);
    node.refusals += 1;
    return fullMs * (0.5 + this.#clock.random() / 2);
  }

  /** Servers with the peers of each of their lists. */
  #compare(now: number): void {
    const first = Number.isNaN(this.#compareAt);
    this.#compareAt = now + this.#options.intervalMs;
    if (first || !this.#anyFailed) {
      if (!first) for (const node of this.#nodes.values()) this.#startOver(node);
      return;
    }
    this.#anyFailed = false;
    for (const { nodes } of this.#groups) {
      const healthy = nodes.filter(({ state }) => state === 'healthy');
      for (const index of outliers(healthy, this.#options)) this.#fellBehind(healthy[index] as Node, now); // of this list
    }
    for (const node of this.#nodes.values()) this.#startOver(node);
  }

  #fellBehind(node: Node, now: number): void {
    const { answered, failed } = node;
    const evidence = `${failed} of ${answered + failed} calls failed, clearly more than at its peers, the last one with ${last(node)}`;
    this.#eject(node, { reason: 'success-rate', forMs: this.#nextEjectionMs(node, now), evidence }, now);
  }

  /** What is too little to be judged counts half in the next interval. */
  #startOver(node: Node): void {
    const judged = node.answered + node.failed >= this.#options.minimumCalls;
    node.answered = judged ? 0 : node.answered >> 1;
    node.failed = judged ? 0 : node.failed >> 1;
  }
}

function last({ lastFailure }: Node): string {
  return lastFailure === undefined ? 'an error' : `${lastFailure.code}: ${lastFailure.message}`;
}
