import { dataShards, ParitySum, shardSequenceEnd } from './parity.ts';

/** Numbers the datagrams of one conversation for FEC, and knows when parity is due. */
export class ShardSender {
  #next = 0;
  #count = 0;
  readonly sum: ParitySum = new ParitySum();

  /** The sequence number of the next datagram, data or parity. */
  take(): number {
    const sequence = this.#next;
    this.#next = sequence + 1 === shardSequenceEnd ? 0 : sequence + 1;
    return sequence;
  }

  /** Takes what a data datagram carries after its FEC header; true when its group is complete and parity must follow. */
  add(bytes: Buffer, from: number, to: number): boolean {
    this.sum.add(this.#count, bytes, from, to);
    this.#count++;
    return this.#count === dataShards;
  }

  /** After the parity of a group. */
  nextGroup(): void {
    this.#count = 0;
    this.sum.clear();
  }
}
