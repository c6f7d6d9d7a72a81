import type { Connection } from '@rpcxjs/core';
import { flag } from '@rpcxjs/protocol';
import type { memoryNetwork } from '@rpcxjs/transport-memory';
import { afterEach } from 'vitest';
import { createClient, type Client } from '../src/client.ts';
import type { ClientOptions } from '../src/client-options.ts';
import { FakeServer, recordingLogger } from './fake-server.ts';
import { frame, type ReadFrame } from './frame.ts';

const clients: Client[] = [];
/** Clients of `open` end with each test of the file that calls this. */
export function closeAfterEach(): void {
  afterEach(async () => {
    for (const client of clients.splice(0)) {
      client.abort();
      await client.close();
    }
  });
}

export function open(options: ClientOptions): Client {
  const client = createClient({ logger: recordingLogger(), ...options });
  clients.push(client);
  return client;
}

/** Over the connection that the call came on. */
function answer(call: ReadFrame, connection: Connection): void {
  connection.write(frame({ sequence: call.sequence, service: call.service, method: call.method, flags: flag.response, payload: '"ok"' }));
}

/** A server that counts the calls of each of its connections, and answers them if told to. */
export async function counting(options: { readonly host?: string; readonly network?: ReturnType<typeof memoryNetwork> } = {}) {
  const server = await FakeServer.listen(options.network, options.host);
  const held: { readonly call: ReadFrame; readonly connection: Connection }[] = [];
  const counts = new Map<Connection, number>();
  let answers = true;
  server.onCall = (call, connection) => {
    counts.set(connection, (counts.get(connection) ?? 0) + 1);
    if (answers) answer(call, connection);
    else held.push({ call, connection });
  };
  return {
    server,
    held,
    counts: () => server.connections.map((connection) => counts.get(connection) ?? 0),
    hold: () => (answers = false),
    release: () => {
      answers = true;
      for (const { call, connection } of held.splice(0)) answer(call, connection);
    },
  };
}

export const call = (client: Client, count: number): Promise<unknown>[] => Array.from({ length: count }, () => client.call('S', 'M', 1));
