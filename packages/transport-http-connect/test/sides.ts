import { connect, type Socket } from 'node:net';
import { splitHostPort, systemClock } from '@rpcxjs/core';
import type { Acceptor, Address, Clock, Connection, ConnectionSink, Listener, Logger } from '@rpcxjs/core';
import { afterEach, expect, vi } from 'vitest';

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
  bytes: Buffer = Buffer.alloc(0);
  closes: (Error | undefined)[] = [];

  data(chunk: Uint8Array): void {
    this.bytes = Buffer.concat([this.bytes, chunk]);
  }
  drain(): void {}
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

export const here: Address = { network: 'http', host: '127.0.0.1:0' };

export async function serve(acceptor: Acceptor, address: Address = here, clock: Clock = systemClock): Promise<Served> {
  const accepted: Connection[] = [];
  const lines: Line[] = [];
  const listener = await acceptor.listen(address, { runtime: { clock, logger: memoryLogger(lines) }, accept: (connection) => void accepted.push(connection) });
  later(async () => {
    for (const connection of accepted) connection.abort();
    await listener.close();
  });
  return { listener, accepted, lines };
}

/** A plain socket to a listener, and what it hears. */
export interface Raw {
  readonly socket: Socket;
  readonly heard: { text: string; ended: boolean; error: Error | undefined };
}

export async function raw(address: Address): Promise<Raw> {
  const { host, port } = splitHostPort(address.host);
  const socket = connect({ host, port, noDelay: true });
  const heard: Raw['heard'] = { text: '', ended: false, error: undefined };
  socket.on('data', (chunk: Buffer) => (heard.text += chunk.toString('latin1'))).on('close', () => (heard.ended = true)).on('error', (error) => (heard.error = error));
  later(() => socket.destroy());
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return { socket, heard };
}

export async function rejection(work: Promise<unknown>): Promise<Error> {
  return work.then(() => new Error('it did not reject'), (error: Error) => error);
}
