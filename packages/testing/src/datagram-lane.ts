import type { Clock, Timer } from '@rpcxjs/core';
import type { DatagramToxics } from './datagram-toxics.ts';

const queueBytesDefault = 64 * 1024;

/** What became of the datagrams of one direction. `received + duplicated` is the sum of the others and of `waiting`. */
export interface DatagramCounts {
  /** Those that reached the proxy. */
  readonly received: number;
  /** Those that were sent on, second copies included. */
  readonly passed: number;
  /** Drawn by `lossRatio`. */
  readonly lost: number;
  /** Drawn by `duplicateRatio`. */
  readonly duplicated: number;
  /** Too many for `queueBytes`. */
  readonly overflowed: number;
  /** Longer than `longestBytes`. */
  readonly oversized: number;
  /** Those that a black hole took, and those that were under way when their client's path ended. */
  readonly swallowed: number;
  /** Those that are held back or under way. */
  readonly waiting: number;
  /** Drawn by `reorderRatio`: they are sent on, lost to a full queue or wait like any other, and are counted there too. */
  readonly reordered: number;
}

/** What the lanes of one direction share. */
export interface LaneSetting {
  readonly toxics: DatagramToxics;
  readonly counts: { -readonly [Name in keyof DatagramCounts]: number };
  readonly clock: Clock;
  readonly random: () => number;
}

interface UnderWay {
  readonly bytes: Uint8Array;
  readonly dueAt: number;
}

interface HeldBack {
  readonly bytes: Uint8Array;
  readonly jitter: number;
  overtakers: number;
  timer: Timer | undefined;
}

/** One direction of the path of one client. */
export class DatagramLane {
  readonly #setting: LaneSetting;
  readonly #send: (bytes: Uint8Array) => void;
  /** In the order of their times. */
  readonly #underWay: UnderWay[] = [];
  readonly #heldBack = new Set<HeldBack>();
  #lineFreeAt = 0;
  #timer: Timer | undefined;

  constructor(setting: LaneSetting, send: (bytes: Uint8Array) => void) {
    this.#setting = setting;
    this.#send = send;
  }

  take(bytes: Uint8Array): void {
    const { toxics, counts, random } = this.#setting;
    // Always four draws, so that what happens to a datagram does not depend on which other toxics are set.
    const loss = random();
    const duplicate = random();
    const reorder = random();
    const jitter = random();
    counts.received++;
    if (toxics.blackHole === true) counts.swallowed++;
    else if (bytes.length > (toxics.longestBytes ?? Infinity)) counts.oversized++;
    else if (loss < (toxics.lossRatio ?? 0)) counts.lost++;
    else {
      const copies = duplicate < (toxics.duplicateRatio ?? 0) ? 2 : 1;
      counts.duplicated += copies - 1;
      counts.waiting += copies;
      const holds = reorder < (toxics.reorderRatio ?? 0);
      for (let copy = holds ? 1 : 0; copy < copies; copy++) this.#pass(bytes, jitter);
      if (copies === 2 || !holds) this.#overtake();
      if (holds) this.#holdBack(bytes, jitter);
    }
  }

  stop(): void {
    this.#timer?.cancel();
    for (const held of this.#heldBack) held.timer?.cancel();
    const { counts } = this.#setting;
    const gone = this.#underWay.length + this.#heldBack.size;
    counts.waiting -= gone;
    counts.swallowed += gone;
    this.#underWay.length = 0;
    this.#heldBack.clear();
  }

  #holdBack(bytes: Uint8Array, jitter: number): void {
    const { toxics, counts, clock } = this.#setting;
    const held: HeldBack = { bytes, jitter, overtakers: toxics.reorderDepth ?? 3, timer: undefined };
    counts.reordered++;
    this.#heldBack.add(held);
    held.timer = clock.setTimer(() => this.#letGo(held), toxics.reorderHoldMs ?? 50);
  }

  #overtake(): void {
    for (const held of this.#heldBack) if (--held.overtakers <= 0) this.#letGo(held);
  }

  #letGo(held: HeldBack): void {
    held.timer?.cancel();
    this.#heldBack.delete(held);
    this.#pass(held.bytes, held.jitter);
  }

  #pass(bytes: Uint8Array, jitter: number): void {
    const { toxics, counts, clock } = this.#setting;
    const now = clock.now();
    let dueAt = now;
    if (toxics.bytesPerSecond !== undefined) {
      const bytesPerMs = toxics.bytesPerSecond / 1000;
      const waitingBytes = Math.max(0, this.#lineFreeAt - now) * bytesPerMs;
      // A queue that is empty takes any datagram, or a long one would never pass.
      if (waitingBytes > 0 && waitingBytes + bytes.length > (toxics.queueBytes ?? queueBytesDefault)) {
        counts.waiting--;
        counts.overflowed++;
        return;
      }
      this.#lineFreeAt = Math.max(this.#lineFreeAt, now) + bytes.length / bytesPerMs;
      dueAt = this.#lineFreeAt;
    }
    dueAt += (toxics.latencyMs ?? 0) + (toxics.jitterMs ?? 0) * jitter;
    if (dueAt <= now) this.#sendOn(bytes);
    else this.#later({ bytes, dueAt });
  }

  #sendOn(bytes: Uint8Array): void {
    this.#setting.counts.waiting--;
    this.#setting.counts.passed++;
    this.#send(bytes);
  }

  #later(datagram: UnderWay): void {
    const queue = this.#underWay;
    let at = queue.length;
    // From the back, where nearly all belong.
    while (at > 0 && (queue[at - 1]?.dueAt ?? 0) > datagram.dueAt) at--;
    queue.splice(at, 0, datagram);
    if (at === 0) this.#arm();
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const [first] = this.#underWay;
    const { clock } = this.#setting;
    if (first !== undefined) this.#timer = clock.setTimer(() => this.#arrive(), first.dueAt - clock.now());
  }

  #arrive(): void {
    // A timer of the system may be early by a part of a millisecond.
    const until = this.#setting.clock.now() + 0.5;
    let ready = 0;
    while ((this.#underWay[ready]?.dueAt ?? Infinity) <= until) ready++;
    for (const { bytes } of this.#underWay.splice(0, ready)) this.#sendOn(bytes);
    this.#arm();
  }
}
