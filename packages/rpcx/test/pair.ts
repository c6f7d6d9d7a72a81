import { setImmediate as turn } from 'node:timers/promises';
import { memoryNetwork, type MemoryNetwork } from '@rpcxjs/transport-memory';
import { createClient, createServer, type Client, type ClientOptions, type Server, type ServerOptions } from '../src/index.ts';

export interface Pair extends AsyncDisposable {
  readonly network: MemoryNetwork;
  readonly server: Server;
  readonly client: Client;
  readonly address: string;
}

/** A server and a client on a network of their own. */
export async function pair(serve: (server: Server) => void, options: { readonly client?: Partial<ClientOptions>; readonly server?: ServerOptions } = {}): Promise<Pair> {
  const network = memoryNetwork();
  const server = createServer({ transports: [network], ...options.server });
  serve(server);
  const [address = ''] = await server.listen('memory@pair:0');
  const client = createClient({ servers: address, transports: [network], ...options.client });
  const end = async (): Promise<void> => {
    client.abort();
    server.abort();
    await Promise.all([client.close(), server.close()]);
  };
  return { network, server, client, address, [Symbol.asyncDispose]: end };
}

/** A promise and its ends, as Promise.withResolvers of newer versions. */
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
