import { systemClock } from '@rpcxjs/core';
import type { Address, Clock, Connection, ConnectionSink, Listener, Logger, Transport } from '@rpcxjs/core';
import { afterEach, vi, expect } from 'vitest';

export interface Line {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

export function memoryLogger(lines: Line[]): Logger {
  const at = (level: string) => (fields: object, message: string): void => void lines.push({ level, fields: fields as Record<string, unknown>, message });
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => logger };
  return logger;
}

/** A sink that keeps what it hears. */
export class Heard implements ConnectionSink {
  bytes = Buffer.alloc(0);
  buffers = new Set<ArrayBufferLike>();
  drains = 0;
  closes: (Error | undefined)[] = [];
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

const cleanups: (() => Promise<unknown> | unknown)[] = [];
export const later = (cleanup: () => Promise<unknown> | unknown): void => void cleanups.push(cleanup);

/** Called once by each test file: what its tests opened is closed after each of them. */
export function closeAfterEach(): void {
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
}

export const until = (holds: () => boolean): Promise<void> => vi.waitFor(() => expect(holds()).toBe(true), { timeout: 5000, interval: 2 });

export interface Served {
  readonly listener: Listener;
  readonly accepted: Connection[];
  readonly lines: Line[];
}

export async function serve(transport: Transport, address: Address, clock: Clock = systemClock): Promise<Served> {
  const accepted: Connection[] = [];
  const lines: Line[] = [];
  const listener = await transport.listen(address, { runtime: { clock, logger: memoryLogger(lines) }, accept: (connection) => void accepted.push(connection) });
  later(async () => {
    for (const connection of accepted) connection.abort();
    await listener.close();
  });
  return { listener, accepted, lines };
}

export async function dial(transport: Transport, address: Address, clock: Clock = systemClock, signal?: AbortSignal): Promise<Connection> {
  const connection = await transport.dial(address, { runtime: { clock, logger: memoryLogger([]) }, signal });
  later(() => connection.abort());
  return connection;
}

export interface Ends {
  readonly client: Connection;
  readonly server: Connection;
  readonly clientHeard: Heard;
  readonly serverHeard: Heard;
  readonly served: Served;
}

/** A connection with both sides started. */
export async function pair(serving: Transport, dialling: Transport = serving, address: Address = { network: 'kcp', host: '127.0.0.1:0' }, clock: Clock = systemClock): Promise<Ends> {
  const served = await serve(serving, address, clock);
  const client = await dial(dialling, served.listener.address, clock);
  await until(() => served.accepted.length > 0);
  const server = served.accepted[0] as Connection; // just seen
  const [clientHeard, serverHeard] = [new Heard(), new Heard()];
  client.start(clientHeard);
  server.start(serverHeard);
  return { client, server, clientHeard, serverHeard, served };
}

export async function rejection(work: Promise<unknown>): Promise<Error> {
  return work.then(() => new Error('it did not reject'), (error: Error) => error);
}
