import { seededRandom } from '@rpcxjs/testing';

/** Everything that is left to chance in a walk, decided by its seed. */
export class Dice {
  readonly next: () => number;

  constructor(seed: number) {
    this.next = seededRandom(seed);
  }
  /** From 0 to below `n`. */
  int(n: number): number {
    return Math.floor(this.next() * n);
  }
  chance(share: number): boolean {
    return this.next() < share;
  }
  one<T>(list: readonly T[]): T {
    return list[this.int(list.length)]!;
  }
}
