import { allocate } from '@rpcxjs/core';
import { FrameParser, type FrameLimits, type FrameView } from '@rpcxjs/protocol';
import type { BudgetHolder, ByteBudget } from './byte-budget.ts';

const nothing: Uint8Array = allocate(0);

export interface FrameIntakeOptions {
  readonly limits: FrameLimits;
  readonly budget?: ByteBudget | undefined;
  /** Called when the budget takes away what is held here: nothing more is delivered, and the connection is of no use. */
  evicted?(): void;
}

/**
 * Holds what has come over one connection and was not handled yet: an unfinished frame, and whatever follows a frame at which reading was paused.
 * Gives frames to the callback as a `FrameParser` does, with its view and its errors.
 */
export class FrameIntake implements BudgetHolder {
  readonly #options: FrameIntakeOptions;
  readonly #parser: FrameParser;
  #rest: Uint8Array = nothing;
  #kept = 0;
  /** Bytes that the budget was told of: at least those that are held. */
  #charged = 0;
  #paused = false;
  #pushing = false;
  #ended = false;

  constructor(options: FrameIntakeOptions, onFrame: (frame: FrameView) => void) {
    this.#options = options;
    this.#parser = new FrameParser(options.limits, onFrame);
  }

  get view(): FrameView {
    return this.#parser.view;
  }
  /** Bytes of an unfinished frame that have arrived. */
  get partialBytes(): number {
    return this.#parser.partialBytes;
  }
  get paused(): boolean {
    return this.#paused;
  }

  /** No frame is delivered until `resume`; what is left of the current chunk is kept. */
  pause(): void {
    this.#paused = true;
    this.#parser.stop();
  }

  /** Goes on with what was kept. */
  resume(): void {
    if (this.#ended) return;
    this.#paused = false;
    if (this.#kept === 0 || this.#pushing) return;
    const rest = this.#rest.subarray(0, this.#kept);
    this.#rest = nothing;
    this.#kept = 0;
    this.#read(rest, true);
  }

  push(chunk: Uint8Array): void {
    if (this.#ended) return;
    if (!this.#paused) this.#read(chunk, false);
    else {
      this.#keep(chunk, false);
      this.#charge();
    }
  }

  /** Frees what is held; nothing is delivered any more. */
  clear(): void {
    this.#ended = this.#paused = true;
    this.#release();
    this.#parser.clear();
    this.#rest = nothing;
    this.#kept = 0;
  }

  evict(): void {
    this.clear();
    this.#options.evicted?.();
  }

  /** `ours`: nobody else has the chunk's memory. */
  #read(chunk: Uint8Array, ours: boolean): void {
    const parser = this.#parser;
    const { length } = chunk;
    const before = parser.partialBytes;
    let at = 0;
    this.#pushing = true;
    try {
      do at = parser.push(chunk, at);
      while (at < length && !this.#paused);
    } catch (error) {
      this.clear();
      throw error;
    } finally {
      this.#pushing = false;
    }
    if (this.#ended) return;
    if (at < length) this.#keep(chunk.subarray(at), ours);
    // The frame that was held before is finished: what is held now is younger, and takes a new place in the budget.
    if (parser.partialBytes !== before + at) this.#release();
    this.#charge();
  }

  #keep(rest: Uint8Array, ours: boolean): void {
    const kept = this.#kept + rest.length;
    if (ours) this.#rest = rest;
    else {
      if (kept > this.#rest.length) {
        const larger = allocate(Math.max(kept, this.#rest.length * 2));
        larger.set(this.#rest.subarray(0, this.#kept));
        this.#rest = larger;
      }
      this.#rest.set(rest, this.#kept);
    }
    this.#kept = kept;
  }

  /** Charges the budget for bytes that have come, not for the length that a frame claims, so that a claim pushes nobody out. An eighth more is charged ahead, because hostile peers send single bytes. */
  #charge(): void {
    const { budget } = this.#options;
    if (budget === undefined) return;
    const held = this.#parser.partialBytes + this.#kept;
    if (held <= this.#charged) return;
    const more = held + (held >> 3) - this.#charged;
    this.#charged += more;
    budget.take(this, more);
  }

  #release(): void {
    if (this.#charged === 0) return;
    this.#charged = 0;
    this.#options.budget?.release(this);
  }
}
