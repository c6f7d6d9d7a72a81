import type { RemoteInfo } from 'node:dgram';
import type { Clock, Timer } from '@rpcxjs/core';
import type { DatagramPort } from './datagram-port.ts';

interface Farewell {
  readonly address: string;
  readonly port: number;
  readonly datagram: Uint8Array;
  readonly until: number;
  answers: number;
}

// More than that are forgotten before their time.
const most = 1000;
const mostAnswers = 3;

/** The last words of connections that are over, for peers that missed them (RFC 9000 §10.2.1). */
export class Farewells {
  readonly #clock: Clock;
  /** Oldest first, and all wait about as long. */
  readonly #byId = new Map<string, Farewell>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(id: string, { address, port }: RemoteInfo, datagram: Uint8Array, lingerMs: number): void {
    if (this.#byId.size >= most) for (const oldest of [...this.#byId.keys()].slice(0, most / 10)) this.#byId.delete(oldest);
    this.#byId.set(id, { address, port, datagram, until: this.#clock.now() + lingerMs, answers: 0 });
    this.#timer ??= this.#clock.setTimer(() => this.#sweep(), lingerMs);
  }

  /** True when the datagram was for one of them; it is answered a few times, and only where the connection was. */
  repeat(id: string, from: RemoteInfo, { socket }: DatagramPort): boolean {
    const farewell = this.#byId.get(id);
    if (farewell === undefined) return false;
    if (farewell.answers++ < mostAnswers && from.port === farewell.port && from.address === farewell.address) socket.send(farewell.datagram, from.port, from.address);
    return true;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#byId.clear();
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const [id, { until }] of this.#byId) {
      if (until > now) {
        this.#timer = this.#clock.setTimer(() => this.#sweep(), until - now);
        return;
      }
      this.#byId.delete(id);
    }
  }
}
