import { setImmediate as turn } from 'node:timers/promises';
import { systemClock, type Address, type Clock, type Connection, type Logger } from '@rpcxjs/core';
import { flag, reserved } from '@rpcxjs/protocol';
import { fnv1a64 } from '@rpcxjs/session';
import { memoryNetwork, type MemoryNetwork } from '@rpcxjs/transport-memory';
import { createClient, type Client } from '../src/client.ts';
import type { ClientOptions } from '../src/client-options.ts';
import { frame, frameReader, type FrameParts, type ReadFrame } from './frame.ts';

/** A logger that keeps what it is told. */
export function recordingLogger(): Logger & { readonly lines: { readonly fields: object; readonly message: string }[] } {
  const lines: { fields: object; message: string }[] = [];
  const note = (fields: object, message: string): void => void lines.push({ fields, message });
  const logger = { lines, debug() {}, info() {}, warn: note, error: note, child: () => logger };
  return logger;
}

/** A server that sends exactly what a test tells it to. */
export class FakeServer {
  readonly network: MemoryNetwork;
  readonly address: string;
  readonly connections: Connection[] = [];
  /** Calls and control messages in the order of their coming; heartbeats apart. */
  readonly received: ReadFrame[] = [];
  readonly heartbeats: ReadFrame[] = [];
  /** What the connections ended with. */
  readonly ends: (Error | undefined)[] = [];
  /** What it answers to a heartbeat: as Go, as one of ours, or not at all. */
  greets: 'echo' | 'agree' | 'nothing' = 'echo';
  /** What it can do, if it agrees. */
  words: string = 'cancel.1,errors.1';
  /** Replies by itself, if it is there. */
  onCall: ((call: ReadFrame, connection: Connection) => void) | undefined;
  /** Connections that are accepted do not read. */
  deaf = false;

  private constructor(network: MemoryNetwork, host: string) {
    this.network = network;
    this.address = `memory@${host}`;
  }

  static async listen(network: MemoryNetwork = memoryNetwork(), host: string = 'fake', clock: Clock = systemClock): Promise<FakeServer> {
    const server = new FakeServer(network, host);
    const address: Address = { network: 'memory', host };
    await network.listen(address, { runtime: { clock, logger: recordingLogger() }, accept: (connection) => server.#accept(connection) });
    return server;
  }

  get connection(): Connection {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error('nobody has connected');
    return last;
  }

  send(...parts: readonly (FrameParts | Uint8Array)[]): void {
    this.connection.write(Buffer.concat(parts.map((part) => (part instanceof Uint8Array ? part : frame(part)))));
  }

  /** A reply to a call: JSON unless the parts say otherwise. */
  reply(call: ReadFrame, parts: FrameParts = {}): void {
    const { flags = 0, payload = '"ok"', ...rest } = parts;
    this.send({ sequence: call.sequence, service: call.service, method: call.method, flags: flag.response | flags, payload, ...rest });
  }
  fail(call: ReadFrame, text: string, metadata: Readonly<Record<string, string>> = {}): void {
    this.reply(call, { flags: flag.error, metadata: { ...metadata, [reserved.error]: text }, payload: '' });
  }

  /** The n-th call, once it is there. */
  async call(index: number): Promise<ReadFrame> {
    await until(() => this.received.length > index);
    return this.received[index] as ReadFrame; // it is there
  }

  #accept(connection: Connection): void {
    this.connections.push(connection);
    const read = frameReader((one) => this.#read(one, connection));
    if (this.deaf) return;
    connection.start({ data: read, drain() {}, closed: (reason) => void this.ends.push(reason) });
  }

  #read(one: ReadFrame, connection: Connection): void {
    if ((one.flags & flag.heartbeat) === 0) {
      this.received.push(one);
      this.onCall?.(one, connection);
      return;
    }
    this.heartbeats.push(one);
    const offer = one.metadata[reserved.offer];
    const answer = { sequence: one.sequence, flags: flag.heartbeat | flag.response, codecId: 0 };
    if (this.greets === 'agree' && offer !== undefined) {
      const nonce = /n=([0-9a-f]+)/.exec(offer)?.[1] ?? '';
      connection.write(frame({ ...answer, metadata: { [reserved.accept]: `1;n=${fnv1a64(nonce)};${this.words}` } }));
    } else if (this.greets !== 'nothing') connection.write(frame({ ...answer, metadata: one.metadata }));
  }
}

export interface Rig extends AsyncDisposable {
  readonly server: FakeServer;
  readonly client: Client;
  readonly logger: ReturnType<typeof recordingLogger>;
}

/** A client whose server is the test. */
export async function rig(options: Partial<ClientOptions> = {}): Promise<Rig> {
  const server = await FakeServer.listen();
  const logger = recordingLogger();
  const client = createClient({ servers: server.address, transports: [server.network], logger, ...options });
  const end = async (): Promise<void> => {
    client.abort();
    await client.close();
  };
  return { server, client, logger, [Symbol.asyncDispose]: end };
}

export function deferred<T = void>(): { readonly promise: Promise<T>; resolve(value: T): void; reject(error: unknown): void } {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** What the call failed with. */
export async function failure(call: Promise<unknown>): Promise<Error & { readonly code?: string; readonly reason?: string; readonly [key: string]: unknown }> {
  try {
    await call;
  } catch (error) {
    return error as never; // the test looks at what it finds
  }
  throw new Error('the call should have failed');
}

/** Lets the loop turn until it is true. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 100_000) throw new Error('it did not come true');
    await turn();
  }
}

/** Everything that waits for nothing but its turn has had it. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await turn();
}
