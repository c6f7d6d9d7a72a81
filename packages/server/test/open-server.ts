import { createClient, type Client, type ClientOptions } from '@rpcxjs/client';
import type { Logger } from '@rpcxjs/core';
import { memoryNetwork, type MemoryNetwork } from '@rpcxjs/transport-memory';
import { createServer, type Server, type ServerOptions } from '../src/index.ts';
import { RawPeer } from './raw-peer.ts';

export interface LogLine {
  readonly level: 'warn' | 'error';
  readonly message: string;
  readonly fields: object;
}

export interface OpenServer extends AsyncDisposable {
  readonly server: Server;
  readonly network: MemoryNetwork;
  readonly address: string;
  readonly log: readonly LogLine[];
  client(options?: Partial<ClientOptions>): Client;
  peer(): Promise<RawPeer>;
}

export function recordingLogger(lines: LogLine[]): Logger {
  const write = (level: LogLine['level']) => (fields: object, message: string) => void lines.push({ level, message, fields });
  const logger: Logger = { debug() {}, info() {}, warn: write('warn'), error: write('error'), child: () => logger };
  return logger;
}

/** A server on a network of its own, with whoever calls it; all of it ends with the scope. */
export async function openServer(options: ServerOptions, register: (server: Server) => unknown): Promise<OpenServer> {
  const network = memoryNetwork();
  const log: LogLine[] = [];
  const server = createServer({ transports: [network], logger: recordingLogger(log), ...options });
  register(server);
  const [address = ''] = await server.listen('memory@server');
  const clients: Client[] = [];
  const peers: RawPeer[] = [];
  return {
    server,
    network,
    address,
    log,
    client(clientOptions = {}) {
      const client = createClient({ servers: address, transports: [network], logger: recordingLogger([]), ...clientOptions });
      clients.push(client);
      return client;
    },
    async peer() {
      const peer = await RawPeer.dial(network, address);
      peers.push(peer);
      return peer;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.abort();
      for (const peer of peers) peer.connection.abort();
      server.abort();
      await server.close();
    },
  };
}

/** A promise that the test settles. */
export function gate<T = void>(): { readonly promise: Promise<T>; readonly open: (value: T) => void } {
  let open!: (value: T) => void;
  const promise = new Promise<T>((resolve) => (open = resolve));
  return { promise, open };
}

/** Waits for a condition, in turns of the loop. */
export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited 5 s for ${what}`);
    await new Promise((resolve) => { setImmediate(resolve); });
  }
}
