import { formatAddress, parseAddress, systemClock, type Connection, type Dialer, type Logger } from '@rpcxjs/core';
import { readFrames, type ReadFrame } from './frame.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const longestWaitMs = 5000;

/** A client that sends whatever bytes it is told to, and keeps every frame that comes back. */
export class RawPeer {
  readonly connection: Connection;
  readonly frames: ReadFrame[] = [];
  /** Undefined while the connection lives. */
  end: { readonly reason: Error | undefined } | undefined;
  #bytes = Buffer.alloc(0);

  static async dial(dialer: Dialer, address: string): Promise<RawPeer> {
    const peer = new RawPeer(await dialer.dial(parseAddress(address), { runtime: { clock: systemClock, logger: silent } }));
    peer.connection.start({
      data: (chunk) => peer.#read(chunk),
      drain() {},
      closed: (reason) => (peer.end = { reason }),
    });
    return peer;
  }

  private constructor(connection: Connection) {
    this.connection = connection;
  }

  get address(): string {
    return this.connection.remote === undefined ? '' : formatAddress(this.connection.remote);
  }

  send(...parts: readonly Uint8Array[]): void {
    this.connection.write(Buffer.concat(parts));
  }

  /** The reply with this number, once it is there. */
  async reply(sequence: bigint): Promise<ReadFrame> {
    return this.until(() => this.frames.find((frame) => frame.sequence === sequence && (frame.flags & 0x80) !== 0), `a reply to ${sequence}`);
  }

  async ended(): Promise<Error | undefined> {
    return (await this.until(() => this.end, 'the end of the connection')).reason;
  }

  /** Waits for a condition, in turns of the loop. */
  async until<T>(look: () => T | undefined, what: string): Promise<T> {
    const deadline = performance.now() + longestWaitMs;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`waited ${longestWaitMs} ms for ${what}`);
      await new Promise((resolve) => { setImmediate(resolve); });
    }
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  #read(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const { frames, taken } = readFrames(this.#bytes);
    this.frames.push(...frames);
    this.#bytes = Buffer.from(this.#bytes.subarray(taken));
  }
}
