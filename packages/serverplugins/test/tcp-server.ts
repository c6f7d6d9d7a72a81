import { connect, type Socket } from 'node:net';
import { createClient, type Client, type ClientOptions } from '@rpcxjs/client';
import { formatAddress, splitHostPort, type Logger, type ServerPlugin } from '@rpcxjs/core';
import { createServer, type Server, type ServerOptions } from '@rpcxjs/server';
import { tcp } from '@rpcxjs/transport-tcp';

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

export interface Rig extends AsyncDisposable {
  readonly server: Server;
  readonly address: string;
  readonly port: number;
  client(options?: Partial<ClientOptions>): Client;
  /** A connection that says nothing by itself. */
  raw(): Promise<Socket>;
}

/** A server of `Arith` on a real socket, with the plugins. */
export async function served(plugins: readonly ServerPlugin[], options: ServerOptions = {}): Promise<Rig> {
  const server = createServer({ transports: [tcp()], logger: silent, ...options, plugins });
  server.registerFunction('Arith', 'Mul', ({ A, B }: { readonly A: number; readonly B: number }) => ({ C: A * B }));
  const [address = ''] = await server.listen('tcp@127.0.0.1:0');
  const { port } = splitHostPort(address.slice(4));
  const clients: Client[] = [];
  const sockets: Socket[] = [];
  return {
    server,
    address,
    port,
    client(more = {}) {
      const made = createClient({ servers: formatAddress({ network: 'tcp', host: `127.0.0.1:${port}` }), transports: [tcp()], logger: silent, timeoutMs: 5000, ...more });
      clients.push(made);
      return made;
    },
    async raw() {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => {});
      // Or refused already.
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
      return socket;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      for (const client of clients) client.abort();
      server.abort();
      await Promise.all([...clients.map((client) => client.close()), server.close()]);
    },
  };
}

/** A JSON request as Go writes it, from a peer that knows nothing of our extensions. */
export function request(service: string, method: string, payload: Uint8Array, sequence = 1): Buffer {
  const text = (value: string | Uint8Array): Buffer => {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const body = Buffer.concat([text(service), text(method), text(''), text(payload)]);
  const head = Buffer.alloc(16);
  head.set([0x08, 0, 0, 0x10]);
  head.writeBigUInt64BE(BigInt(sequence), 4);
  head.writeUInt32BE(body.length, 12);
  return Buffer.concat([head, body]);
}

/** All that the socket says until it has said this, or until it is over. */
export async function said(socket: Socket, wanted?: string): Promise<string> {
  let text = '';
  if (socket.destroyed) return text;
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (wanted !== undefined && text.includes(wanted)) resolve(text);
    });
    socket.on('close', () => resolve(text));
  });
}
