import { memoryNetwork } from '@rpcxjs/transport-memory';
import { createClient, createServer, type Client, type ClientOptions, type Server } from '../src/index.ts';

export interface Several extends AsyncDisposable {
  readonly servers: readonly Server[];
  readonly addresses: readonly string[];
  readonly client: Client;
}

/** Some servers, known by their numbers, and one client of all of them. */
export async function several(count: number, serve: (server: Server, index: number) => void, options: Partial<ClientOptions> = {}, more: readonly string[] = []): Promise<Several> {
  const network = memoryNetwork();
  const servers = Array.from({ length: count }, (_, index) => {
    const server = createServer({ transports: [network] });
    serve(server, index);
    return server;
  });
  const addresses = (await Promise.all(servers.map((server, index) => server.listen(`memory@s${index}`)))).flat();
  const client = createClient({ servers: [...addresses, ...more], transports: [network], ...options });
  const end = async (): Promise<void> => {
    client.abort();
    for (const server of servers) server.abort();
    await Promise.all([client.close(), ...servers.map((server) => server.close())]);
  };
  return { servers, addresses, client, [Symbol.asyncDispose]: end };
}
