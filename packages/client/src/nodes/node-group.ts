import type { Node } from './node.ts';
import { whyAvoided } from './node-info.ts';

const mostExplained = 3;

/** What a group asks of the table that made it. */
export interface GroupOwner {
  /** Changes with the state of any node. */
  readonly version: number;
  readonly maxEjectedShare: number;
  nodeOf(address: string): Node;
  /** Whether a call may try out a node that is due. */
  mayTry(node: Node, now: number): boolean;
  left(node: Node): void;
  closed(group: NodeGroup): void;
}

/**
 * The servers of one list, those of a service, say, and which of them new calls may go to.
 *
 * - Who cannot be reached, is draining or in quarantine is left out as long as anyone is left.
 * - Who failed too often is left out up to `maxEjectedShare` of the list; those whose time ends first stay in.
 * - When more than half of the list would be out, those who failed stay in: then it is not they who are at fault.
 */
export class NodeGroup {
  readonly #owner: GroupOwner;
  #nodes: readonly Node[] = [];
  #addresses: readonly string[] = [];
  #usable: readonly string[] = [];
  #version = -1;
  #avoided: readonly Node[] = [];
  #probeAt = Infinity;

  constructor(owner: GroupOwner) {
    this.#owner = owner;
  }

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** The list as it is now; an address that occurs twice is one server. */
  update(addresses: readonly string[]): void {
    const before = this.#nodes;
    this.#addresses = [...new Set(addresses)];
    this.#nodes = this.#addresses.map((address) => this.#owner.nodeOf(address));
    for (const node of this.#nodes) node.lists += 1;
    for (const node of before) {
      node.lists -= 1;
      this.#owner.left(node);
    }
    this.#version = -1;
  }

  /** Addresses for new calls, in the order of the list; empty only if the list is empty. Returns the same array as before unless its content has changed. */
  usable(): readonly string[] {
    if (this.#version !== this.#owner.version) this.#look();
    return this.#usable;
  }

  /**
   * A server that was avoided long enough: the next call, if it is a first attempt, shall go there, and only that one. Costs a comparison when there is none.
   * Servers that are used for want of others are not meant: any call tries them.
   */
  probe(now: number): string | undefined {
    if (this.#version !== this.#owner.version) this.#look();
    if (now < this.#probeAt) return undefined;
    const node = this.#avoided.find((one) => one.due(now));
    return node !== undefined && this.#owner.mayTry(node, now) ? node.address : undefined;
  }

  /** Says which servers new calls avoid, and why, for the texts of errors; undefined when there are none. Names three at most. */
  avoided(now: number): string | undefined {
    if (this.#version !== this.#owner.version) this.#look();
    const avoided = this.#avoided;
    if (avoided.length === 0) return undefined;
    const texts = avoided.slice(0, mostExplained).map((node) => whyAvoided(node, now));
    if (avoided.length > mostExplained) texts.push(`and ${avoided.length - mostExplained} more`);
    return texts.join('; ');
  }

  /** Forgets its servers, unless others know them. */
  close(): void {
    this.update([]);
    this.#owner.closed(this);
  }

  #look(): void {
    this.#version = this.#owner.version;
    const next = this.#nodes.every(({ state }) => state === 'healthy') ? this.#addresses : this.#choose();
    const same = next.length === this.#usable.length && next.every((address, index) => address === this.#usable[index]);
    if (!same) this.#usable = next;
    const used = new Set(next);
    this.#avoided = this.#nodes.filter(({ address }) => !used.has(address));
    this.#probeAt = Math.min(...this.#avoided.map(({ until }) => until));
  }

  #choose(): readonly string[] {
    const nodes = this.#nodes;
    const reachable = nodes.filter((node) => !node.out);
    if (reachable.length === 0) {
      // A server that announced its end still answers, or will again soon; one that cannot be reached does neither.
      const leaving = nodes.filter(({ reason }) => reason === 'draining');
      return leaving.length === 0 ? this.#addresses : leaving.map(({ address }) => address);
    }
    const suspects = reachable.filter(({ state }) => state !== 'healthy');
    const unhealthy = nodes.length - reachable.length + suspects.length;
    const left = unhealthy * 2 > nodes.length ? [] : worst(suspects, this.#most());
    if (reachable.length === nodes.length && left.length === 0) return this.#addresses;
    return reachable.filter((node) => !left.includes(node)).map(({ address }) => address);
  }

  #most(): number {
    const { maxEjectedShare } = this.#owner;
    return maxEjectedShare === 0 ? 0 : Math.max(1, Math.floor(this.#nodes.length * maxEjectedShare));
  }
}

function worst(suspects: readonly Node[], most: number): readonly Node[] {
  if (suspects.length <= most) return suspects;
  return suspects.toSorted((one, other) => other.until - one.until).slice(0, most);
}
