import type { Address, Connection, ConnectionSink } from '@rpcxjs/core';

/** A connection whose other end is the test. */
export class FakeConnection implements Connection {
  readonly local: Address = { network: 'fake', host: 'here' };
  readonly remote: Address = { network: 'fake', host: 'there' };
  readonly written: Uint8Array[] = [];
  sink: ConnectionSink | undefined;
  /** What the network does not take. */
  bufferedBytes = 0;
  /** While true, everything that is written waits. */
  blocked = false;
  paused = false;
  closes = 0;
  aborts: (Error | undefined)[] = [];

  get writtenBytes(): number {
    return this.written.reduce((sum, chunk) => sum + chunk.length, 0);
  }
  start(sink: ConnectionSink): void {
    this.sink = sink;
  }
  write(chunk: Uint8Array): boolean {
    this.written.push(new Uint8Array(chunk));
    if (this.blocked) this.bufferedBytes += chunk.length;
    return !this.blocked;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  close(): Promise<void> {
    this.closes += 1;
    return Promise.resolve();
  }
  abort(reason?: Error): void {
    this.aborts.push(reason);
    this.sink?.closed(reason);
  }

  /** The network takes what waited. */
  unblock(): void {
    this.blocked = false;
    this.bufferedBytes = 0;
    this.sink?.drain();
  }
  /** In a buffer that is overwritten afterwards, as transports do. */
  deliver(...parts: readonly Uint8Array[]): void {
    const chunk = Buffer.concat(parts);
    this.sink?.data(chunk);
    chunk.fill(0xaa);
  }
}
