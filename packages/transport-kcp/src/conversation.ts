import type { Control } from './control.ts';
import { readControl, writeControl } from './control.ts';
import type { DatagramTarget, DatagramWriter } from './datagram-writer.ts';
import { overheadBytes } from './datagram-writer.ts';
import type { ResolvedKcpOptions } from './kcp-options.ts';
import type { Beating, Pulse } from './pulse.ts';
import { ReceiveWindow } from './receive-window.ts';
import { command, distance, segmentHeaderBytes } from './segment.ts';
import type { SegmentHeader } from './segment.ts';
import { SendWindow } from './send-window.ts';
import type { OutSegment } from './send-window.ts';
import { ShardReceiver } from './shard-receiver.ts';
import { ShardSender } from './shard-sender.ts';

// Fewer wait up to this long for data to travel with; a sender with a full window must not wait for its acknowledgements.
const acknowledgeDelayMs = 10;
const acknowledgeAtOnce = 4;
const keepAliveProbes = 10;
const keepAliveGapMs = 1000;
const deadSilenceMs = 10_000;
const [firstProbeMs, longestProbeMs] = [1000, 30_000];
const [firstTellMs, longestTellMs] = [200, 7000];

/** What a conversation tells whoever owns it. */
export interface ConversationOwner {
  /** In order; `payload` is lent. */
  deliver(payload: Buffer): void;
  readonly takesData: boolean;
  control(control: Control): void;
  /** Something came or time passed, and what could be sent was sent. */
  progressed(): void;
  /** Nothing was heard for too long. */
  died(why: string): void;
  /** Time passed: sends again what the owner is waiting for an answer to. The next time to call, or Infinity. */
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
  #answerProbe = false;
  #acknowledgeAt = Infinity;
  #probeAt = Infinity;
  #probeGapMs = 0;
  #askWindow = false;
  #tellAt = Infinity;
  #tellGapMs = 0;
  #advertised: number;
  #keepAliveAt = Infinity;
  #unansweredProbes = 0;
  #ownerAt = Infinity;
  #startedAt: number;
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
    this.#header = { conversation: id, command: 0, window: 0, timestamp: 0, sequence: 0, unacknowledged: 0 };
    this.#again = (segment) => this.#push(segment);
    this.heardAt = pulse.now();
    this.#startedAt = this.heardAt;
    if (options.keepAliveMs > 0) this.#keepAliveAt = this.heardAt + options.keepAliveMs;
    pulse.join(this);
    pulse.wake(this, this.#keepAliveAt);
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
    if (at === from) {
      this.#corked = false;
      return false;
    }
    this.#heard();
    this.outgoing.endInput(this.#timestamp(this.heardAt), isRegular);
    this.#deliver();
    this.#answer();
    return wellFormed;
  }

  /** Gives the reader what is held, after it was paused. */
  resumeReading(): void {
    const { owner } = this.#init;
    this.#corked = true;
    while (owner.takesData && !this.#ended) {
      const payload = this.incoming.take();
      if (payload === undefined) break;
      owner.deliver(payload);
    }
    this.#corked = false;
    if (this.#ended) return;
    if (this.#advertised === 0 && this.incoming.free > 0) {
      this.#tellGapMs = firstTellMs;
      this.#tellAt = this.#init.pulse.now() + firstTellMs;
      this.#answerProbe = true;
    } else if (this.#advertised < this.#init.options.receiveWindow / 2 && this.incoming.free >= this.#init.options.receiveWindow / 2) this.#answerProbe = true;
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
    pulse.wake(this, Math.min(this.outgoing.dueAt, this.#probeAt, this.#tellAt));
  }

  beat(now: number): void {
    const { options, owner } = this.#init;
    this.dueAt = Infinity;
    if (this.outgoing.mostTransmissions >= options.deadLink && now - this.heardAt >= deadSilenceMs && now >= this.outgoing.dueAt) {
      owner.died(`nothing came for ${Math.round(now - this.heardAt)} ms, although segments were sent ${options.deadLink} times`);
      return;
    }
    if (now >= this.#ownerAt) this.#ownerAt = owner.overdue(now);
    if (this.#ended || !this.#staysAlive(now)) return;
    if (now >= this.#probeAt) this.#nextProbe(now);
    if (now >= this.#tellAt) this.#nextTell(now);
    if (now >= this.outgoing.dueAt || this.#askWindow || this.#answerProbe) this.flush();
    else if (now >= this.#acknowledgeAt) this.flush(true);
    owner.progressed();
    if (this.#ended) return;
    this.#init.pulse.wake(this, Math.min(this.#acknowledgeAt, this.outgoing.dueAt, this.#probeAt, this.#tellAt, this.#keepAliveAt, this.#ownerAt));
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

  #timestamp(now: number): number {
    return (Math.floor(now - this.#startedAt) + this.#init.epoch) >>> 0;
  }

  #heard(): void {
    const { pulse, options } = this.#init;
    this.heardAt = pulse.now();
    this.#unansweredProbes = 0;
    if (options.keepAliveMs > 0) this.#keepAliveAt = this.heardAt + options.keepAliveMs;
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
      else if (kind === command.askWindow) this.#answerProbe = true;
    }
    return !this.#ended;
  }

  /** Times of this conversation begin at a drawn number: an echo of one was read, not guessed. */
  #checkEcho(timestamp: number): void {
    const age = distance(this.#timestamp(this.#init.pulse.now()), timestamp);
    if (this.outgoing.next !== 0 && age >= 0 && age <= this.#init.pulse.now() - this.#startedAt + 1) this.heardBack = true;
  }

  #payload(sequence: number, timestamp: number, payload: Buffer): void {
    const { incoming } = this;
    this.#tellAt = Infinity;
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
    while (owner.takesData && !this.#ended) {
      const payload = this.incoming.take();
      if (payload === undefined) break;
      if (payload.length > 0) owner.deliver(payload);
    }
    this.#corked = false;
  }

  /** Sends at once what is worth it after something came; acknowledgements alone may wait for company. */
  #answer(): void {
    if (this.#ended) return;
    const { pulse, options } = this.#init;
    const pending = this.incoming.acknowledgements.length / 2;
    if (this.outgoing.canSend || this.#answerProbe || this.#controls.length > 0 || this.outgoing.dueAt === 0) this.flush();
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
    header.timestamp = segment.timestamp;
    header.sequence = segment.sequence;
    this.#init.writer.segment(header, segment.bytes, segment.length);
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
    const closedWindow = this.outgoing.remoteWindow === 0 && this.outgoing.queuedBytes > 0;
    if (!closedWindow) this.#probeAt = Infinity;
    else if (this.#probeAt === Infinity) {
      this.#probeGapMs = firstProbeMs;
      this.#probeAt = now + firstProbeMs;
    }
    if (this.#askWindow) {
      this.#askWindow = false;
      header.command = command.askWindow;
      writer.segment(header);
    }
    if (this.#answerProbe) {
      this.#answerProbe = false;
      header.command = command.tellWindow;
      writer.segment(header);
    }
    for (const control of this.#controls) {
      // Kind 1 is hello: it asks, so that a Go peer answers, too.
      header.command = control[4] === 1 ? command.askWindow : command.tellWindow;
      writer.segment(header, control);
    }
    this.#controls.length = 0;
  }

  /** The other side has no room: asks now and then whether it has, in case its word was lost. */
  #nextProbe(now: number): void {
    this.#askWindow = true;
    this.#probeGapMs = Math.min(longestProbeMs, this.#probeGapMs * 1.5);
    this.#probeAt = now + this.#probeGapMs;
  }

  /** The other side was told that there is room again, and sends nothing: the word may have been lost. */
  #nextTell(now: number): void {
    this.#answerProbe = true;
    this.#tellGapMs *= 2;
    this.#tellAt = this.#tellGapMs > longestTellMs ? Infinity : now + this.#tellGapMs;
  }

  #staysAlive(now: number): boolean {
    if (now < this.#keepAliveAt) return true;
    if (this.#unansweredProbes >= keepAliveProbes) {
      this.#init.owner.died(`nothing came for ${Math.round(now - this.heardAt)} ms, and ${keepAliveProbes} probes were not answered`);
      return false;
    }
    this.#unansweredProbes++;
    this.#keepAliveAt = now + keepAliveGapMs;
    this.#askWindow = true;
    return true;
  }

  #recovered(shard: Buffer): void {
    const size = shard.length >= 2 ? shard.readUInt16LE(0) : 0;
    if (size >= 2 + segmentHeaderBytes && size <= shard.length && !this.#ended) this.receive(shard.subarray(2, size), 0, false);
  }
}
