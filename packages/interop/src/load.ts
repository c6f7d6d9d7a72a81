/** One call that did not get its answer. */
export interface LostCall {
  readonly id: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly error: unknown;
}

export interface LoadOptions {
  /** Calls that are to begin in a second. */
  readonly ratePerSecond: number;
  /** Beyond it the load waits for answers, and the rate is not reached. @default 1000 */
  readonly mostInFlight?: number;
  /** Makes the call with this number; resolves with the name of who answered, rejects as the call does. */
  readonly call: (id: number) => Promise<string>;
}

/** The calls that began in one stretch of a load: who answered, who failed and why, and how long it took. */
export class LoadPhase {
  started = 0;
  readonly answered: Map<string, number> = new Map();
  readonly lost: LostCall[] = [];
  readonly #latencies: number[] = [];

  /** Answered calls of all servers. */
  get answers(): number {
    return this.#latencies.length;
  }

  /** Calls that got their answer from one server. */
  by(name: string): number {
    return this.answered.get(name) ?? 0;
  }

  /** The latency in milliseconds that this share of the answered calls stayed within. */
  quantile(share: number): number {
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  }

  /** What the lost calls said, and how many said it: what a failing test is to show. */
  get reasons(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { error } of this.lost) {
      const { code, reason, address, message } = error as { code?: string; reason?: string; address?: string; message?: string }; // of anything that is thrown
      const text = code === undefined ? String(message ?? error) : `${code} ${reason} ${address}`;
      counts[text] = (counts[text] ?? 0) + 1;
    }
    return counts;
  }

  ended(name: string, ms: number): void {
    this.answered.set(name, (this.answered.get(name) ?? 0) + 1);
    this.#latencies.push(ms);
  }
}

const tickMs = 2;

/** Calls at a steady rate, each accounted for exactly once. */
export class Load {
  readonly #options: LoadOptions;
  readonly #mostInFlight: number;
  readonly #inFlight = new Map<number, number>();
  readonly #waiters = new Set<() => void>();
  #timer: NodeJS.Timeout;
  #phase: LoadPhase = new LoadPhase();
  #id = 0;
  #ended = 0;
  #due = 0;
  #last: number = performance.now();
  #stopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#mostInFlight = options.mostInFlight ?? 1000;
    this.#timer = setInterval(() => { this.#tick(); }, tickMs);
  }

  get phase(): LoadPhase {
    return this.#phase;
  }
  /** Calls that have begun and not ended. */
  get inFlight(): number {
    return this.#inFlight.size;
  }
  get ended(): number {
    return this.#ended;
  }

  /** What begins from now on is accounted for on a new page. */
  newPhase(): LoadPhase {
    return (this.#phase = new LoadPhase());
  }

  /** Resolves when the condition holds, looked at after each call that ends. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#waiters.delete(look);
        resolve();
      };
      this.#waiters.add(look);
      look();
    });
  }

  /** Lets so many more calls end. */
  calls(count: number): Promise<void> {
    const target = this.#ended + count;
    return this.until(() => this.#ended >= target);
  }

  /** Begins no more, and waits for those under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.until(() => this.#inFlight.size === 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #tick(): void {
    const now = performance.now();
    // A late tick makes up for 20 ms at most: beyond that the machine was busy, and a burst would measure the machine.
    this.#due = Math.min(this.#due + ((now - this.#last) * this.#options.ratePerSecond) / 1000, (20 * this.#options.ratePerSecond) / 1000 + 1);
    this.#last = now;
    while (this.#due >= 1 && this.#inFlight.size < this.#mostInFlight && !this.#stopped) {
      this.#due -= 1;
      void this.#one(++this.#id, now);
    }
  }

  async #one(id: number, startedAt: number): Promise<void> {
    const phase = this.#phase;
    phase.started += 1;
    this.#inFlight.set(id, startedAt);
    try {
      phase.ended(await this.#options.call(id), performance.now() - startedAt);
    } catch (error) {
      phase.lost.push({ id, startedAt, endedAt: performance.now(), error });
    }
    this.#inFlight.delete(id);
    this.#ended += 1;
    for (const look of this.#waiters) look();
  }
}
