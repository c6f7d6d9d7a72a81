import { createHmac, randomBytes } from 'node:crypto';
import type { KcpConnection } from './kcp-connection.ts';

const rememberedEnds = 4096;

/** Conversations whose address may be forged, conversations that have ended, and the cookies that prove an address without keeping anything. */
export class Backlog {
  readonly #limit: number;
  readonly #unproven = new Set<KcpConnection>();
  readonly #ended = new Set<string>();
  readonly #secret = randomBytes(32);

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#unproven.size;
  }
  /** Whether so many wait that unknown clients must prove their address before anything is kept about them. */
  get isPressed(): boolean {
    return this.#unproven.size * 2 >= this.#limit;
  }

  /** Makes room for one more; returns the one that has to go. */
  add(connection: KcpConnection): KcpConnection | undefined {
    this.#unproven.add(connection);
    if (this.#unproven.size <= this.#limit) return undefined;
    const [oldest] = this.#unproven;
    if (oldest !== undefined) this.#unproven.delete(oldest);
    return oldest;
  }

  /** Takes out a conversation whose address is proven, or that is over. */
  remove(connection: KcpConnection): void {
    this.#unproven.delete(connection);
  }

  /** A value that only a client at this address can know. */
  cookie(port: number, address: string, conversation: number): bigint {
    return createHmac('sha256', this.#secret).update(`${address} ${port} ${conversation}`).digest().readBigUInt64LE(0);
  }

  /** Remembers an ended conversation: a late datagram must not begin it again, because its calls would run twice. */
  rememberEnd(port: number, address: string, conversation: number): void {
    this.#ended.add(`${address} ${port} ${conversation}`);
    if (this.#ended.size <= rememberedEnds) return;
    const [oldest] = this.#ended;
    if (oldest !== undefined) this.#ended.delete(oldest);
  }

  hasEnded(port: number, address: string, conversation: number): boolean {
    return this.#ended.size > 0 && this.#ended.has(`${address} ${port} ${conversation}`);
  }
}
