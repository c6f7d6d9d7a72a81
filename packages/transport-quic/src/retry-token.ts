import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { QuicEndpoint } from './engine.ts';

const macBytes = 16;
const headBytes = 7;

/** Tokens of Retry packets: a client that sends one back has proven its address. Nothing is kept for a token that was issued. */
export class RetryTokens {
  readonly #secret = randomBytes(32);
  readonly #lifeMs: number;

  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs;
  }

  /** `nowMs` is any clock that never goes back. */
  issue(originalId: Uint8Array, from: QuicEndpoint, nowMs: number): Buffer {
    const body = Buffer.alloc(headBytes + originalId.length);
    body.writeUIntBE(Math.floor(nowMs), 0, 6);
    body[6] = originalId.length;
    body.set(originalId, headBytes);
    return Buffer.concat([body, this.#mac(body, from)]);
  }

  /** The original id, or undefined for a token that is forged, late, or somebody else's. */
  check(token: Buffer, from: QuicEndpoint, nowMs: number): Buffer | undefined {
    // Anybody can send one, of any length.
    if (token.length < headBytes + macBytes) return undefined;
    const body = token.subarray(0, token.length - macBytes);
    if (body.length !== headBytes + (body[6] ?? 0)) return undefined;
    if (!timingSafeEqual(token.subarray(body.length), this.#mac(body, from))) return undefined;
    const age = nowMs - body.readUIntBE(0, 6);
    return age <= this.#lifeMs ? body.subarray(headBytes) : undefined;
  }

  #mac(body: Uint8Array, from: QuicEndpoint): Buffer {
    return createHmac('sha256', this.#secret).update(`${from.host} ${from.port} `).update(body).digest().subarray(0, macBytes);
  }
}
