/** Limits how many connections one client opens at the same time. The others wait in turn; those to servers that failed before come last. */
export class DialGate {
  readonly #most: number;
  readonly #fresh: (() => void)[] = [];
  readonly #failed: (() => void)[] = [];
  #open = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Connections that are being opened. */
  get open(): number {
    return this.#open;
  }

  /** Resolves when one may be opened, at once if there is room; whoever enters must leave. */
  enter(failedBefore: boolean): Promise<void> | undefined {
    if (this.#open < this.#most) {
      this.#open += 1;
      return undefined;
    }
    return new Promise((resolve) => (failedBefore ? this.#failed : this.#fresh).push(resolve));
  }

  leave(): void {
    const next = this.#fresh.shift() ?? this.#failed.shift();
    if (next === undefined) this.#open -= 1;
    else next();
  }
}
