import { parseAddress, settle, thrownText, type Clock } from '@rpcxjs/core';
import { refuse } from '@rpcxjs/core/options';
import { Breaker, drainingMs } from './breaker.ts';
import type { ResolvedHealthOptions } from './health-options.ts';
import { Node } from './node.ts';
import { NodeGroup, type GroupOwner } from './node-group.ts';
import { nodeInfo, whyAvoided, type NodeInfo } from './node-info.ts';
import { outliers } from './outliers.ts';

/** One attempt of a call. Its first three fields belong to the table, so that counting allocates nothing. */
export interface NodeAttempt {
  /** Undefined before it began and after it ended. */
  node: Node | undefined;
  /** The generation of the node in which it began; negative for a trial call. @default 0 */
  admission: number;
  /** Clock time. @default NaN */
  attemptAt: number;
  /** One-way: there is no reply, and that it was written says little about the server. @default false */
  readonly oneway?: boolean;
}

/** Asks a server with a heartbeat whether it is alive; resolves when it answered. */
export type Check = (address: string) => Promise<unknown>;

/** All servers that a client knows, and what their calls say of them. Reads the time from its callers and needs no timer. */
export class NodeTable implements GroupOwner {
  readonly #options: ResolvedHealthOptions;
  readonly #clock: Clock;
  readonly #check: Check | undefined;
  readonly #breaker: Breaker;
  readonly #nodes = new Map<string, Node>();
  readonly #groups = new Set<NodeGroup>();
  #compareAt = Number.NaN;
  #anyFailed = false;

  constructor(options: ResolvedHealthOptions, clock: Clock, check?: Check) {
    this.#options = options;
    this.#clock = clock;
    this.#check = check;
    this.#breaker = new Breaker(options, clock);
  }

  get version(): number {
    return this.#breaker.version;
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
      node.unanswered = 0;
      this.#breaker.try(node, now);
      attempt.admission = -node.generation;
    } else attempt.admission = node.generation;
  }

  /** The attempt is over; `error` is undefined when it succeeded. A second time does nothing. */
  ended(attempt: NodeAttempt, error: unknown, now: number): void {
    const { node } = attempt;
    if (node === undefined) return;
    attempt.node = undefined;
    node.inFlight -= 1;
    if (error !== undefined) this.#anyFailed = this.#breaker.failed(node, attempt, error, now) || this.#anyFailed;
    else if (attempt.oneway === true) this.#breaker.written(node, attempt.admission, now);
    else {
      node.latency.add(now - attempt.attemptAt, now);
      if (attempt.admission === node.generation && node.state === 'healthy') {
        node.run = 0;
        node.answered += 1;
      } else this.#breaker.judge(node, attempt.admission, 'answered', now);
    }
    if (!(now < this.#compareAt)) this.#compare(now);
    if (node.lists === 0) this.left(node);
  }

  /** Keeps new calls away from a server, as long as there are others. 0 ms end that, `Infinity` is for good. */
  quarantine(address: string, forMs: number): void {
    parseAddress(address);
    if (typeof forMs !== 'number' || !(forMs >= 0)) refuse('the time of a quarantine', forMs, 'milliseconds that are not negative');
    this.#breaker.eject(this.nodeOf(address), { reason: 'quarantine', forMs, evidence: 'it was put in quarantine' }, this.#clock.now());
  }

  /** The server announced that it is about to end. */
  drains(address: string, forMs: number = drainingMs): void {
    this.#breaker.eject(this.nodeOf(address), { reason: 'draining', forMs, evidence: 'it announced that it is about to end' }, this.#clock.now());
  }

  /** A client without a connection to the server has tried to open one for `afterMs` milliseconds: new calls go elsewhere instead of waiting there. */
  unconnected(address: string, afterMs: number): void {
    const node = this.#nodes.get(address);
    if (node?.state === 'healthy') this.#breaker.silent(node, `no connection to it came about within ${afterMs} ms`, this.#clock.now());
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

  /** Whether a call may try out the node. Where heartbeats can be sent, only a node that answered one gets a call. */
  mayTry(node: Node, now: number): boolean {
    const check = this.#check;
    if (check === undefined || !this.#breaker.asksFirst(node)) return true;
    if (!this.#breaker.ask(node, now)) return false;
    const { generation } = node;
    const current = (): boolean => node.generation === generation;
    void settle(
      () => check(node.address),
      () => current() && this.#breaker.alive(node, this.#clock.now()),
      (error) => current() && this.#breaker.silent(node, `it did not answer when it was asked: ${thrownText(error)}`, this.#clock.now()),
    );
    return false;
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

  /** Compares servers with their peers in each list. */
  #compare(now: number): void {
    this.#compareAt = now + this.#options.intervalMs;
    if (this.#anyFailed) {
      this.#anyFailed = false;
      for (const { nodes } of this.#groups) {
        // Calls to servers that are avoided are not counted.
        for (const index of outliers(nodes, this.#options)) this.#breaker.fellBehind(nodes[index] as Node, now); // of this list
      }
    }
    for (const node of this.#nodes.values()) {
      this.#startOver(node);
      if (node.state === 'healthy' || node.due(now)) this.left(node);
    }
  }

  /** Starts a new interval; counts that were too few to be judged are carried over by half. */
  #startOver(node: Node): void {
    const judged = node.answered + node.failed >= this.#options.minimumCalls;
    node.answered = judged ? 0 : node.answered >> 1;
    node.failed = judged ? 0 : node.failed >> 1;
  }
}
