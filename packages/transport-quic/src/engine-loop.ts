import { setImmediate as afterReads } from 'node:timers';
import type { Clock, Timer } from '@rpcxjs/core';
import type { DatagramPort } from './datagram-port.ts';
import type { QuicEndpoint, QuicEngineConnection, QuicEnding } from './engine.ts';

// As many full datagrams as fit into the receive buffer that Linux gives by default, with room for others.
const burst = 48;
// How long a closed connection stays at most to repeat its closing packet.
const longestLingerMs = 100;
// A last word that found the congestion window or the socket full waits for room; a peer from which nothing comes by then hears silence.
const longestLeaveMs = 700;

/** Who a connection belongs to: first its handshake, then its `Connection`. */
export interface LoopOwner {
  /** Something may have come, or room may have come about. */
  progress(): void;
  /** The engine has ended; what it received before can still be read. */
  ended(ending: QuicEnding | undefined): void;
}

export interface EngineLoopInit {
  readonly engine: QuicEngineConnection;
  readonly port: DatagramPort;
  readonly clock: Clock;
  readonly keepAliveMs: number;
  /** Called once. `farewell` is the last datagram, to be sent again to a peer that goes on for `lingerMs`. */
  released(farewell: Uint8Array | undefined, lingerMs: number): void;
}

/** Moves datagrams between an engine and a socket: one turn for all that came at once, one timer, and a limit to what is sent in one go. */
export class EngineLoop {
  owner: LoopOwner | undefined;
  readonly #init: EngineLoopInit;
  #scheduled = false;
  #flushing = false;
  #flushesLater = false;
  #shaken = false;
  #released = false;
  #waitsForPort = false;
  /** From `close` on, until the last word is out: when to leave without it. */
  #leavesBy: number | undefined;
  #timer: Timer | undefined;
  #timerAt = 0;
  #lastHeard: number;

  constructor(init: EngineLoopInit) {
    this.#init = init;
    this.#lastHeard = init.clock.now();
  }

  get engine(): QuicEngineConnection {
    return this.#init.engine;
  }

  get clock(): Clock {
    return this.#init.clock;
  }

  /** False when the datagram was not for this connection. */
  receive(datagram: Uint8Array, from: QuicEndpoint): boolean {
    if (this.#released) return false;
    this.#lastHeard = this.#init.clock.now();
    const taken = this.#init.engine.receive(datagram, from);
    this.schedule();
    return taken;
  }

  /** One turn later, when everything that the socket has was received. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    afterReads(() => {
      this.#scheduled = false;
      this.advance();
    });
  }

  /** Sends what was written, together with all that is written until the running code is done. */
  flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    // A microtask by way of a promise: queueMicrotask makes an async resource each time.
    void Promise.resolve().then(() => {
      this.#flushing = false;
      this.#flushNow();
    });
  }

  advance(): void {
    if (this.#leavesBy !== undefined) {
      this.#leave(this.#leavesBy);
      return;
    }
    if (!this.#released && this.#init.engine.state() === 'ended') {
      // The reason, should it be ours to say.
      this.#flush();
      const ending = this.#init.engine.ending();
      this.#release(undefined, 0);
      this.owner?.ended(ending);
      return;
    }
    this.owner?.progress();
    if (this.#released) return;
    if (this.#shaken) {
      this.#flushLater();
      return;
    }
    // The last word of the handshake, too: without it the other side could not read that it is over.
    this.#shaken = this.#init.engine.state() === 'open';
    this.#flushNow();
  }

  #flushNow(): void {
    if (this.#released || this.#leavesBy !== undefined) return;
    this.#flush();
    this.#arm();
  }

  /** Acknowledgements go with what is written in answer, which takes a handler some microtasks; should nothing be written, a turn later. */
  #flushLater(): void {
    if (this.#flushesLater) return;
    this.#flushesLater = true;
    afterReads(() => {
      this.#flushesLater = false;
      // What came meanwhile is looked at first, and may be answered too.
      if (!this.#scheduled) this.#flushNow();
    });
  }

  /** Tells the other side that it is over, and lets go of the socket as soon as that is said. */
  close(application: boolean, code: number, reason: string): void {
    if (this.#released || this.#leavesBy !== undefined) return;
    const { engine, clock } = this.#init;
    // A handshake that is given up leaves at once: who does not hear of it gives up, too.
    const leavesBy = clock.now() + (engine.state() === 'open' ? longestLeaveMs : 0);
    engine.close(application, code, reason);
    this.#leave(leavesBy);
  }

  #leave(by: number): void {
    if (this.#released) return;
    const { engine, port, clock } = this.#init;
    const open = engine.state() === 'open';
    let farewell: Uint8Array | undefined;
    for (let bytes = 1, count = 0; bytes > 0 && count < burst && !port.blocked; count++) {
      bytes = engine.send(port.buffer);
      if (bytes === 0) break;
      farewell = Uint8Array.from(port.buffer.subarray(0, bytes));
      port.send(bytes, engine.target);
    }
    // Once it has said its last word an engine has ended.
    if (engine.state() === 'open' && clock.now() < by && !port.closed) {
      this.#leavesBy = by;
      this.owner = undefined;
      if (port.blocked) this.#waitForPort();
      this.#arm();
      return;
    }
    this.#release(farewell, open ? Math.min(engine.timeoutMs() ?? 0, longestLingerMs) : 0);
  }

  /** Ends without telling the other side. */
  drop(): void {
    if (!this.#released) this.#release(undefined, 0);
  }

  #release(farewell: Uint8Array | undefined, lingerMs: number): void {
    this.#released = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#init.released(farewell, lingerMs);
  }

  #flush(): void {
    const { engine, port } = this.#init;
    for (let count = 0; count < burst; count++) {
      if (port.blocked) {
        this.#waitForPort();
        return;
      }
      const bytes = engine.send(port.buffer);
      if (bytes === 0) return;
      port.send(bytes, engine.target);
    }
    // The socket of the other side is read before it overflows.
    this.schedule();
  }

  #waitForPort(): void {
    if (this.#waitsForPort) return;
    this.#waitsForPort = true;
    this.#init.port.whenFree(() => {
      this.#waitsForPort = false;
      if (!this.#released) this.advance();
    });
  }

  /** A timer that fires early looks again: moving it for each datagram would cost more. */
  #arm(): void {
    const { clock, engine, keepAliveMs } = this.#init;
    const now = clock.now();
    const engineMs = engine.timeoutMs() ?? Infinity;
    const keepMs = keepAliveMs === 0 ? Infinity : this.#lastHeard + keepAliveMs - now;
    const leaveMs = this.#leavesBy === undefined ? Infinity : this.#leavesBy - now;
    const waitMs = Math.max(0, Math.min(engineMs, keepMs, leaveMs));
    if (waitMs === Infinity) return;
    if (this.#timer !== undefined && this.#timerAt <= now + waitMs) return;
    this.#timer?.cancel();
    this.#timerAt = now + waitMs;
    this.#timer = clock.setTimer(() => this.#wake(), waitMs);
  }

  #wake(): void {
    const { clock, engine, keepAliveMs } = this.#init;
    this.#timer = undefined;
    if (engine.timeoutMs() === 0) engine.onTimeout();
    if (this.#leavesBy !== undefined) {
      this.#leave(this.#leavesBy);
      return;
    }
    const now = clock.now();
    if (keepAliveMs > 0 && now - this.#lastHeard >= keepAliveMs && engine.state() === 'open') {
      this.#lastHeard = now;
      engine.ping();
    }
    this.#flush();
    this.advance();
  }
}
