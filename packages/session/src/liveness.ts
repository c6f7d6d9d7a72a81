import { DeadlineRing, RpcError, type Clock, type Expirable } from '@rpcxjs/core';
import type { SessionSettings } from './session-limits.ts';

/** What the watch needs to know of its session, and may do to it. */
export interface Watched {
  readonly role: 'client' | 'server';
  /** Calls that wait for the other side. */
  pendingCalls(): number;
  /** Whole frames that have arrived. */
  framesRead(): number;
  /** Bytes of an unfinished frame that have arrived. */
  partialBytes(): number;
  /** This side does not read at present. */
  paused(): boolean;
  /** Bytes that wait for the network. */
  unsentBytes(): number;
  /** Bytes that the network took. */
  deliveredBytes(): number;
  sendHeartbeat(): void;
  fail(error: RpcError): void;
}

// A timer that is this late shows that this process was blocked: what the other side sent meanwhile is still to be read.
const blockedLoopMs = 250;

/**
 * Decides when a silent peer counts as dead. Any byte is a sign of life. Nothing is armed per byte: there is one entry in the clock's deadline ring; when it
 * comes due, everything is checked, and it is put back to the next moment at which something could be wrong.
 */
export class Liveness implements Expirable {
  lastByteAt: number;
  readonly #clock: Clock;
  readonly #ring: DeadlineRing;
  readonly #watched: Watched;
  readonly #settings: SessionSettings;
  #entry = -1;
  #checkAt = Infinity;
  #stopped = false;

  #sawByte = false;
  #negotiated = false;
  #partialSince = Infinity;
  /** Whole frames before the unfinished one. */
  #partialAfter = 0;
  #stalledSince = Infinity;
  #deliveredBytes = 0;
  #askedAt = Infinity;
  /** When the first call went out after the last byte. */
  #waitingSince = Infinity;
  #heartbeatAt: number;
  #longestGapMs = 0;
  #hearsHeartbeats = false;
  #credit: number;
  #creditAt: number;

  constructor(clock: Clock, watched: Watched, settings: SessionSettings) {
    this.#clock = clock;
    this.#ring = DeadlineRing.of(clock);
    this.#watched = watched;
    this.#settings = settings;
    const now = clock.now();
    this.lastByteAt = now;
    this.#heartbeatAt = now;
    this.#credit = settings.limits.heartbeatBurst;
    this.#creditAt = now;
    this.#checkBy(now + (watched.role === 'server' ? settings.limits.firstByteMs : settings.heartbeat.idleMs));
  }

  /** To be called after each chunk. */
  heard(now: number): void {
    this.lastByteAt = now;
    this.#sawByte = true;
    this.#waitingSince = Infinity;
    if (this.#askedAt !== Infinity) {
      this.#askedAt = Infinity;
      // The next look was to be when the answer would be late, and silence is counted from here.
      this.#checkBy(this.#nextCheck(now));
    }
    if (this.#watched.partialBytes() === 0) {
      this.#partialSince = Infinity;
      return;
    }
    const frames = this.#watched.framesRead();
    if (this.#partialSince !== Infinity && frames === this.#partialAfter) return;
    this.#partialSince = now;
    this.#partialAfter = frames;
    this.#checkBy(now + this.#settings.limits.frameMs);
  }

  /** A call went out: from now on a silent server is noticed within seconds. */
  callSent(now: number): void {
    // With others waiting already, their silence began before.
    if (this.#waitingSince === Infinity && this.#watched.pendingCalls() === 1) this.#waitingSince = now;
    const by = this.#silentSince() + this.#settings.heartbeat.busyMs;
    if (by < this.#checkAt) this.#checkBy(by);
  }

  /** The peer stopped reading, or reads again. A server reads nothing from it meanwhile. */
  stalled(isStalled: boolean): void {
    const now = this.#clock.now();
    if (isStalled) {
      if (this.#stalledSince !== Infinity) return;
      this.#stalledSince = now;
      this.#deliveredBytes = this.#watched.deliveredBytes();
      this.#checkBy(now + this.#settings.limits.stallMs);
      return;
    }
    this.#stalledSince = Infinity;
    if (this.#watched.role === 'client') return;
    this.#unheard(now);
    this.#checkBy(this.#nextCheck(now));
  }

  /** This side reads again. */
  resumed(): void {
    this.#unheard(this.#clock.now());
  }

  /** Starts the silence anew: while this side did not read, hearing nothing says nothing about the other side. */
  #unheard(now: number): void {
    this.lastByteAt = now;
    if (this.#partialSince !== Infinity) this.#partialSince = now;
  }

  negotiated(): void {
    this.#negotiated = true;
    if (this.#watched.role === 'server') this.#checkBy(this.#clock.now() + this.#silenceMs());
  }

  /** False when the peer sends too many of them. */
  heartbeatReceived(): boolean {
    const now = this.#clock.now();
    const { heartbeatsPerSecond, heartbeatBurst } = this.#settings.limits;
    this.#credit = Math.min(heartbeatBurst, this.#credit + ((now - this.#creditAt) / 1000) * heartbeatsPerSecond);
    this.#creditAt = now;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    this.#hearsHeartbeats = true;
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#heartbeatAt);
    this.#heartbeatAt = now;
    this.#checkBy(now + this.#silenceMs());
    return true;
  }

  stop(): void {
    this.#stopped = true;
    if (this.#entry >= 0) this.#ring.remove(this.#entry);
    this.#entry = -1;
  }

  expired(): void {
    const now = this.#clock.now();
    const lateMs = now - this.#checkAt;
    this.#entry = -1;
    this.#checkAt = Infinity;
    if (this.#stopped) return;
    if (lateMs > blockedLoopMs) {
      this.#checkBy(now + 1);
      return;
    }
    const wrong = this.#wrong(now);
    if (wrong === undefined) this.#checkBy(this.#nextCheck(now));
    else this.#watched.fail(wrong);
  }

  /** Silence after which a peer that sends heartbeats counts as dead. */
  #silenceMs(): number {
    return Math.max(this.#settings.heartbeat.leastSilenceMs, 3 * this.#longestGapMs);
  }

  #wrong(now: number): RpcError | undefined {
    if (this.#stalledSince !== Infinity) {
      const stuck = this.#stuck(now);
      // While a server does not read, nothing that it does not hear means anything.
      if (stuck !== undefined || this.#watched.role === 'server') return stuck;
    }
    if (this.#watched.paused()) this.#unheard(now);
    const { limits, heartbeat } = this.#settings;
    const silentMs = now - this.lastByteAt;
    if (this.#watched.role === 'server') {
      if (!this.#sawByte && silentMs >= limits.firstByteMs) return silence(`it sent no byte within ${limits.firstByteMs} ms`);
      const expectsHeartbeats = this.#negotiated || this.#hearsHeartbeats;
      if (expectsHeartbeats && silentMs >= this.#silenceMs()) return silence(`no byte came for ${Math.round(silentMs)} ms`);
    } else if (this.#askedAt !== Infinity && now - this.#askedAt >= heartbeat.answerMs) {
      return silence(`no byte came for ${Math.round(silentMs)} ms, nor within ${heartbeat.answerMs} ms after a heartbeat; raise heartbeat.answerMs where a server may be so busy`);
    }
    if (heartbeat.idleTimeoutMs > 0 && silentMs >= heartbeat.idleTimeoutMs) return silence(`it was idle for ${heartbeat.idleTimeoutMs} ms`);
    const partialMs = now - this.#partialSince;
    // One that came fast and then stopped is no better than one that trickles.
    if (partialMs >= limits.frameMs && (silentMs >= limits.frameMs || this.#watched.partialBytes() < (partialMs / 1000) * 1024)) {
      return silence(`a frame was not finished after ${Math.round(partialMs)} ms`);
    }
    return undefined;
  }

  #stuck(now: number): RpcError | undefined {
    if (now - this.#stalledSince < this.#settings.limits.stallMs) return undefined;
    const delivered = this.#watched.deliveredBytes();
    if (delivered === this.#deliveredBytes) {
      const message = `the connection was given up: the other side reads nothing, ${this.#watched.unsentBytes()} bytes wait for it`;
      return new RpcError('unavailable', message, { reason: 'PEER_SILENT' });
    }
    this.#stalledSince = now;
    this.#deliveredBytes = delivered;
    return undefined;
  }

  /** Sends a heartbeat if one is due, and returns the next moment at which something could be wrong. */
  #nextCheck(now: number): number {
    const { limits, heartbeat } = this.#settings;
    const stuckAt = this.#stalledSince + limits.stallMs;
    if (this.#watched.role === 'server' && stuckAt !== Infinity) return stuckAt;
    let next = heartbeat.idleTimeoutMs > 0 ? this.lastByteAt + heartbeat.idleTimeoutMs : Infinity;
    if (this.#watched.role === 'client') next = Math.min(next, this.#ask(now));
    else if (!this.#sawByte) next = Math.min(next, this.lastByteAt + limits.firstByteMs);
    else if (this.#negotiated || this.#hearsHeartbeats) next = Math.min(next, this.lastByteAt + this.#silenceMs());
    if (this.#partialSince !== Infinity) next = Math.min(next, Math.max(this.#partialSince + limits.frameMs, now + 1000));
    return Math.max(Math.min(next, stuckAt), now + 1);
  }

  #ask(now: number): number {
    const { heartbeat } = this.#settings;
    if (this.#askedAt !== Infinity) return this.#askedAt + heartbeat.answerMs;
    const waiting = this.#watched.pendingCalls() > 0;
    if (!waiting) this.#waitingSince = Infinity;
    const dueAt = this.#silentSince() + (waiting ? heartbeat.busyMs : heartbeat.idleMs);
    if (now < dueAt) return dueAt;
    this.#askedAt = now;
    this.#watched.sendHeartbeat();
    return now + heartbeat.answerMs;
  }

  #silentSince(): number {
    return this.#waitingSince === Infinity ? this.lastByteAt : this.#waitingSince;
  }

  #checkBy(at: number): void {
    if (this.#stopped || at >= this.#checkAt) return;
    if (this.#entry >= 0) this.#ring.remove(this.#entry);
    this.#checkAt = at;
    this.#entry = this.#ring.add(at, this);
  }
}

function silence(what: string): RpcError {
  return new RpcError('unavailable', `the connection was given up: ${what}`, { reason: 'PEER_SILENT' });
}
