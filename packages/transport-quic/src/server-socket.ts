import { randomBytes } from 'node:crypto';
import type { RemoteInfo } from 'node:dgram';
import type { Clock, Logger, Timer } from '@rpcxjs/core';
import type { DatagramPort } from './datagram-port.ts';
import type { QuicContext, QuicEndpoint, QuicEngine, QuicEngineConnection } from './engine.ts';
import { EngineLoop } from './engine-loop.ts';
import { Farewells } from './farewells.ts';
import { destinationKey, idBytes, initialBytes, isLong, keyOf, readLongHeader, versionNegotiation } from './packet-header.ts';
import type { LongHeader } from './packet-header.ts';
import { refusedCode } from './quic-error.ts';
import { refusal } from './refusal.ts';
import { RetryTokens } from './retry-token.ts';
import { StatelessReset } from './stateless-reset.ts';

/** What a listener gives to its socket. */
export interface Greeter {
  readonly engine: QuicEngine;
  /** Asked for each connection. */
  context(): QuicContext;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly keepAliveMs: number;
  readonly handshakeTimeoutMs: number;
  readonly maxHandshakes: number;
  readonly privateKey: string;
  readonly retryFromHandshakes: number;
  /** Sets the owner of the loop, and calls `done` when the handshake succeeded. */
  greet(newcomer: Newcomer): void;
}

/** A connection whose handshake has begun. */
export interface Newcomer {
  readonly loop: EngineLoop;
  readonly local: QuicEndpoint;
  readonly remote: QuicEndpoint;
  done(): void;
}

// RFC 9000 §7.2: a client's first destination id has at least eight bytes.
const leastFirstId = 8;

/** A bound UDP socket: finds the connection of each datagram, and begins connections while a listener wants them. It outlives its listener until the last connection is over. */
export class ServerSocket {
  readonly local: QuicEndpoint;
  readonly #port: DatagramPort;
  #greeter: Greeter;
  #listening = true;
  /** The connections, by the id that this side gave out. */
  readonly #routes = new Map<string, EngineLoop>();
  /** The connections in their handshake, by the client's address and its own first id. */
  readonly #greeted = new Map<string, EngineLoop>();
  readonly #farewells: Farewells;
  readonly #tokens: RetryTokens;
  readonly #reset: StatelessReset;
  readonly #onIdle: () => void;
  #handshakes = 0;

  constructor(port: DatagramPort, greeter: Greeter, onIdle: () => void) {
    this.#port = port;
    this.#greeter = greeter;
    this.#onIdle = onIdle;
    const { address, port: number } = port.socket.address();
    this.local = { host: address, port: number };
    this.#tokens = new RetryTokens(greeter.handshakeTimeoutMs);
    this.#reset = new StatelessReset(greeter.privateKey, greeter.clock);
    this.#farewells = new Farewells(greeter.clock);
    port.socket.on('message', (datagram, from) => this.#receive(datagram, from));
    port.socket.on('error', (cause) => this.#greeter.logger.debug({ address: this.local }, `the system reports about a datagram: ${cause.message}`));
  }

  get listening(): boolean {
    return this.#listening;
  }

  /** Another listener on the same address, after the first one stopped. */
  adopt(greeter: Greeter): void {
    this.#greeter = greeter;
    this.#listening = true;
  }

  /** Connections that were taken stay; handshakes end. */
  stop(): void {
    if (!this.#listening) return;
    this.#listening = false;
    for (const loop of new Set(this.#greeted.values())) loop.close(false, refusedCode, 'the server takes no connections any more');
    this.#closeWhenIdle();
  }

  #closeWhenIdle(): void {
    if (this.#listening || this.#routes.size > 0) return;
    this.#farewells.close();
    this.#port.close();
    this.#onIdle();
  }

  #receive(datagram: Buffer, from: RemoteInfo): void {
    const key = destinationKey(datagram);
    if (key === undefined) return;
    const loop = this.#routes.get(key);
    if (loop !== undefined) {
      loop.receive(datagram, endpointOf(from));
      return;
    }
    if (this.#farewells.repeat(key, from, this.#port)) return;
    if (!isLong(datagram)) {
      const answer = this.#reset.answer(datagram, datagram.subarray(1, 1 + idBytes));
      if (answer !== undefined) this.#port.socket.send(answer, from.port, from.address);
      return;
    }
    if (datagram.length < initialBytes) return;
    const early = this.#greeted.get(greetingKey(from, key));
    if (early === undefined) this.#meet(datagram, from);
    else early.receive(datagram, endpointOf(from));
  }

  /** A datagram of no known connection. */
  #meet(datagram: Buffer, from: RemoteInfo): void {
    const header = readLongHeader(datagram);
    if (header === undefined) return;
    const { engine } = this.#greeter;
    if (!engine.versions.includes(header.version)) {
      // Version 0 is itself a list of versions; an answer could go to and fro for ever.
      if (header.version !== 0) this.#port.socket.send(versionNegotiation(header, engine.versions), from.port, from.address);
      return;
    }
    if (!header.initial || header.destinationId.length < leastFirstId) return;
    if (!this.#listening || this.#handshakes >= this.#greeter.maxHandshakes) {
      this.#port.socket.send(refusal(header, this.#listening ? 'too many handshakes at once' : 'nobody listens here any more'), from.port, from.address);
      return;
    }
    const remote = endpointOf(from);
    const now = this.#greeter.clock.now();
    const original = header.token.length === 0 || header.destinationId.length !== idBytes ? undefined : this.#tokens.check(header.token, remote, now);
    if (original === undefined && this.#handshakes >= this.#greeter.retryFromHandshakes) this.#retry(header, remote, now);
    else this.#begin(datagram, header, from, original);
  }

  #retry(header: LongHeader, remote: QuicEndpoint, now: number): void {
    if (this.#port.blocked) return;
    const { destinationId, sourceId, version } = header;
    const token = this.#tokens.issue(destinationId, remote, now);
    const bytes = this.#greeter.engine.retry({ version, destinationId, sourceId, newId: randomBytes(idBytes), token }, this.#port.buffer);
    this.#port.send(bytes, remote);
  }

  #begin(datagram: Buffer, header: LongHeader, from: RemoteInfo, originalId: Buffer | undefined): void {
    // After a Retry the client uses the id that it got there.
    const sourceId = originalId === undefined ? randomBytes(idBytes) : Buffer.from(header.destinationId);
    const remote = endpointOf(from);
    let engine: QuicEngineConnection;
    try {
      engine = this.#greeter.context().accept({ sourceId, originalId, statelessResetToken: this.#reset.token(sourceId), local: this.local, remote });
    } catch (cause) {
      this.#greeter.logger.debug({ remote }, `no connection could be begun: ${String(cause)}`);
      return;
    }
    this.#greet(engine, { datagram, from, id: keyOf(sourceId), first: greetingKey(from, keyOf(header.destinationId)) });
  }

  #greet(engine: QuicEngineConnection, { datagram, from, id, first }: Greeting): void {
    const { clock, keepAliveMs, handshakeTimeoutMs } = this.#greeter;
    let timer: Timer | undefined;
    const done = (): void => {
      if (timer === undefined) return;
      timer.cancel();
      timer = undefined;
      this.#handshakes--;
      this.#greeted.delete(first);
    };
    const loop = new EngineLoop({
      engine, port: this.#port, clock, keepAliveMs,
      released: (farewell, lingerMs) => {
        done();
        this.#routes.delete(id);
        if (farewell !== undefined && lingerMs > 0) this.#farewells.add(id, from, farewell, lingerMs);
        this.#closeWhenIdle();
      },
    });
    const remote = endpointOf(from);
    if (!loop.receive(datagram, remote)) {
      // Noise that looks like a first packet: nothing of it is kept.
      loop.drop();
      return;
    }
    this.#routes.set(id, loop);
    this.#greeted.set(first, loop);
    this.#handshakes++;
    timer = clock.setTimer(() => loop.close(false, refusedCode, 'the handshake took too long'), handshakeTimeoutMs);
    this.#greeter.greet({ loop, remote, local: this.local, done });
  }
}

interface Greeting {
  readonly datagram: Buffer;
  readonly from: RemoteInfo;
  readonly id: string;
  readonly first: string;
}

function endpointOf(from: RemoteInfo): QuicEndpoint {
  return { host: from.address, port: from.port };
}

function greetingKey(from: RemoteInfo, id: string): string {
  return `${from.address} ${from.port} ${id}`;
}
