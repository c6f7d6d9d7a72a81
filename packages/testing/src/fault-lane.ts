import type { Socket } from 'node:net';
import { clearImmediate, setImmediate } from 'node:timers';
import type { Clock, Timer } from '@rpcxjs/core';
import type { Toxics } from './toxics.ts';

// Beyond this the proxy stops reading, so that a slow receiver holds the sender back.
const heldBytes = 64 * 1024;

/** What the lanes of one direction share. */
export interface Direction {
  toxics: Toxics;
  readonly clock: Clock;
  readonly random: () => number;
  forwarded(bytes: Uint8Array): void;
}

/** What a lane needs of its connection. */
export interface LaneEnds {
  /** Both sides are cut. */
  reset(): void;
  /** The sender is let go, and the receiver hears nothing of it. */
  halfOpen(): void;
}

interface Held {
  bytes: Uint8Array;
  readonly dueAt: number;
}

/** One direction of one proxied connection: reads `from`, applies the toxics, writes `to`. */
export class FaultLane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #direction: Direction;
  readonly #ends: LaneEnds;
  #queue: Held[] = [];
  #queuedBytes = 0;
  #passed = 0;
  #freeAt = 0;
  #endDueAt: number | undefined;
  #resetDrawn: { readonly of: Toxics['resetAfterBytes']; readonly at: number } | undefined;
  #byReset = false;
  #finished = false;
  #swallows = false;
  #yields = false;
  #blockedByReceiver = false;
  #timer: Timer | undefined;

  constructor(from: Socket, to: Socket, direction: Direction, ends: LaneEnds) {
    this.#from = from;
    this.#to = to;
    this.#direction = direction;
    this.#ends = ends;
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.on('end', () => this.#takeEnd(false));
    from.on('error', () => this.#takeEnd(true));
    from.on('close', () => this.#takeEnd(false));
    to.on('drain', () => {
      this.#blockedByReceiver = false;
      this.pump();
    });
    to.on('close', () => this.stop());
  }

  /** Drops everything that is sent from now on. */
  swallow(): void {
    this.#swallows = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#from.resume();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#finished) this.swallow();
    this.#finished = true;
  }

  /** Sends what may be sent now; called whenever something changed. */
  pump(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    while (!this.#finished) {
      const { toxics, clock } = this.#direction;
      if (toxics.blackHole === true) {
        this.#from.pause();
        return;
      }
      const head = this.#queue[0];
      const waitMs = Math.max(head?.dueAt ?? this.#endDueAt ?? 0, this.#freeAt) - clock.now();
      if (head === undefined && this.#endDueAt === undefined) break;
      if (head !== undefined && this.#blockedByReceiver) break;
      if (waitMs > 0 || this.#yields) {
        this.#later(waitMs);
        break;
      }
      if (head === undefined) this.#passEnd();
      else this.#send(head);
    }
    if (!this.#finished && this.#queuedBytes < heldBytes) this.#from.resume();
  }

  #later(delayMs: number): void {
    const again = (): void => {
      this.#yields = false;
      this.#timer = undefined;
      this.pump();
    };
    if (delayMs > 0) {
      this.#timer = this.#direction.clock.setTimer(again, delayMs);
      return;
    }
    // A timer would take a millisecond for each slice.
    const turn = setImmediate(again);
    this.#timer = { cancel: () => clearImmediate(turn) };
  }

  #take(bytes: Uint8Array): void {
    if (this.#finished || this.#swallows) return;
    this.#queue.push({ bytes, dueAt: this.#due() });
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes >= heldBytes) this.#from.pause();
    this.pump();
  }

  #takeEnd(reset: boolean): void {
    if (this.#finished || this.#endDueAt !== undefined || this.#swallows) return;
    // A sender that was reset took its bytes along.
    if (reset) {
      this.#queue = [];
      this.#queuedBytes = 0;
      this.#byReset = true;
    }
    this.#endDueAt = this.#due() + (this.#direction.toxics.slowCloseMs ?? 0);
    this.pump();
  }

  /** The queue keeps the order: what is due earlier waits for what was read earlier. */
  #due(): number {
    const { toxics, clock, random } = this.#direction;
    return clock.now() + (toxics.latencyMs ?? 0) + (toxics.jitterMs ?? 0) * random();
  }

  #passEnd(): void {
    this.#finished = true;
    if (this.#direction.toxics.halfOpen === true) this.#ends.halfOpen();
    else if (this.#byReset) this.#ends.reset();
    else this.#to.end();
  }

  #send(head: Held): void {
    const { toxics, clock } = this.#direction;
    const room = Math.min(this.#resetAt(), toxics.limitBytes ?? Number.POSITIVE_INFINITY) - this.#passed;
    // A twentieth of a second's worth at a time keeps a narrow line even.
    const even = toxics.bytesPerSecond === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(toxics.bytesPerSecond / 20));
    const count = Math.max(0, Math.min(head.bytes.length, room, even, toxics.sliceBytes ?? Number.POSITIVE_INFINITY));
    const piece = head.bytes.subarray(0, count);
    if (count === head.bytes.length) this.#queue.shift();
    else head.bytes = head.bytes.subarray(count);
    this.#queuedBytes -= count;
    this.#passed += count;
    if (count > 0) this.#write(piece);
    if (this.#passed >= this.#resetAt()) {
      this.#finished = true;
      this.#ends.reset();
    } else if (this.#passed >= (toxics.limitBytes ?? Number.POSITIVE_INFINITY)) {
      this.#finished = true;
      this.#to.end();
      this.swallow();
    }
    const lineMs = toxics.bytesPerSecond === undefined ? 0 : (count / toxics.bytesPerSecond) * 1000;
    if (lineMs > 0 || toxics.sliceDelayMs !== undefined) this.#freeAt = Math.max(this.#freeAt, clock.now()) + lineMs + (toxics.sliceDelayMs ?? 0);
    this.#yields = toxics.sliceBytes !== undefined;
  }

  #write(piece: Uint8Array): void {
    this.#direction.forwarded(piece);
    if (!this.#to.write(piece)) this.#blockedByReceiver = true;
  }

  /** Drawn once for a connection and setting. */
  #resetAt(): number {
    const { toxics: { resetAfterBytes: setting }, random } = this.#direction;
    if (setting === undefined) return Number.POSITIVE_INFINITY;
    if (typeof setting === 'number') return setting;
    if (this.#resetDrawn?.of !== setting) this.#resetDrawn = { of: setting, at: Math.floor(setting[0] + random() * (setting[1] - setting[0] + 1)) };
    return this.#resetDrawn.at;
  }
}
