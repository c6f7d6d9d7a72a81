/** Something that waits under a 64-bit sequence number, kept as two halves. */
export interface Sequenced {
  sequenceHigh: number;
  sequenceLow: number;
}

/**
 * What is under way on one connection, by sequence number: an array indexed by the number's low bits, which grows with the count. Two that
 * would share a slot (numbers chosen by a peer) are told apart in an overflow map.
 */
export class SequenceTable<T extends Sequenced> {
  // Few: an idle connection has a table, too.
  #slots: (T | undefined)[] = new Array<undefined>(8).fill(undefined);
  #mask = 7;
  #overflow: Map<string, T> | undefined;
  size = 0;

  /** True when the number's slot is free, so that adding it needs no overflow. */
  isFree(low: number): boolean {
    return this.#slots[low & this.#mask] === undefined;
  }

  /** False if something already waits under the same number. */
  add(item: T): boolean {
    if (this.size * 2 >= this.#slots.length) this.#grow();
    const slot = item.sequenceLow & this.#mask;
    const holder = this.#slots[slot];
    if (holder === undefined && this.#overflow === undefined) this.#slots[slot] = item;
    else {
      if (this.get(item.sequenceHigh, item.sequenceLow) !== undefined) return false;
      if (holder === undefined) this.#slots[slot] = item;
      else (this.#overflow ??= new Map()).set(keyOf(item.sequenceHigh, item.sequenceLow), item);
    }
    this.size += 1;
    return true;
  }

  get(high: number, low: number): T | undefined {
    const item = this.#slots[low & this.#mask];
    if (item !== undefined && item.sequenceLow === low && item.sequenceHigh === high) return item;
    return this.#overflow?.get(keyOf(high, low));
  }

  /** Removes and returns it. */
  take(high: number, low: number): T | undefined {
    const slot = low & this.#mask;
    const item = this.#slots[slot];
    if (item !== undefined && item.sequenceLow === low && item.sequenceHigh === high) {
      this.#slots[slot] = undefined;
      this.size -= 1;
      return item;
    }
    if (this.#overflow === undefined) return undefined;
    const other = this.#overflow.get(keyOf(high, low));
    if (other === undefined) return undefined;
    this.#overflow.delete(keyOf(high, low));
    if (this.#overflow.size === 0) this.#overflow = undefined;
    this.size -= 1;
    return other;
  }

  /** A copy, so that the table may change meanwhile. */
  items(): T[] {
    const items = this.#slots.filter((item) => item !== undefined);
    if (this.#overflow !== undefined) items.push(...this.#overflow.values());
    return items;
  }

  #grow(): void {
    const items = this.items();
    this.#mask = this.#slots.length * 2 - 1;
    this.#slots = new Array<undefined>(this.#mask + 1).fill(undefined);
    this.#overflow = undefined;
    this.size = 0;
    for (const item of items) this.add(item);
  }
}

function keyOf(high: number, low: number): string {
  return `${high}:${low}`;
}
