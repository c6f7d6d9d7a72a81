import { distance } from './segment.ts';

/** The receiving half of KCP: puts segments in order and holds those that nobody takes yet (kcp-go `parse_data`, `Recv`). */
export class ReceiveWindow {
  readonly #size: number;
  readonly #ring: (Buffer | undefined)[];
  readonly #mask: number;
  /** In order, and not yet taken by the reader. */
  #held: Buffer[] = [];
  #heldHead = 0;
  /** The next sequence number to come. */
  next = 0;
  /** Sequence numbers and timestamps of what came, in turn, to be acknowledged. */
  readonly acknowledgements: number[] = [];

  constructor(size: number) {
    this.#size = size;
    const slots = 2 ** Math.ceil(Math.log2(size + 1));
    this.#ring = Array.from({ length: slots });
    this.#mask = slots - 1;
  }

  /** How many segments may come. */
  get free(): number {
    return Math.max(0, this.#size - this.heldCount);
  }
  get heldCount(): number {
    return this.#held.length - this.#heldHead;
  }

  /** Whether a segment lies within the window or before it, so that it is acknowledged. */
  accepts(sequence: number): boolean {
    return distance(sequence, this.next) < this.#size;
  }

  /** True when the segment is the next one and may go straight to the reader; otherwise it is copied, or dropped if it is known. */
  insert(sequence: number, payload: Buffer, mayPass: boolean): boolean {
    const ahead = distance(sequence, this.next);
    if (ahead < 0 || ahead >= this.#size) return false;
    const slot = sequence & this.#mask;
    if (ahead === 0 && mayPass && this.heldCount === 0) {
      this.#ring[slot] = undefined;
      this.next = (this.next + 1) >>> 0;
      this.#advance();
      return true;
    }
    this.#ring[slot] ??= Buffer.from(payload);
    this.#advance();
    return false;
  }

  /** Payloads that `insert` let pass and that the reader did not take after all. */
  holdBack(payloads: readonly Buffer[]): void {
    this.#held = [...payloads.map((payload) => Buffer.from(payload)), ...this.#held.slice(this.#heldHead)];
    this.#heldHead = 0;
  }

  /** The next payload for the reader. */
  take(): Buffer | undefined {
    const payload = this.#held[this.#heldHead];
    if (payload === undefined) return undefined;
    this.#heldHead++;
    if (this.#heldHead === this.#held.length) {
      this.#held = [];
      this.#heldHead = 0;
    }
    this.#advance();
    return payload;
  }

  /** Moves what has come in order from the ring to the reader's side. */
  #advance(): void {
    for (;;) {
      const slot = this.next & this.#mask;
      const payload = this.#ring[slot];
      if (payload === undefined || this.heldCount >= this.#size) return;
      this.#ring[slot] = undefined;
      this.#held.push(payload);
      this.next = (this.next + 1) >>> 0;
    }
  }

  release(): void {
    this.#ring.fill(undefined);
    this.#held = [];
    this.#heldHead = 0;
    this.acknowledgements.length = 0;
  }
}
