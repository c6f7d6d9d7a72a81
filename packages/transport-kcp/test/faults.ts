import type { Connection, Transport } from '@rpcxjs/core';
import { udpFaultProxy } from '@rpcxjs/testing';
import type { DatagramToxics } from '@rpcxjs/testing';
import { dial, later, serve, until } from '@rpcxjs/transport-sides';
import type { KcpOptions } from '../src/index.ts';

export const badPath: DatagramToxics = { lossRatio: 0.1, duplicateRatio: 0.05, reorderRatio: 0.1 };
/** kcp-go's settings for bad paths, and larger windows. */
export const fast: KcpOptions = { noDelay: true, intervalMs: 10, fastResend: 2, congestionControl: false, sendWindow: 512, receiveWindow: 512 };

/** One byte of the stream of `seed`: no stretch of it looks like another. */
const byteAt = (at: number, seed: number): number => (Math.imul(at, 2_654_435_761) >>> 24) ^ (at >>> 16) ^ seed;

/** Reads a stream and counts the bytes that are not what they must be at their place. */
export class StreamCheck {
  bytes = 0;
  wrong = 0;
  closes: (Error | undefined)[] = [];
  onDrain = (): void => {};
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  data(chunk: Uint8Array): void {
    for (let index = 0; index < chunk.length; index++) if (chunk[index] !== (byteAt(this.bytes + index, this.#seed) & 255)) this.wrong++;
    this.bytes += chunk.length;
  }
  drain(): void {
    this.onDrain();
  }
  closed(reason: Error | undefined): void {
    this.closes.push(reason);
    this.onDrain();
  }
}

/** Writes the stream of `seed`, as fast as the connection takes it. */
export async function writeStream(connection: Connection, check: StreamCheck, { total, seed }: { readonly total: number; readonly seed: number }): Promise<void> {
  const chunk = new Uint8Array(50_000);
  for (let at = 0; at < total && check.closes.length === 0; at += chunk.length) {
    const count = Math.min(chunk.length, total - at);
    for (let index = 0; index < count; index++) chunk[index] = byteAt(at + index, seed);
    if (!connection.write(chunk.subarray(0, count))) await new Promise<void>((resolve) => (check.onDrain = resolve));
  }
}

export interface Crossing {
  readonly client: Connection;
  readonly server: Connection;
  readonly up: StreamCheck;
  readonly down: StreamCheck;
  readonly lost: number;
}

/** Sends as much each way at the same time, through a path with these faults. */
export async function cross(transport: Transport, toxics: DatagramToxics, { total, deadlineMs }: { readonly total: number; readonly deadlineMs: number }): Promise<Crossing> {
  const { listener, accepted } = await serve(transport, { network: 'kcp', host: '127.0.0.1:0' });
  const proxy = await udpFaultProxy({ target: listener.address });
  later(() => proxy.close());
  proxy.toServer.set(toxics);
  proxy.toClient.set(toxics);
  const client = await dial(transport, proxy.address);
  await until(() => accepted.length > 0);
  const server = accepted[0]!;
  const [up, down] = [new StreamCheck(1), new StreamCheck(2)];
  client.start(down);
  server.start(up);
  const deadline = Date.now() + deadlineMs;
  void writeStream(client, down, { total, seed: 1 });
  void writeStream(server, up, { total, seed: 2 });
  while ((up.bytes < total || down.bytes < total) && Date.now() < deadline && up.closes.length + down.closes.length === 0) await new Promise((resolve) => { setTimeout(resolve, 20); });
  return { client, server, up, down, lost: proxy.toServer.counts.lost + proxy.toClient.counts.lost };
}
