import { randomBytes } from 'node:crypto';
import type { RemoteInfo, Socket } from 'node:dgram';
import type { Address, Connection, Logger, Runtime } from '@rpcxjs/core';
import { connectionLost } from '@rpcxjs/transport-tcp';
import { Backlog } from './backlog.ts';
import { controlKind, readControl, writeControl } from './control.ts';
import type { Control } from './control.ts';
import type { DatagramCipher } from './datagram-cipher.ts';
import { DatagramWriter, leastDatagramBytes, openDatagram, unreadableNotice } from './datagram-writer.ts';
import { KcpConnection } from './kcp-connection.ts';
import type { ResolvedKcpOptions } from './kcp-options.ts';
import { Pulse } from './pulse.ts';
import { command, segmentHeaderBytes } from './segment.ts';
import type { SegmentHeader } from './segment.ts';
import { readShard } from './shard.ts';
import { endOf, sendNow } from './udp-socket.ts';

// Limits answers to unknown clients, so that forged addresses do not keep the process busy.
const strangerAnswersPerSecond = 1000;
const warnEveryMs = 60_000;

/** What a listening socket did not take, counted since it was bound. */
export interface DroppedDatagrams {
  /** Datagrams that are too short, have a wrong checksum, or another cipher or key. */
  unreadable: number;
  /** Readable datagrams that are not KCP. */
  malformed: number;
  /** Datagrams of no known conversation, and not the beginning of one. */
  strange: number;
}

export interface ListeningSocketInit {
  readonly socket: Socket;
  readonly options: ResolvedKcpOptions;
  readonly runtime: Runtime;
  readonly address: Address;
  /** The last conversation has ended and nobody listens: the socket is closed. */
  closed(): void;
}

/** One UDP socket with all the conversations that come through it. It outlives its listener until the last of them has ended. */
export class ListeningSocket {
  readonly dropped: DroppedDatagrams = { unreadable: 0, malformed: 0, strange: 0 };
  readonly backlog: Backlog;
  readonly #init: ListeningSocketInit;
  readonly #cipher: DatagramCipher;
  readonly #writer: DatagramWriter;
  readonly #pulse: Pulse;
  /** By remote port; few addresses share one. */
  readonly #byPort = new Map<number, KcpConnection[]>();
  readonly #header: SegmentHeader = { conversation: 0, command: command.tellWindow, fragment: 0, window: 32, timestamp: 0, sequence: 0, unacknowledged: 0 };
  #count = 0;
  #accept: ((connection: Connection) => void) | undefined;
  /** Set once the last conversation has ended and nobody listens: settles when the port is free. */
  closing: Promise<void> | undefined;
  #answers = 0;
  #answersSince = 0;
  #warnedAt = -Infinity;
  logger: Logger;

  constructor(init: ListeningSocketInit) {
    this.#init = init;
    const { socket, options, runtime } = init;
    this.logger = runtime.logger;
    this.backlog = new Backlog(options.backlog);
    this.#cipher = options.makeCipher();
    this.#pulse = new Pulse(runtime.clock);
    this.#writer = new DatagramWriter({
      cipher: this.#cipher, fec: options.fec, mtuBytes: options.mtuBytes, send: (bytes, length, target) => sendNow(socket, bytes, length, target),
    });
    socket.on('message', (datagram, from) => this.receive(datagram, from));
  }

  get isAccepting(): boolean {
    return this.#accept !== undefined;
  }
  get size(): number {
    return this.#count;
  }

  listen(accept: (connection: Connection) => void): void {
    this.#accept = accept;
  }

  /** Takes no more; resolves when the port is free, or at once while conversations go on. */
  unlisten(): Promise<void> {
    this.#accept = undefined;
    return this.#closeIfIdle();
  }

  receive(datagram: Buffer, from: RemoteInfo): void {
    const plain = openDatagram(datagram, this.#cipher);
    if (plain === undefined) {
      this.dropped.unreadable++;
      this.#saysNothing(datagram, from);
      return;
    }
    const shard = readShard(plain, this.#init.options.fec);
    if (shard === undefined) {
      this.dropped.malformed++;
      this.#saysNothing(datagram, from);
      return;
    }
    const { segmentsAt, sequence } = shard;
    const known = this.#byPort.get(from.port);
    if (segmentsAt === undefined) {
      const connection = known?.find((one) => one.conversationAddress === from.address);
      if (connection !== undefined && sequence !== undefined) connection.conversation.receiveShard(sequence, plain, shard.from, plain.length);
      return;
    }
    if (plain.length < segmentsAt + segmentHeaderBytes) {
      this.dropped.malformed++;
      return;
    }
    const id = plain.readUInt32LE(segmentsAt);
    const connection = find(known, from.address, id) ?? this.#begin(plain, segmentsAt, from);
    if (connection === undefined) return;
    if (sequence !== undefined) connection.conversation.receiveShard(sequence, plain, shard.from, plain.length);
    if (!connection.conversation.receive(plain, segmentsAt, true)) this.dropped.malformed++;
  }

  /** The first segment of a Go client brings data; one of our kind says hello. Anything else belongs to a conversation that a process before this one had. */
  #begin(plain: Buffer, at: number, from: RemoteInfo): KcpConnection | undefined {
    const id = plain.readUInt32LE(at);
    const kind = plain[at + 4];
    const length = plain.readUInt32LE(at + 20);
    const control = kind === command.askWindow ? readControl(plain.subarray(at + segmentHeaderBytes), 0, Math.min(length, plain.length - at - segmentHeaderBytes)) : undefined;
    const isHello = control?.kind === controlKind.hello;
    const begins = isHello || (kind === command.push && plain[at + 5] === 0 && plain.readUInt32LE(at + 16) === 0 && plain.readUInt32LE(at + 12) === 0);
    if (!begins || this.#accept === undefined || this.backlog.hasEnded(from.port, from.address, id)) {
      this.dropped.strange++;
      if (kind === command.push || kind === command.askWindow) this.#answerStranger(from, id, { kind: controlKind.reset, argument: 0, cookie: 0n });
      else if (kind === undefined || kind < command.push || kind > command.tellWindow) this.#saysNothing(plain, from);
      return undefined;
    }
    const isProven = isHello && control.cookie !== 0n && control.cookie === this.backlog.cookie(from.port, from.address, id);
    if (isHello && !isProven && this.backlog.isPressed) {
      this.#answerStranger(from, id, { kind: controlKind.retry, argument: 0, cookie: this.backlog.cookie(from.port, from.address, id) });
      return undefined;
    }
    return this.#open(id, from, isProven);
  }

  #open(id: number, from: RemoteInfo, isProven: boolean): KcpConnection {
    const { options, address } = this.#init;
    const { port, address: host } = from;
    const connection = new KcpConnection({
      id, options, epoch: randomBytes(4).readUInt32LE(0), closeTimeoutMs: options.closeTimeoutMs,
      target: { port, address: host }, writer: this.#writer, pulse: this.#pulse,
      local: address, remote: endOf(from),
      greeting: (control, one) => this.#greeted(control, one, from),
      heard: (one) => {
        if (one.conversation.heardBack) this.backlog.remove(one);
      },
      ended: (one) => this.#forget(one, from),
    });
    connection.conversationAddress = host;
    const known = this.#byPort.get(port);
    if (known === undefined) this.#byPort.set(port, [connection]);
    else known.push(connection);
    this.#count++;
    const evicted = isProven ? undefined : this.backlog.add(connection);
    evicted?.end(connectionLost(new Error('too many conversations wait for a proof that their address is real, and this was the oldest: raise backlog if they are'), evicted.remote));
    this.#accept?.(connection);
    return connection;
  }

  #greeted(control: Control, connection: KcpConnection, { port, address }: RemoteInfo): void {
    const { id } = connection.conversation;
    if (control.kind === controlKind.hello) {
      connection.isOurs = true;
      connection.conversation.sendControl(controlKind.welcome, 0, this.backlog.cookie(port, address, id));
    } else if (control.kind === controlKind.proof && control.cookie === this.backlog.cookie(port, address, id)) this.backlog.remove(connection);
  }

  #forget(connection: KcpConnection, { port, address }: RemoteInfo): void {
    this.backlog.remove(connection);
    this.backlog.rememberEnd(port, address, connection.conversation.id);
    const known = this.#byPort.get(port) ?? [];
    const left = known.filter((one) => one !== connection);
    if (left.length === 0) this.#byPort.delete(port);
    else this.#byPort.set(port, left);
    this.#count--;
    void this.#closeIfIdle();
  }

  #mayAnswer(): boolean {
    const now = this.#pulse.now();
    if (now - this.#answersSince >= 1000) {
      this.#answersSince = now;
      this.#answers = 0;
    }
    return ++this.#answers <= strangerAnswersPerSecond;
  }

  #answerStranger(from: RemoteInfo, id: number, control: Control): void {
    if (!this.#mayAnswer()) return;
    this.#header.conversation = id;
    this.#writer.begin({ port: from.port, address: from.address });
    this.#writer.segment(this.#header, writeControl(control));
    this.#writer.end();
  }

  /** A datagram that cannot be used: its sender is told, and one line a minute is logged. */
  #saysNothing(datagram: Buffer, from: RemoteInfo): void {
    if (datagram.length >= leastDatagramBytes && this.#accept !== undefined && this.#mayAnswer()) sendNow(this.#init.socket, unreadableNotice, unreadableNotice.length, from);
    const now = this.#pulse.now();
    if (now - this.#warnedAt < warnEveryMs) return;
    this.#warnedAt = now;
    this.logger.warn({ remote: endOf(from).host, cipher: this.#init.options.cipher, ...this.dropped },
      'a datagram could not be read: it is no KCP, or its sender has another cipher, key or FEC; more of them are counted, and said once a minute');
  }

  #closeIfIdle(): Promise<void> {
    if (this.#accept !== undefined || this.#count > 0) return Promise.resolve();
    return (this.closing ??= new Promise((resolve) => this.#init.socket.close(() => {
      this.#init.closed();
      resolve();
    })));
  }
}

function find(known: readonly KcpConnection[] | undefined, address: string, id: number): KcpConnection | undefined {
  if (known === undefined) return undefined;
  for (const one of known) if (one.conversation.id === id && one.conversationAddress === address) return one;
  return undefined;
}
