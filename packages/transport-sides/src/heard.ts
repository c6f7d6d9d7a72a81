import type { ConnectionSink } from '@rpcxjs/core';

/** A sink that keeps what it hears. */
export class Heard implements ConnectionSink {
  bytes: Buffer = Buffer.alloc(0);
  readonly buffers: Set<ArrayBufferLike> = new Set<ArrayBufferLike>();
  drains = 0;
  readonly closes: (Error | undefined)[] = [];
  onData: (() => void) | undefined;

  data(chunk: Uint8Array): void {
    this.buffers.add(chunk.buffer);
    this.bytes = Buffer.concat([this.bytes, chunk]);
    this.onData?.();
  }
  drain(): void {
    this.drains++;
  }
  closed(reason: Error | undefined): void {
    this.closes.push(reason);
  }
  get text(): string {
    return this.bytes.toString('latin1');
  }
}
