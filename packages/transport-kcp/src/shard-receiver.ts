import { invert, multiply } from './galois.ts';
import { dataShards, groupShards, parityFactors, parityShards, ParitySum, shardSequenceEnd } from './parity.ts';

// Groups that may be incomplete at a time. Reordering does not reach further, and memory stays small.
const openGroups = 8;
const allData = (1 << dataShards) - 1;

// kcp-go reads no longer datagrams either (`mtuLimit`).
const mostShardBytes = 1500;

/** Copies of the data shards of one group: nothing is computed from them unless one is missing. */
class Shelf {
  #bytes = Buffer.alloc(0);
  /** From one shard to the next. */
  #stride = 0;
  readonly #lengths = new Uint16Array(dataShards);

  put(shard: number, bytes: Buffer, from: number, to: number): void {
    if (to - from > this.#stride) this.#grow(to - from);
    bytes.copy(this.#bytes, shard * this.#stride, from, to);
    this.#lengths[shard] = to - from;
  }

  /** Of the shards in `received`, one bit for each. */
  sum(received: number): ParitySum {
    const sum = new ParitySum();
    for (let shard = 0; shard < dataShards; shard++) {
      const from = shard * this.#stride;
      if ((received & (1 << shard)) !== 0) sum.add(shard, this.#bytes, from, from + (this.#lengths[shard] ?? 0));
    }
    return sum;
  }

  #grow(needed: number): void {
    const stride = Math.min(mostShardBytes, Math.max(needed, this.#stride * 2));
    const larger = Buffer.allocUnsafeSlow(dataShards * stride);
    for (let shard = 0; shard < dataShards; shard++) this.#bytes.copy(larger, shard * stride, shard * this.#stride, (shard + 1) * this.#stride);
    this.#bytes = larger;
    this.#stride = stride;
  }
}

interface Group {
  id: number;
  /** One bit for each data shard that came. */
  received: number;
  /** Undefined before the first data shard came, and once all of them did. */
  shelf: Shelf | undefined;
  readonly parity: (Buffer | undefined)[];
  parityCount: number;
}

/** Collects the datagrams of one conversation by FEC group and gives back those that were lost. */
export class ShardReceiver {
  readonly #groups: (Group | undefined)[] = Array.from({ length: openGroups });
  /** Of groups that are complete. */
  readonly #free: Shelf[] = [];
  #newest = -1;
  readonly #recovered: (shard: Buffer) => void;

  /** `recovered` gets what a lost datagram carried after its FEC header, filled up with zeros. */
  constructor(recovered: (shard: Buffer) => void) {
    this.#recovered = recovered;
  }

  /** `bytes` from `from` to `to` is what came after the FEC header; it is only lent. */
  add(sequence: number, bytes: Buffer, from: number, to: number): void {
    if (sequence >= shardSequenceEnd || to - from > mostShardBytes) return;
    const group = this.#group(Math.floor(sequence / groupShards));
    if (group === undefined || group.received === allData) return;
    const shard = sequence % groupShards;
    if (shard < dataShards) {
      const bit = 1 << shard;
      if ((group.received & bit) !== 0) return;
      group.received |= bit;
      if (group.received === allData) {
        this.#clear(group);
        return;
      }
      (group.shelf ??= this.#free.pop() ?? new Shelf()).put(shard, bytes, from, to);
    } else {
      const row = shard - dataShards;
      if (group.parity[row] !== undefined) return;
      group.parity[row] = Buffer.from(bytes.subarray(from, to));
      group.parityCount++;
    }
    if (group.parityCount > 0) this.#tryRecover(group);
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
      const fresh: Group = { id, received: 0, shelf: undefined, parity: [], parityCount: 0 };
      this.#groups[slot] = fresh;
      return fresh;
    }
    found.id = id;
    found.received = 0;
    this.#clear(found);
    return found;
  }

  /** What the group keeps is not needed any more. */
  #clear(group: Group): void {
    if (group.shelf !== undefined) this.#free.push(group.shelf);
    group.shelf = undefined;
    group.parity.length = 0;
    group.parityCount = 0;
  }

  #tryRecover(group: Group): void {
    const missing: number[] = [];
    for (let shard = 0; shard < dataShards; shard++) if ((group.received & (1 << shard)) === 0) missing.push(shard);
    if (missing.length > group.parityCount || missing.length > parityShards) return;
    const rows: number[] = [];
    for (let row = 0; row < parityShards && rows.length < missing.length; row++) if (group.parity[row] !== undefined) rows.push(row);
    const sum = group.shelf?.sum(group.received) ?? new ParitySum();
    group.received = allData;
    const solution = invert(rows.map((row) => missing.map((shard) => parityFactors[row]?.[shard] ?? 0)));
    const [firstRow = 0] = rows;
    const length = group.parity[firstRow]?.length ?? 0;
    // Parity is as long as the longest shard; anything else is no parity of this group.
    const fits = length >= sum.length && rows.every((row) => group.parity[row]?.length === length);
    const shards = solution === undefined || !fits ? [] : missing.map((_, index) => combine({ parity: group.parity, sum, rows, length }, solution[index] ?? []));
    this.#clear(group);
    for (const shard of shards) this.#recovered(shard);
  }
}

interface Remainder {
  readonly parity: readonly (Buffer | undefined)[];
  readonly sum: ParitySum;
  readonly rows: readonly number[];
  readonly length: number;
}

/** A lost shard is a sum of what is left of the parity once the shards that came are taken out of it. */
function combine({ parity: shards, sum, rows, length }: Remainder, factors: readonly number[]): Buffer {
  const shard = Buffer.alloc(length);
  for (const [position, row] of rows.entries()) {
    const factor = factors[position] ?? 0;
    const parity = shards[row];
    if (factor === 0 || parity === undefined) continue;
    const table = Uint8Array.from({ length: 256 }, (_, value) => multiply(factor, value));
    for (let index = 0; index < length; index++) {
      const rest = (parity[index] ?? 0) ^ sum.byte(row, index);
      shard[index] = (shard[index] ?? 0) ^ (table[rest] ?? 0);
    }
  }
  return shard;
}
