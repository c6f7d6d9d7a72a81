import type { Control } from './control.ts';
import { controlKind, readControl, writeControl } from './control.ts';
import type { DatagramTarget, DatagramWriter } from './datagram-writer.ts';
import { overheadBytes } from './datagram-writer.ts';
import type { ResolvedKcpOptions } from './kcp-options.ts';
import { KeepAlive, Probes } from './probes.ts';
import type { Beating, Pulse } from './pulse.ts';
import { ReceiveWindow } from './receive-window.ts';
import { begun, command, distance, segmentHeaderBytes } from './segment.ts';
import type { SegmentHeader } from './segment.ts';
import { SendWindow } from './send-window.ts';
import type { OutSegment } from './send-window.ts';
import { ShardReceiver } from './shard-receiver.ts';
import { ShardSender } from './shard-sender.ts';

// A few acknowledgements wait up to this long for data to travel with; a sender with a full window must not wait for them longer.
const acknowledgeDelayMs = 2;
const acknowledgeAtOnce = 4;
const deadSilenceMs = 10_000;

/** What a conversation tells whoever owns it. */
export interface ConversationOwner {
  /** In order; `payload` is lent. */
  deliver(payload: Buffer): void;
  readonly takesData: boolean;
  /** The peer is of this kind. */
  readonly isOurs: boolean;
  control(control: Control): void;
  /** Called after something came or time passed, when everything that could be sent was sent. */
  progressed(): void;
  /** Nothing was heard for too long. */
  died(why: string): void;
  /** Called when time has passed: the owner repeats messages that wait for an answer. Returns when to call again, or Infinity. */
  overdue(nowMs: number): number;
}

export interface ConversationInit {
  readonly id: number;
  readonly target: DatagramTarget;
  readonly options: ResolvedKcpOptions;
  readonly writer: DatagramWriter;
  readonly pulse: Pulse;
  /** Where this conversation's clock begins; unknown to outsiders, so that an acknowledgement shows who received. */
  readonly epoch: number;
  readonly owner: ConversationOwner;
}

/** One KCP conversation: both windows, the flushes and their times. It knows nothing of sockets and of the ways to begin and to end. */
export class Conversation implements Beating {
  readonly id: number;
  readonly outgoing: SendWindow;
  readonly incoming: ReceiveWindow;
  readonly #init: ConversationInit;
  readonly #target: DatagramTarget;
  readonly #header: SegmentHeader;
  readonly #shards: ShardReceiver | undefined;
  readonly #passing: Buffer[] = [];
  readonly #again: (segment: OutSegment) => void;
  #controls: Buffer[] = [];
  /** An acknowledgement came that only somebody who received from here could send. */
  heardBack = false;
  heardAt: number;
  dueAt: number = Infinity;
  #corked = false;
  #acknowledgeAt = Infinity;
  readonly #probes = new Probes();
  readonly #keepAlive: KeepAlive;
  #advertised: number;
  #ownerAt = Infinity;
  readonly #startedAt: number;
  #ended = false;

  constructor(init: ConversationInit) {
    const { id, options, pulse } = init;
    this.#init = init;
    this.id = id;
    this.outgoing = new SendWindow(options, options.mtuBytes - segmentHeaderBytes - overheadBytes(options.fec));
    this.incoming = new ReceiveWindow(options.receiveWindow);
    this.#advertised = options.receiveWindow;
    this.#target = options.fec ? { port: init.target.port, address: init.target.address, shards: new ShardSender() } : init.target;
    this.#shards = options.fec ? new ShardReceiver((shard) => this.#recovered(shard)) : undefined;
    this.#header = { conversation: id, command: 0, fragment: 0, window: 0, timestamp: 0, sequence: 0, unacknowledged: 0 };
    this.#again = (segment) => this.#push(segment);
    this.heardAt = pulse.now();
    this.#startedAt = this.heardAt;
    this.#keepAlive = new KeepAlive(options.keepAliveMs, this.heardAt);
    this.dueAt = this.#keepAlive.dueAt;
    pulse.join(this);
  }

  /** Bytes of a write are queued, and sent as far as the window allows. */
  write(bytes: Uint8Array): void {
    this.outgoing.write(bytes);
    if (!this.#corked) this.flush();
  }

  /** Sends a message of our own kind, at once; a Go peer sees a window probe or update. */
  sendControl(kind: number, argument = 0, cookie = 0n): void {
    if (this.#ended) return;
    this.#controls.push(writeControl({ kind, argument, cookie }));
    this.flush();
  }

  /** The owner wants `overdue` to be called at this time. */
  remind(atMs: number): void {
    this.#ownerAt = atMs;
    this.#init.pulse.wake(this, atMs);
  }

  /** A shard with FEC; recovered ones come by themselves. */
  receiveShard(sequence: number, bytes: Buffer, from: number, to: number): void {
    this.#shards?.add(sequence, bytes, from, to);
  }

  /** The segments of one datagram. False when something in it is malformed; what stood before that counts. */
  receive(bytes: Buffer, from: number, isRegular: boolean): boolean {
    if (this.#ended) return true;
    this.#corked = true;
    this.outgoing.beginInput();
    let at = from;
    let wellFormed = true;
    while (bytes.length - at >= segmentHeaderBytes) {
      const length = bytes.readUInt32LE(at + 20);
      wellFormed = bytes.readUInt32LE(at) === this.id && length <= bytes.length - at - segmentHeaderBytes && this.#segment(bytes, at, length, isRegular);
      if (!wellFormed) break;
      at += segmentHeaderBytes + length;
    }
    if (this.#ended) return true;
    if (at === from) {
      this.#corked = false;
      return false;
    }
    this.heardAt = this.#init.pulse.now();
    this.#keepAlive.heard(this.heardAt);
    this.outgoing.endInput(this.#timestamp(this.heardAt), isRegular);
    this.#deliver();
    this.#answer();
    return wellFormed;
  }

  /** Gives the reader what was held while it was paused. */
  resumeReading(): void {
    // From within a delivery that goes on by itself, in order.
    if (this.#corked || this.#ended) return;
    const { options, pulse } = this.#init;
    this.#corked = true;
    this.#deliverHeld();
    this.#corked = false;
    const { free } = this.incoming;
    const half = options.receiveWindow / 2;
    if (this.#advertised === 0 && free > 0) this.#probes.reopened(pulse.now());
    else if (this.#advertised < half && free >= half) this.#probes.mustTell = true;
    this.#answer();
  }

  /** Sends what may be sent: acknowledgements, probes, new segments and those that are due again. */
  flush(acknowledgementsOnly = false): void {
    if (this.#ended) return;
    const { writer, pulse } = this.#init;
    const now = pulse.now();
    const header = this.#header;
    this.#advertised = Math.min(this.incoming.free, 65_535);
    header.window = this.#advertised;
    header.unacknowledged = this.incoming.next;
    writer.begin(this.#target);
    this.#writeAcknowledgements();
    if (!acknowledgementsOnly) {
      this.#writeProbes(now);
      if (now >= this.outgoing.dueAt) this.outgoing.resend(now, this.#again);
      for (let segment = this.outgoing.take(now); segment !== undefined; segment = this.outgoing.take(now)) this.#push(segment);
    }
    writer.end();
    pulse.wake(this, Math.min(this.outgoing.dueAt, this.#probes.dueAt));
  }

  beat(now: number): void {
    const { options, owner } = this.#init;
    this.dueAt = Infinity;
    if (this.#isDead(now)) {
      owner.died(`a segment was sent ${this.outgoing.mostTransmissions} times and not acknowledged, the last sign of the other side is ${Math.round(now - this.heardAt)} ms old; on a narrow path lower mtuBytes (here ${options.mtuBytes})`);
      return;
    }
    if (now >= this.#ownerAt) this.#ownerAt = owner.overdue(now);
    if (this.#ended) return;
    const silence = this.#keepAlive.beat(now);
    if (silence === 'give up') {
      owner.died(`nothing came for ${Math.round(now - this.heardAt)} ms, and no probe was answered`);
      return;
    }
    const probes = this.#probes;
    if (silence === 'probe') probes.mustAsk = true;
    probes.beat(now);
    if (now >= this.outgoing.dueAt || probes.mustAsk || probes.mustTell) this.flush();
    else if (now >= this.#acknowledgeAt) this.flush(true);
    owner.progressed();
    if (this.#ended) return;
    this.#init.pulse.wake(this, Math.min(this.#acknowledgeAt, this.outgoing.dueAt, probes.dueAt, this.#keepAlive.dueAt, this.#ownerAt));
  }

  /** Nothing is sent, received or timed from here on. */
  end(): void {
    this.#ended = true;
    this.#init.pulse.leave(this);
    this.dueAt = Infinity;
    this.outgoing.release();
    this.incoming.release();
    this.#controls = [];
    this.#passing.length = 0;
  }

  /** Whether the peer counts as dead. A silence is not enough, nor is a lost segment, but a segment that never gets through is. */
  #isDead(now: number): boolean {
    const { mostTransmissions, dueAt } = this.outgoing;
    const { deadLink } = this.#init.options;
    if (mostTransmissions < deadLink || now < dueAt) return false;
    return now - this.heardAt >= deadSilenceMs || mostTransmissions >= 3 * deadLink;
  }

  #timestamp(now: number): number {
    return (Math.floor(now - this.#startedAt) + this.#init.epoch) >>> 0;
  }

  #segment(bytes: Buffer, at: number, length: number, isRegular: boolean): boolean {
    const kind = bytes[at + 4] ?? 0;
    if (kind < command.push || kind > command.tellWindow) return false;
    const { outgoing } = this;
    if (isRegular) outgoing.remoteWindow = bytes.readUInt16LE(at + 6);
    outgoing.acknowledgeBefore(bytes.readUInt32LE(at + 16));
    const timestamp = bytes.readUInt32LE(at + 8);
    const sequence = bytes.readUInt32LE(at + 12);
    if (kind === command.acknowledge) {
      if (!this.heardBack) this.#checkEcho(timestamp);
      outgoing.acknowledge(sequence, timestamp);
    } else if (kind === command.push) this.#payload(sequence, timestamp, bytes.subarray(at + segmentHeaderBytes, at + segmentHeaderBytes + length));
    else {
      const control = readControl(bytes, at + segmentHeaderBytes, length);
      if (control !== undefined) this.#init.owner.control(control);
      else if (kind === command.askWindow) this.#probes.mustTell = true;
    }
    return !this.#ended;
  }

  /** Timestamps of this conversation begin at a random number, so that an echo of one proves that the peer received it. */
  #checkEcho(timestamp: number): void {
    const age = distance(this.#timestamp(this.#init.pulse.now()), timestamp);
    if (this.outgoing.next !== 0 && age >= 0 && age <= this.#init.pulse.now() - this.#startedAt + 1) this.heardBack = true;
  }

  #payload(sequence: number, timestamp: number, payload: Buffer): void {
    const { incoming } = this;
    this.#probes.dataCame();
    if (!incoming.accepts(sequence)) return;
    incoming.acknowledgements.push(sequence, timestamp);
    if (incoming.insert(sequence, payload, this.#init.owner.takesData)) this.#passing.push(payload);
  }

  #deliver(): void {
    const { owner } = this.#init;
    const passing = this.#passing;
    for (let index = 0; index < passing.length && !this.#ended; index++) {
      const payload = passing[index];
      if (!owner.takesData) {
        this.incoming.holdBack(passing.slice(index));
        break;
      }
      if (payload !== undefined && payload.length > 0) owner.deliver(payload);
    }
    passing.length = 0;
    this.#deliverHeld();
    this.#corked = false;
  }

  #deliverHeld(): void {
    const { owner } = this.#init;
    while (owner.takesData && !this.#ended) {
      const payload = this.incoming.take();
      if (payload === undefined) return;
      if (payload.length > 0) owner.deliver(payload);
    }
  }

  /** Sends an answer at once where it is worth it; acknowledgements alone may wait for data. */
  #answer(): void {
    if (this.#ended) return;
    const { pulse, options } = this.#init;
    const pending = this.incoming.acknowledgements.length / 2;
    if (this.outgoing.canSend || this.#probes.mustTell || this.#controls.length > 0 || this.outgoing.dueAt === 0) this.flush();
    else if (pending > 0 && (options.ackNoDelay || pending >= acknowledgeAtOnce)) this.flush(true);
    else if (pending > 0 && this.#acknowledgeAt === Infinity) {
      this.#acknowledgeAt = pulse.now() + acknowledgeDelayMs;
      pulse.wake(this, this.#acknowledgeAt);
    }
    pulse.wake(this, this.outgoing.dueAt);
    this.#init.owner.progressed();
  }

  #push(segment: OutSegment): void {
    const header = this.#header;
    segment.timestamp = this.#timestamp(segment.sentAt);
    header.command = command.push;
    header.fragment = this.#init.owner.isOurs ? begun : 0;
    header.timestamp = segment.timestamp;
    header.sequence = segment.sequence;
    this.#init.writer.segment(header, segment.bytes, segment.length);
    header.fragment = 0;
  }

  #writeAcknowledgements(): void {
    const { acknowledgements, next } = this.incoming;
    const header = this.#header;
    header.command = command.acknowledge;
    for (let index = 0; index < acknowledgements.length; index += 2) {
      const sequence = acknowledgements[index] ?? 0;
      // The window's edge covers the others; the last one carries the time.
      if (distance(sequence, next) < 0 && index !== acknowledgements.length - 2) continue;
      header.sequence = sequence;
      header.timestamp = acknowledgements[index + 1] ?? 0;
      this.#init.writer.segment(header);
    }
    acknowledgements.length = 0;
    this.#acknowledgeAt = Infinity;
  }

  #writeProbes(now: number): void {
    const { writer } = this.#init;
    const header = this.#header;
    header.sequence = 0;
    header.timestamp = this.#timestamp(now);
    const probes = this.#probes;
    probes.windowIs(this.outgoing.remoteWindow === 0 && this.outgoing.queuedBytes > 0, now);
    if (probes.mustAsk) {
      header.command = command.askWindow;
      writer.segment(header);
    }
    if (probes.mustTell) {
      header.command = command.tellWindow;
      writer.segment(header);
    }
    probes.mustAsk = false;
    probes.mustTell = false;
    for (const control of this.#controls) {
      // A hello asks, so that a Go peer answers it, too.
      header.command = control[4] === controlKind.hello ? command.askWindow : command.tellWindow;
      writer.segment(header, control);
    }
    this.#controls.length = 0;
  }

  #recovered(shard: Buffer): void {
    const size = shard.length >= 2 ? shard.readUInt16LE(0) : 0;
    if (size >= 2 + segmentHeaderBytes && size <= shard.length && !this.#ended) this.receive(shard.subarray(2, size), 0, false);
  }
}
