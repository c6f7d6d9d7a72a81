import { formatAddress, RpcError } from '@rpcxjs/core';
import type { Address, Connection, ConnectionSink } from '@rpcxjs/core';
import { connectionLost } from '@rpcxjs/transport-tcp';
import { controlKind } from './control.ts';
import type { Control } from './control.ts';
import { Conversation } from './conversation.ts';
import type { ConversationInit, ConversationOwner } from './conversation.ts';

// However large the windows are, a writer is held back while more than this waits.
const mostQueuedBytes = 512 * 1024;
const drainBelowBytes = 32 * 1024;
// Until what the other side sent before it left has been read.
const lastWordsMs = 10;

export interface KcpConnectionInit extends Omit<ConversationInit, 'owner'> {
  readonly local: Address | undefined;
  readonly remote: Address;
  readonly closeTimeoutMs: number;
  /** Called with the control messages that are about beginning; the others are handled by the connection. */
  greeting(control: Control, connection: KcpConnection): void;
  /** A time that the greeting asked for with `remind` has come; says when to be called next. */
  greetingOverdue?(nowMs: number): number;
  /** Called whenever something valid came. */
  heard?(connection: KcpConnection): void;
  /** The connection is over; its socket may forget it. */
  ended(connection: KcpConnection): void;
}

/**
 * A connection over a KCP conversation.
 *
 *     open ── close() ──▶ ending ── everything acknowledged, and our kind of peer agreed; or closeTimeoutMs ──▶ closed
 *       └──────────── abort(), the peer's end or abort, a dead link ────────────┴────────────────────────────────▲
 */
export class KcpConnection implements Connection, ConversationOwner {
  readonly local: Address | undefined;
  readonly remote: Address;
  readonly conversation: Conversation;
  /** Whether the peer is one of this library, which understands how conversations end. */
  isOurs = false;
  /** For a listening socket: the address as its datagrams have it. */
  conversationAddress = '';
  readonly #init: KcpConnectionInit;
  readonly #highWaterBytes: number;
  #sink: ConnectionSink | undefined;
  #state: 'open' | 'ending' | 'closed' = 'open';
  #paused = false;
  #wantsDrain = false;
  #outcome: { readonly reason: Error | undefined } | undefined;
  /** The sequence number after the peer's last segment. */
  #peerFinish: number | undefined;
  #finishSent = false;
  #deadline = Infinity;
  /** What the system said of the other side's port while this side was ending. */
  #unreachable: Error | undefined;
  #whenClosed: Promise<void> | undefined;
  #resolveClosed: (() => void) | undefined;

  constructor(init: KcpConnectionInit) {
    this.#init = init;
    this.local = init.local;
    this.remote = init.remote;
    this.conversation = new Conversation({ ...init, owner: this });
    const { sendWindow } = init.options;
    this.#highWaterBytes = Math.min(mostQueuedBytes, sendWindow * this.conversation.outgoing.segmentBytes);
  }

  get bufferedBytes(): number {
    return this.conversation.outgoing.queuedBytes;
  }
  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  start(sink: ConnectionSink): void {
    if (this.#sink !== undefined) throw new TypeError('start() was called twice; a connection has one sink');
    this.#sink = sink;
    if (this.#outcome === undefined) this.resume();
    else sink.closed(this.#outcome.reason);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    if (chunk.length > 0) this.conversation.write(chunk);
    if (this.bufferedBytes < this.#highWaterBytes) return true;
    this.#wantsDrain = true;
    return false;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (this.#sink === undefined || this.#state !== 'open') return;
    this.#paused = false;
    this.conversation.resumeReading();
    this.#checkPeerFinish();
  }

  /** Waits until the other side has acknowledged everything, at most `closeTimeoutMs`. What still arrives is dropped. */
  close(): Promise<void> {
    if (this.#state === 'closed') return Promise.resolve();
    if (this.#whenClosed !== undefined) return this.#whenClosed;
    const closed = (this.#whenClosed = new Promise((resolve) => (this.#resolveClosed = resolve)));
    this.#state = 'ending';
    const now = this.#init.pulse.now();
    this.#deadline = now + this.#init.closeTimeoutMs;
    if (this.#peerFinish !== undefined) this.#agreeAndEnd();
    else {
      this.conversation.resumeReading();
      if (!this.isClosed) this.conversation.remind(this.overdue(now));
    }
    return closed;
  }

  abort(reason?: Error): void {
    if (this.#state === 'closed') return;
    this.tellReset();
    const where = formatAddress(this.remote);
    this.end(reason ?? new RpcError('unavailable', `the connection to ${where} was aborted here`, { reason: 'CLOSED', address: where }));
  }

  /** Twice, for one may be lost, and nobody is left to repeat it. */
  tellReset(): void {
    if (!this.isOurs) return;
    this.conversation.sendControl(controlKind.reset);
    this.conversation.sendControl(controlKind.reset);
  }

  /** The other side's port is closed. To a side that is ending too that may be the agreement itself, which still waits to be read. */
  unreachable(cause: Error): void {
    if (this.#state !== 'ending') this.end(connectionLost(cause, this.remote));
    else if (this.#unreachable === undefined) {
      this.#unreachable = cause;
      this.conversation.remind(this.#init.pulse.now() + lastWordsMs);
    }
  }

  /** Ends without telling the other side. */
  end(reason: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.conversation.end();
    this.#init.ended(this);
    this.#outcome = { reason };
    this.#resolveClosed?.();
    this.#sink?.closed(reason);
  }

  get takesData(): boolean {
    return this.#state === 'ending' || (this.#state === 'open' && this.#sink !== undefined && !this.#paused);
  }

  deliver(payload: Buffer): void {
    if (this.#state === 'open') this.#sink?.data(payload);
  }

  control(control: Control): void {
    if (control.kind === controlKind.finish) {
      this.isOurs = true;
      this.#peerFinish = control.argument;
      if (this.#state === 'ending') this.#agreeAndEnd();
    } else if (control.kind === controlKind.finished) {
      if (this.#finishSent) this.end(undefined);
    } else if (control.kind === controlKind.reset) this.#wasReset();
    else this.#init.greeting(control, this);
  }

  progressed(): void {
    this.#init.heard?.(this);
    if (this.#state === 'ending') this.#continueEnding();
    else if (this.#state === 'open') {
      this.#checkPeerFinish();
      // The sink may just have been told of the end; nothing may be told after that.
      if (this.isClosed) return;
      if (this.#wantsDrain && this.bufferedBytes <= drainBelowBytes) {
        this.#wantsDrain = false;
        this.#sink?.drain();
      }
    }
  }

  died(why: string): void {
    this.end(connectionLost(new Error(`${why}: is the other side up, and does a firewall drop the packets?`), this.remote));
  }

  overdue(now: number): number {
    if (this.#state === 'open') return this.#init.greetingOverdue?.(now) ?? Infinity;
    if (this.#state === 'closed') return Infinity;
    if (this.#unreachable !== undefined) {
      this.end(this.conversation.outgoing.isEmpty ? undefined : connectionLost(this.#unreachable, this.remote));
      return Infinity;
    }
    if (now >= this.#deadline) {
      this.#missedDeadline();
      return Infinity;
    }
    this.#finishSent = false;
    this.#continueEnding();
    return Math.min(this.#deadline, now + this.conversation.outgoing.timeoutMs);
  }

  #missedDeadline(): void {
    if (this.conversation.outgoing.isEmpty) this.end(undefined);
    else this.end(connectionLost(new Error(`it did not take everything within ${this.#init.closeTimeoutMs} ms after this side closed`), this.remote));
  }

  /** Our kind is told as soon as all was sent, and again until it agrees; of a Go peer the last acknowledgement is all there is. */
  #continueEnding(): void {
    const { outgoing } = this.conversation;
    if (!this.isOurs) {
      if (outgoing.isEmpty) this.end(undefined);
    } else if (outgoing.queuedBytes === 0 && !this.#finishSent) {
      this.#finishSent = true;
      this.conversation.sendControl(controlKind.finish, outgoing.next);
    }
  }

  #checkPeerFinish(): void {
    if (this.#peerFinish === undefined || this.#state !== 'open') return;
    const { incoming } = this.conversation;
    if (incoming.next === this.#peerFinish && incoming.heldCount === 0) this.#agreeAndEnd();
  }

  /** Sent twice as well: a peer that asks again would get no answer. */
  #agreeAndEnd(): void {
    this.conversation.sendControl(controlKind.finished);
    this.conversation.sendControl(controlKind.finished);
    this.end(undefined);
  }

  #wasReset(): void {
    if (this.#state === 'ending' && this.conversation.outgoing.isEmpty) this.end(undefined);
    else this.end(connectionLost(new Error('the other side cut the connection, or knows nothing of it any more'), this.remote));
  }
}
