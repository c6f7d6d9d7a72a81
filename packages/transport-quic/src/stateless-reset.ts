import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '@rpcxjs/core';

const tokenBytes = 16;
// RFC 9000 §10.3: with fewer it would not look like any other packet.
const leastBytes = 5 + tokenBytes;
const mostBytes = 43;
const mostEachSecond = 1000;

/**
 * The answer of a server to a packet of a connection that it does not know, because it was started anew: the client hears of it with its next
 * packet, and need not wait until silence has lasted long enough (RFC 9000 §10.3).
 */
export class StatelessReset {
  readonly #secret: Buffer;
  readonly #clock: Clock;
  #second = 0;
  #sent = 0;

  /** The same private key makes the same tokens, in every process: also in those that come after this one. */
  constructor(privateKey: string, clock: Clock) {
    this.#secret = createHmac('sha256', privateKey).update('rpcx quic stateless reset').digest();
    this.#clock = clock;
  }

  /** The token that a connection gives to its client in the handshake. */
  token(id: Uint8Array): Buffer {
    return createHmac('sha256', this.#secret).update(id).digest().subarray(0, tokenBytes);
  }

  /** Undefined for a packet that is too short to be answered by a shorter one, which would let two servers answer each other for ever, and beyond a thousand a second. */
  answer(datagram: Buffer, id: Uint8Array): Buffer | undefined {
    const bytes = Math.min(mostBytes, datagram.length - 1);
    if (bytes < leastBytes) return undefined;
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#sent = 0;
    }
    if (this.#sent++ >= mostEachSecond) return undefined;
    const packet = Buffer.concat([randomBytes(bytes - tokenBytes), this.token(id)]);
    packet[0] = 0x40 | ((packet[0] ?? 0) & 0x3f);
    return packet;
  }
}
