import type { Clock, Timer } from '@rpcxjs/core';
import type { Sky } from './weather.ts';

type Item =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly dueAt: number }
  | { readonly kind: 'end' | 'cut'; readonly dueAt: number };

/** The side that a lane leads to. */
export interface LaneEnd {
  /** Whether bytes and an end are welcome now. */
  readonly takes: boolean;
  receive(bytes: Uint8Array): void;
  receiveEnd(): void;
  receiveCut(): void;
  /** Some of what was on its way has arrived. */
  arrived(): void;
}

/** The bytes on their way to one side. Delivers in microtasks, later when the weather says so. */
export class Lane {
  readonly #end: LaneEnd;
  readonly #toServer: boolean;
  readonly #sky: Sky;
  readonly #clock: Clock;
  #items: Item[] = [];
  #bytes = 0;
  #scheduled = false;
  #lost = false;
  #timer: Timer | undefined;
  readonly #run = (): void => {
    this.#scheduled = false;
    this.#deliver();
  };

  constructor(end: LaneEnd, toServer: boolean, sky: Sky, clock: Clock) {
    this.#end = end;
    this.#toServer = toServer;
    this.#sky = sky;
    this.#clock = clock;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(bytes: Uint8Array): void {
    if (this.#lost) {
      this.#bytes += bytes.length;
      return;
    }
    const dueAt = this.#due();
    const step = this.#sky.now.chunkBytes;
    // One copy of the whole, however it is sliced: the caller may reuse its buffer at once.
    const copy = new Uint8Array(bytes);
    for (let at = 0; at < copy.length; at += step) this.#items.push({ kind: 'bytes', bytes: copy.subarray(at, at + step), dueAt });
    this.#bytes += bytes.length;
    this.wake();
  }

  end(): void {
    if (this.#lost) return;
    this.#items.push({ kind: 'end', dueAt: this.#due() });
    this.wake();
  }

  /** Drops what is on its way; the other side hears only that. */
  cut(): void {
    this.clear();
    if (this.#lost) return;
    this.#items.push({ kind: 'cut', dueAt: this.#due() });
    this.wake();
  }

  /** Loses everything that is on its way or comes later, ends included. The bytes stay counted as on their way, because nobody acknowledges them. */
  lose(): void {
    const bytes = this.#bytes;
    this.clear();
    this.#bytes = bytes;
    this.#lost = true;
  }

  clear(): void {
    this.#items = [];
    this.#bytes = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Looks again, in a microtask or a turn, whether something can be delivered. */
  wake(): void {
    if (this.#scheduled || this.#items.length === 0) return;
    this.#scheduled = true;
    this.#sky.pace.soon(this.#run, this.#clock);
  }

  #due(): number {
    const { delayMs } = this.#sky.now;
    return delayMs === 0 ? 0 : this.#clock.now() + delayMs;
  }

  #blocked(): boolean {
    const { blackHole } = this.#sky.now;
    return blackHole === 'both' || blackHole === (this.#toServer ? 'toServer' : 'toClient');
  }

  #deliver(): void {
    let taken = 0;
    // By index: taking items off the front one by one is quadratic for a long queue.
    for (let item = this.#items[0]; item !== undefined && !this.#blocked(); item = this.#items[taken]) {
      if (!this.#end.takes && item.kind !== 'cut') break;
      if (item.dueAt > 0 && this.#waits(item.dueAt - this.#clock.now())) break;
      taken++;
      if (item.kind === 'bytes') {
        this.#bytes -= item.bytes.length;
        this.#end.receive(item.bytes);
        if (this.#sky.now.poison) item.bytes.fill(0xaa);
      } else if (item.kind === 'end') this.#end.receiveEnd();
      else this.#end.receiveCut();
    }
    // Nothing is left to take off when the receiver ended and so cleared the lane.
    if (taken === 0) return;
    this.#items.splice(0, taken);
    this.#end.arrived();
  }

  #waits(delayMs: number): boolean {
    if (delayMs <= 0) return false;
    this.#timer ??= this.#clock.setTimer(() => {
      this.#timer = undefined;
      this.#deliver();
    }, delayMs);
    return true;
  }
}
