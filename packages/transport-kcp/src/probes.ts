const [firstAskMs, longestAskMs] = [1000, 30_000];
const [firstTellMs, longestTellMs] = [200, 7000];
const keepAliveProbes = 10;
const keepAliveGapMs = 1000;

/** When to ask the other side for its window, and when to tell it ours. These messages are not acknowledged, so they are repeated. */
export class Probes {
  /** A question, or an answer, belongs into the next flush. */
  mustAsk = false;
  mustTell = false;
  #askAt = Infinity;
  #askGapMs = 0;
  #tellAt = Infinity;
  #tellGapMs = 0;

  get dueAt(): number {
    return Math.min(this.#askAt, this.#tellAt);
  }

  /** While the other side has no room and something waits, it is asked now and then (kcp-go `flush`, which begins at 7 s). */
  windowIs(closed: boolean, now: number): void {
    if (!closed) this.#askAt = Infinity;
    else if (this.#askAt === Infinity) {
      this.#askGapMs = firstAskMs;
      this.#askAt = now + firstAskMs;
    }
  }

  /** This side's window was closed and is open again: the other side waits to be told. */
  reopened(now: number): void {
    this.mustTell = true;
    this.#tellGapMs = firstTellMs;
    this.#tellAt = now + firstTellMs;
  }

  /** The other side sends: it has heard. */
  dataCame(): void {
    this.#tellAt = Infinity;
  }

  beat(now: number): void {
    if (now >= this.#askAt) {
      this.mustAsk = true;
      this.#askGapMs = Math.min(longestAskMs, this.#askGapMs * 1.5);
      this.#askAt = now + this.#askGapMs;
    }
    if (now >= this.#tellAt) {
      this.mustTell = true;
      this.#tellGapMs *= 2;
      this.#tellAt = this.#tellGapMs > longestTellMs ? Infinity : now + this.#tellGapMs;
    }
  }
}

/** Notices that the other side is gone although nothing is under way: after some silence it is probed, and any KCP answers a probe. */
export class KeepAlive {
  readonly #afterMs: number;
  #unanswered = 0;
  /** When to look; Infinity when it is off. */
  dueAt: number = Infinity;

  constructor(afterMs: number, now: number) {
    this.#afterMs = afterMs;
    this.heard(now);
  }

  heard(now: number): void {
    this.#unanswered = 0;
    if (this.#afterMs > 0) this.dueAt = now + this.#afterMs;
  }

  /** What to do at `dueAt`. */
  beat(now: number): 'nothing' | 'probe' | 'give up' {
    if (now < this.dueAt) return 'nothing';
    if (this.#unanswered >= keepAliveProbes) return 'give up';
    this.#unanswered++;
    this.dueAt = now + keepAliveGapMs;
    return 'probe';
  }
}
