import { systemClock, type Acceptor, type Address, type Clock, type Connection, type Dialer, type Listener, type Transport } from '@rpcxjs/core';
import { expect, vi } from 'vitest';
import { later } from './cleanups.ts';
import { Heard } from './heard.ts';
import { memoryLogger, type Line } from './logged-lines.ts';

/** A free port of this machine. */
export function freePort(network: string): Address {
  return { network, host: '127.0.0.1:0' };
}

/** Polls until it holds, for 5 s at most. */
export function until(holds: () => boolean): Promise<void> {
  return vi.waitFor(() => expect(holds()).toBe(true), { timeout: 5000, interval: 2 });
}

/** What the work rejects with. */
export async function rejection(work: Promise<unknown>): Promise<Error> {
  return work.then(() => new Error('it did not reject'), (error: Error) => error);
}

/** A listener, with what it accepted and logged. */
export interface Served {
  readonly listener: Listener;
  readonly accepted: Connection[];
  readonly lines: Line[];
}

/** Listens until the test is over, on a free port unless told otherwise. */
export async function serve(acceptor: Acceptor, address: Address = freePort(acceptor.networks[0] ?? ''), clock: Clock = systemClock): Promise<Served> {
  const accepted: Connection[] = [];
  const lines: Line[] = [];
  const listener = await acceptor.listen(address, { runtime: { clock, logger: memoryLogger(lines) }, accept: (connection) => void accepted.push(connection) });
  later(async () => {
    for (const connection of accepted) connection.abort();
    await listener.close();
  });
  return { listener, accepted, lines };
}

/** Dials; the connection is aborted when the test is over. */
export async function dial(dialer: Dialer, address: Address, clock: Clock = systemClock, signal?: AbortSignal): Promise<Connection> {
  const connection = await dialer.dial(address, { runtime: { clock, logger: memoryLogger([]) }, signal });
  later(() => connection.abort());
  return connection;
}

/** Both ends of one connection. */
export interface Ends {
  readonly client: Connection;
  readonly server: Connection;
  readonly clientHeard: Heard;
  readonly serverHeard: Heard;
  readonly served: Served;
}

/** A connection with both sides started. */
export async function pair(serving: Transport, dialling: Transport = serving, address?: Address, clock: Clock = systemClock): Promise<Ends> {
  const served = await serve(serving, address, clock);
  const client = await dial(dialling, served.listener.address, clock);
  await until(() => served.accepted.length > 0);
  const server = served.accepted[0] as Connection; // just seen
  const [clientHeard, serverHeard] = [new Heard(), new Heard()];
  client.start(clientHeard);
  server.start(serverHeard);
  return { client, server, clientHeard, serverHeard, served };
}
