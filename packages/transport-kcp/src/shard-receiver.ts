import { invert, multiply } from './galois.ts';
import { dataShards, groupShards, parityFactors, parityShards, ParitySum, shardSequenceEnd } from './parity.ts';

// Groups that may be incomplete at a time. Reordering does not reach further, and memory stays small.
const openGroups = 8;
const allData = (1 << dataShards) - 1;

interface Group {
  id: number;
  /** One bit for each data shard that came. */
  received: number;
  readonly sum: ParitySum;
  readonly parity: (Buffer | undefined)[];
  parityCount: number;
}

/** Collects the datagrams of one conversation by FEC group and gives back those that were lost. */
export class ShardReceiver {
  readonly #groups: (Group | undefined)[] = Array.from({ length: openGroups });
  #newest = -1;
  readonly #recovered: (shard: Buffer) => void;

  /** `recovered` gets what a lost datagram carried after its FEC header, filled up with zeros. */
  constructor(recovered: (shard: Buffer) => void) {
    this.#recovered = recovered;
  }

  /** `bytes` from `from` to `to` is what came after the FEC header; it is only lent. */
  add(sequence: number, bytes: Buffer, from: number, to: number): void {
    if (sequence >= shardSequenceEnd) return;
    const group = this.#group(Math.floor(sequence / groupShards));
    if (group === undefined || group.received === allData) return;
    const shard = sequence % groupShards;
    if (shard < dataShards) {
      const bit = 1 << shard;
      if ((group.received & bit) !== 0) return;
      group.received |= bit;
      group.sum.add(shard, bytes, from, to);
    } else {
      const row = shard - dataShards;
      if (group.parity[row] !== undefined) return;
      group.parity[row] = Buffer.from(bytes.subarray(from, to));
      group.parityCount++;
    }
    if (group.parityCount > 0 && group.received !== allData) this.#tryRecover(group);
  }

  #group(id: number): Group | undefined {
    const slot = id % openGroups;
    const found = this.#groups[slot];
    if (found?.id === id) return found;
    const behind = this.#newest - id;
    // A little behind is late; very far means that the numbers have wrapped, or that the newest one was forged.
    if (behind >= openGroups && behind < 4 * openGroups) return undefined;
    if (behind < 0 || behind >= openGroups) this.#newest = id;
    if (found === undefined) {
      const fresh: Group = { id, received: 0, sum: new ParitySum(), parity: [], parityCount: 0 };
      this.#groups[slot] = fresh;
      return fresh;
    }
    found.id = id;
    found.received = 0;
    found.sum.clear();
    found.parity.length = 0;
    found.parityCount = 0;
    return found;
  }

  #tryRecover(group: Group): void {
    const missing: number[] = [];
    for (let shard = 0; shard < dataShards; shard++) if ((group.received & (1 << shard)) === 0) missing.push(shard);
    if (missing.length > group.parityCount || missing.length > parityShards) return;
    const rows: number[] = [];
    for (let row = 0; row < parityShards && rows.length < missing.length; row++) if (group.parity[row] !== undefined) rows.push(row);
    group.received = allData;
    const solution = invert(rows.map((row) => missing.map((shard) => parityFactors[row]?.[shard] ?? 0)));
    const [firstRow = 0] = rows;
    const length = group.parity[firstRow]?.length ?? 0;
    // Parity is as long as the longest shard; anything else is no parity of this group.
    if (solution === undefined || length < group.sum.length || rows.some((row) => group.parity[row]?.length !== length)) return;
    const shards = missing.map((_, index) => combine(group, rows, solution[index] ?? [], length));
    group.parity.length = 0;
    for (const shard of shards) this.#recovered(shard);
  }
}

/** A lost shard is a sum of what is left of the parity once the shards that came are taken out of it. */
function combine(group: Group, rows: readonly number[], factors: readonly number[], length: number): Buffer {
  const shard = Buffer.alloc(length);
  for (const [position, row] of rows.entries()) {
    const factor = factors[position] ?? 0;
    const parity = group.parity[row];
    if (factor === 0 || parity === undefined) continue;
    const table = Uint8Array.from({ length: 256 }, (_, value) => multiply(factor, value));
    for (let index = 0; index < length; index++) {
      const rest = (parity[index] ?? 0) ^ group.sum.byte(row, index);
      shard[index] = (shard[index] ?? 0) ^ (table[rest] ?? 0);
    }
  }
  return shard;
}
