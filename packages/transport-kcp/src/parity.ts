import { multiply, parityMatrix } from './galois.ts';

/** What rpcx sets on both ends (`server/kcp.go`): after ten data datagrams come three of parity. */
export const dataShards = 10;
export const parityShards = 3;
export const groupShards: number = dataShards + parityShards;

/** Sequence numbers of FEC wrap here, at the end of a group (kcp-go `newFECEncoder`); those from here on are in no group. */
export const shardSequenceEnd: number = Math.floor(0xffff_ffff / groupShards) * groupShards;

export const parityFactors: readonly (readonly number[])[] = parityMatrix(dataShards, parityShards);

// One look-up gives what a byte adds to all three parity bytes: they lie side by side in one word.
const contributions: readonly Uint32Array[] = Array.from({ length: dataShards }, (_, shard) => Uint32Array.from({ length: 256 }, (_unused, byte) => {
  let word = 0;
  for (let row = 0; row < parityShards; row++) word |= multiply(parityFactors[row]?.[shard] ?? 0, byte) << (8 * row);
  return word >>> 0;
}));

/** The sum of the data shards of one group so far, for all parity shards at once; shorter shards count as filled up with zeros. */
export class ParitySum {
  #words = new Uint32Array(256);
  /** Bytes of the longest shard. */
  length = 0;

  add(shard: number, bytes: Buffer, from: number, to: number): void {
    const count = to - from;
    if (count > this.#words.length) this.#grow(count);
    if (count > this.length) this.length = count;
    const words = this.#words;
    const table = contributions[shard];
    if (table === undefined) return;
    for (let index = 0; index < count; index++) words[index] = (words[index] ?? 0) ^ (table[bytes[from + index] ?? 0] ?? 0);
  }

  /** The bytes of parity shard `row`. */
  write(row: number, into: Buffer, at: number): void {
    const shift = 8 * row;
    const words = this.#words;
    for (let index = 0; index < this.length; index++) into[at + index] = (words[index] ?? 0) >>> shift;
  }

  /** One byte of parity shard `row`. */
  byte(row: number, index: number): number {
    return ((this.#words[index] ?? 0) >>> (8 * row)) & 255;
  }

  clear(): void {
    this.#words.fill(0, 0, this.length);
    this.length = 0;
  }

  #grow(count: number): void {
    const larger = new Uint32Array(Math.max(count, this.#words.length * 2));
    larger.set(this.#words);
    this.#words = larger;
  }
}
