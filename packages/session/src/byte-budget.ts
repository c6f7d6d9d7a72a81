/** Somebody who keeps bytes of an unfinished frame and can be told to give up. */
export interface BudgetHolder {
  evict(): void;
}

/** Bytes that all peers together may keep in unfinished frames. Over it, the oldest holder goes first: per-peer limits do not add up. */
export class ByteBudget {
  readonly #maxBytes: number;
  readonly #held = new Map<BudgetHolder, number>();
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#total;
  }

  take(holder: BudgetHolder, bytes: number): void {
    this.#held.set(holder, (this.#held.get(holder) ?? 0) + bytes);
    this.#total += bytes;
    if (this.#total <= this.#maxBytes) return;
    for (const oldest of this.#held.keys()) {
      this.release(oldest);
      oldest.evict();
      if (this.#total <= this.#maxBytes) return;
    }
  }

  /** Everything that this holder took. */
  release(holder: BudgetHolder): void {
    this.#total -= this.#held.get(holder) ?? 0;
    this.#held.delete(holder);
  }
}
