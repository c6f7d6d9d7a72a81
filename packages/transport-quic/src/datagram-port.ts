import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import type { Clock, Timer } from '@rpcxjs/core';
import type { QuicEndpoint } from './engine.ts';

// The largest datagram that UDP has.
const largestBytes = 65_535;
// How long to wait for a system that takes no datagram now.
const retryMs = 1;

// One buffer for all sockets of the process: a datagram is written and sent in one go. Replaced after a send that the system did not take at once.
let shared: Buffer | undefined;

export interface DatagramPortInit {
  readonly family: 'udp4' | 'udp6';
  readonly ipv6Only?: boolean | undefined;
  readonly bufferBytes: number;
  readonly clock: Clock;
}

/** A UDP socket whose datagrams are written into one buffer, one after the other. */
export class DatagramPort {
  readonly socket: Socket;
  /** The system takes nothing now: write no datagram, ask to be woken by `whenFree`. */
  blocked = false;
  #connected = false;
  #closed = false;
  #timer: Timer | undefined;
  #waiting: (() => void)[] = [];
  readonly #init: DatagramPortInit;

  constructor(init: DatagramPortInit) {
    this.#init = init;
    this.socket = createSocket({
      type: init.family, ipv6Only: init.ipv6Only ?? false,
      // Addresses are literal here: Node's own way to find that out costs a turn of the loop for each datagram.
      lookup: (host, _options, found) => found(null, host, init.family === 'udp6' ? 6 : 4),
    });
    // A listener that stays, so that an error never goes unhandled; others may add their own.
    this.socket.on('error', () => {});
  }

  /** Where the next datagram is to be written; call `send` before anything else is. */
  get buffer(): Buffer {
    return (shared ??= Buffer.allocUnsafeSlow(largestBytes));
  }

  /** Rejects with the system's error. */
  bind(port: number, address: string): Promise<void> {
    return this.#whenOpened((opened) => this.socket.bind({ port, address, exclusive: true }, opened));
  }

  /** Datagrams of everybody else are dropped by the system, which reports when nobody listens there. */
  async connect(to: QuicEndpoint): Promise<void> {
    await this.#whenOpened((opened) => this.socket.connect(to.port, to.host, opened));
    this.#connected = true;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends the first `bytes` of `buffer`. Call only while not `blocked`. */
  send(bytes: number, to: QuicEndpoint): void {
    if (this.#closed) return;
    const { buffer } = this;
    if (this.#connected) this.socket.send(buffer, 0, bytes);
    else this.socket.send(buffer, 0, bytes, to.port, to.host);
    // Nearly always the system has it by now and the buffer is free again.
    if (this.socket.getSendQueueCount() === 0) return;
    shared = undefined;
    this.blocked = true;
    this.#look();
  }

  whenFree(run: () => void): void {
    this.#waiting.push(run);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#waiting = [];
    this.socket.close();
  }

  #look(): void {
    this.#timer = this.#init.clock.setTimer(() => {
      if (this.socket.getSendQueueCount() > 0) {
        this.#look();
        return;
      }
      this.blocked = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const run of waiting) run();
    }, retryMs);
  }

  #whenOpened(open: (opened: (cause?: Error) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.once('error', reject);
      open((cause) => {
        this.socket.off('error', reject);
        if (cause instanceof Error) reject(cause);
        if (this.#closed || cause instanceof Error) return;
        this.#widen();
        resolve();
      });
    });
  }

  /** Some systems refuse more than their limit, others give what they have. */
  #widen(): void {
    for (let bytes = this.#init.bufferBytes; bytes >= 65_536; bytes = Math.floor(bytes / 2)) {
      try {
        this.socket.setRecvBufferSize(bytes);
        this.socket.setSendBufferSize(bytes);
        return;
      } catch {
        // Half of it, then.
      }
    }
  }
}
