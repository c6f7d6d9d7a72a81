/** Limits how many connections one client opens at the same time. The others wait in turn; those to servers that failed before come last. */
export class DialGate {
  readonly #most: number;
  readonly #fresh: (() => void)[] = [];
  readonly #failed: (() => void)[] = [];
  #open = 0;
  /** Those that gave their places away. */
  #slow = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Connections that are being opened. */
  get open(): number {
    return this.#open + this.#slow;
  }

  /** Resolves when one may be opened, at once if there is room; whoever enters must leave. */
  enter(failedBefore: boolean): Promise<void> | undefined {
    if (this.#open < this.#most) {
      this.#open += 1;
      return undefined;
    }
    return new Promise((resolve) => (failedBefore ? this.#failed : this.#fresh).push(resolve));
  }

  /** One that takes its time lets another one begin, so that hosts that are gone do not hold up the others; as many as have places may do so. Returns whether it did. */
  giveWay(): boolean {
    if (this.#slow === this.#most) return false;
    this.#slow += 1;
    this.leave(false);
    return true;
  }

  leave(gaveWay: boolean): void {
    if (gaveWay) {
      this.#slow -= 1;
      return;
    }
    const next = this.#fresh.shift() ?? this.#failed.shift();
    if (next === undefined) this.#open -= 1;
    else next();
  }
}
