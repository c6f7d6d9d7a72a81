import { RoundTrip } from './round-trip.ts';
import { distance } from './segment.ts';

/** A segment on its way, or waiting to be. */
export interface OutSegment {
  readonly bytes: Buffer;
  length: number;
  sequence: number;
  sentAt: number;
  /** The same as it went out on the wire. */
  timestamp: number;
  resendAt: number;
  timeoutMs: number;
  transmissions: number;
  /** How many later segments were acknowledged before it. */
  overtaken: number;
  /** The serial of the datagram that acknowledged it; 0 is none. */
  acknowledgedBy: number;
}

export interface SendWindowOptions {
  readonly noDelay: boolean;
  readonly intervalMs: number;
  readonly fastResend: number;
  readonly congestionControl: boolean;
  readonly sendWindow: number;
  readonly streamMode: boolean;
}

const leastThreshold = 2;

/** The sending half of KCP: what was written and not yet acknowledged (kcp-go `Send`, `flush`, `parse_ack`, `parse_una`). */
export class SendWindow {
  readonly segmentBytes: number;
  readonly #options: SendWindowOptions;
  readonly #trip: RoundTrip;
  readonly #ring: (OutSegment | undefined)[];
  readonly #mask: number;
  #queue: OutSegment[] = [];
  #queueHead = 0;
  #free: OutSegment[] = [];
  /** Oldest that is not acknowledged, and next to be numbered. */
  first = 0;
  next = 0;
  /** Bytes that were not sent once. */
  queuedBytes = 0;
  remoteWindow = 32;
  /** When a segment under way must be looked at; Infinity when none is. */
  dueAt: number = Infinity;
  /** The most often that a segment under way was sent. */
  mostTransmissions = 0;
  #congestionWindow = 1;
  #increment: number;
  #threshold = leastThreshold;
  #serial = 0;
  #lastAcknowledged = 0;
  #acknowledgements = 0;
  #latest = 0;
  #advanced = 0;

  constructor(options: SendWindowOptions, segmentBytes: number) {
    this.#options = options;
    this.segmentBytes = segmentBytes;
    this.#trip = new RoundTrip(options.noDelay ? 30 : 100, options.intervalMs);
    const size = 2 ** Math.ceil(Math.log2(options.sendWindow + 1));
    this.#ring = Array.from({ length: size });
    this.#mask = size - 1;
    this.#increment = segmentBytes;
  }

  get inFlight(): number {
    return distance(this.next, this.first);
  }
  get isEmpty(): boolean {
    return this.first === this.next && this.#queueHead === this.#queue.length;
  }
  get timeoutMs(): number {
    return this.#trip.timeoutMs;
  }

  /** Copies the bytes into segments. */
  write(bytes: Uint8Array): void {
    const total = bytes.length;
    this.queuedBytes += total;
    let at = 0;
    if (this.#options.streamMode && this.#queueHead < this.#queue.length) {
      const last = this.#queue[this.#queue.length - 1];
      if (last !== undefined && last.length < this.segmentBytes) at = this.#fill(last, bytes, 0);
    }
    while (at < total) {
      const segment = this.#free.pop() ?? this.#make();
      segment.length = 0;
      at = this.#fill(segment, bytes, at);
      this.#queue.push(segment);
    }
  }

  /** Whether a flush would send something new. */
  get canSend(): boolean {
    return this.#queueHead < this.#queue.length && this.inFlight < this.#window();
  }

  /** Numbers the next waiting segment and puts it under way; undefined when the window or the queue does not allow it. */
  take(now: number): OutSegment | undefined {
    if (!this.canSend) return undefined;
    const segment = this.#queue[this.#queueHead];
    if (segment === undefined) return undefined;
    this.#queueHead++;
    if (this.#queueHead === this.#queue.length) {
      this.#queue.length = 0;
      this.#queueHead = 0;
    } else if (this.#queueHead > 1024) {
      this.#queue = this.#queue.slice(this.#queueHead);
      this.#queueHead = 0;
    }
    this.queuedBytes -= segment.length;
    segment.sequence = this.next;
    segment.transmissions = 0;
    segment.acknowledgedBy = 0;
    segment.timeoutMs = this.#trip.timeoutMs;
    this.#ring[this.next & this.#mask] = segment;
    this.next = (this.next + 1) >>> 0;
    this.#send(segment, now);
    return segment;
  }

  /** Calls `again` for each segment that is due to be sent again, and says when to look next. */
  resend(now: number, again: (segment: OutSegment) => void): void {
    let [lost, early] = [0, 0];
    this.dueAt = Infinity;
    this.mostTransmissions = 0;
    const fast = this.#options.fastResend;
    const inFlight = this.inFlight;
    for (let offset = 0; offset < inFlight; offset++) {
      const segment = this.#ring[(this.first + offset) & this.#mask];
      if (segment === undefined || segment.acknowledgedBy !== 0) continue;
      if (now >= segment.resendAt) {
        segment.timeoutMs = Math.min(60_000, segment.timeoutMs + (this.#options.noDelay ? this.#trip.timeoutMs / 2 : this.#trip.timeoutMs));
        lost++;
      } else if (segment.overtaken > 0 && ((fast > 0 && segment.overtaken >= fast) || now >= segment.sentAt + this.#trip.overtakenMs)) {
        segment.timeoutMs = this.#trip.timeoutMs;
        early++;
      } else {
        this.#lookAt(segment);
        continue;
      }
      this.#send(segment, now);
      again(segment);
    }
    if (this.#options.congestionControl) this.#slowDown(early, lost);
  }

  /** A datagram begins: acknowledgements are gathered until `endInput`. */
  beginInput(): void {
    this.#serial = this.#serial === 0xffff_ffff ? 1 : this.#serial + 1;
    this.#acknowledgements = 0;
    this.#advanced = 0;
  }

  /** All segments before `sequence` arrived. */
  acknowledgeBefore(sequence: number): void {
    const count = distance(sequence, this.first);
    if (count <= 0 || count > this.inFlight) return;
    for (let offset = 0; offset < count; offset++) {
      const slot = (this.first + offset) & this.#mask;
      const segment = this.#ring[slot];
      this.#ring[slot] = undefined;
      if (segment !== undefined && this.#free.length < this.#options.sendWindow) this.#free.push(segment);
    }
    this.first = sequence;
    this.#advanced += count;
    if (this.first === this.next) {
      this.dueAt = Infinity;
      this.mostTransmissions = 0;
    }
  }

  /** One segment arrived; `timestamp` is the one that it was sent with. */
  acknowledge(sequence: number, timestamp: number): void {
    if (this.#acknowledgements === 0 || distance(timestamp, this.#latest) > 0) this.#latest = timestamp;
    if (this.#acknowledgements === 0 || distance(sequence, this.#lastAcknowledged) > 0) this.#lastAcknowledged = sequence;
    this.#acknowledgements++;
    if (distance(sequence, this.first) < 0 || distance(sequence, this.next) >= 0) return;
    const segment = this.#ring[sequence & this.#mask];
    if (segment !== undefined && segment.acknowledgedBy === 0) segment.acknowledgedBy = this.#serial;
  }

  /** What the acknowledgements of a datagram mean together. `nowTimestamp` is now on the wire's clock; a datagram made by FEC says nothing about time. */
  endInput(nowTimestamp: number, isRegular: boolean): void {
    if (this.#acknowledgements > 0) {
      const trip = distance(nowTimestamp, this.#latest);
      if (isRegular && trip >= 0 && trip <= 60_000) this.#trip.measure(trip);
      this.#countOvertaken();
    }
    if (this.#options.congestionControl) for (let count = Math.min(this.#advanced, 16); count > 0; count--) this.#speedUp();
  }

  release(): void {
    this.#ring.fill(undefined);
    this.#queue = [];
    this.#queueHead = 0;
    this.#free = [];
    this.queuedBytes = 0;
    this.first = this.next;
    this.dueAt = Infinity;
  }

  #make(): OutSegment {
    return {
      bytes: Buffer.allocUnsafe(this.segmentBytes), length: 0, sequence: 0, sentAt: 0, timestamp: 0, resendAt: 0, timeoutMs: 0, transmissions: 0, overtaken: 0, acknowledgedBy: 0,
    };
  }

  #fill(segment: OutSegment, bytes: Uint8Array, at: number): number {
    const count = Math.min(this.segmentBytes - segment.length, bytes.length - at);
    segment.bytes.set(at === 0 && count === bytes.length ? bytes : bytes.subarray(at, at + count), segment.length);
    segment.length += count;
    return at + count;
  }

  #window(): number {
    const window = Math.min(this.#options.sendWindow, this.remoteWindow);
    return this.#options.congestionControl ? Math.min(window, this.#congestionWindow) : window;
  }

  #send(segment: OutSegment, now: number): void {
    segment.transmissions++;
    if (segment.transmissions > this.mostTransmissions) this.mostTransmissions = segment.transmissions;
    segment.overtaken = 0;
    segment.sentAt = now;
    segment.resendAt = now + segment.timeoutMs;
    if (segment.resendAt < this.dueAt) this.dueAt = segment.resendAt;
  }

  #lookAt(segment: OutSegment): void {
    const at = segment.overtaken > 0 ? Math.min(segment.resendAt, segment.sentAt + this.#trip.overtakenMs) : segment.resendAt;
    if (at < this.dueAt) this.dueAt = at;
    if (segment.transmissions > this.mostTransmissions) this.mostTransmissions = segment.transmissions;
  }

  /** From the newest acknowledged segment backwards: each that is still missing was overtaken by those counted so far. */
  #countOvertaken(): void {
    let passed = 0;
    const fast = this.#options.fastResend;
    const from = Math.min(distance(this.#lastAcknowledged, this.first), this.inFlight - 1);
    for (let offset = from; offset >= 0; offset--) {
      const segment = this.#ring[(this.first + offset) & this.#mask];
      if (segment === undefined) continue;
      if (segment.acknowledgedBy === this.#serial) passed++;
      else if (passed > 0 && segment.acknowledgedBy === 0 && distance(segment.timestamp, this.#latest) <= 0) {
        segment.overtaken += passed;
        if (fast > 0 && segment.overtaken >= fast) this.dueAt = 0;
        else this.#lookAt(segment);
      }
    }
  }

  /** Slow start, then one segment a round trip and a little more (kcp-go `Input`). */
  #speedUp(): void {
    if (this.#congestionWindow >= this.remoteWindow) return;
    const size = this.segmentBytes;
    if (this.#congestionWindow < this.#threshold) {
      this.#congestionWindow++;
      this.#increment += size;
    } else {
      this.#increment = Math.max(this.#increment, size);
      this.#increment += (size * size) / this.#increment + size / 16;
      if ((this.#congestionWindow + 1) * size <= this.#increment) this.#congestionWindow++;
    }
    if (this.#congestionWindow > this.remoteWindow) {
      this.#congestionWindow = this.remoteWindow;
      this.#increment = this.remoteWindow * size;
    }
  }

  /** Half the window after a loss that was noticed early, one segment after one that was not (kcp-go `flush`). */
  #slowDown(early: number, lost: number): void {
    if (early > 0) {
      this.#threshold = Math.max(leastThreshold, Math.floor(this.inFlight / 2));
      this.#congestionWindow = this.#threshold + this.#options.fastResend;
      this.#increment = this.#congestionWindow * this.segmentBytes;
    }
    if (lost > 0) {
      this.#threshold = Math.max(leastThreshold, Math.floor(this.#window() / 2));
      this.#congestionWindow = 1;
      this.#increment = this.segmentBytes;
    }
  }
}
