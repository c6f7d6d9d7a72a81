/// <reference lib="dom" />
// Runs in a page.
import { createClient, type LeanClient } from '@rpcxjs/client/lean';
import { RpcError, systemClock, type Connection } from '@rpcxjs/core';
import { webSocket } from '../src/browser.ts';
import { Shop } from './shop.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const runtime = { clock: systemClock, logger: silent };

function openShop(address: string, log: string[]): LeanClient {
  const client = createClient({
    servers: address, transports: [webSocket()],
    onConnection: (connected) => {
      log.push(connected ? 'connected' : 'lost');
      if (connected) void client.service(Shop).Watch(null);
    },
  });
  client.onPush(Shop.methods.Sold, ({ Sku }) => log.push(`sold ${Sku}`));
  return client;
}

let client: LeanClient | undefined;
const log: string[] = [];

/** What the tests call in the page. */
const program = {
  async open(address: string): Promise<void> {
    client = openShop(address, log);
    await client.ready();
  },
  log: (): readonly string[] => log,
  add: (A: number, B: number): Promise<number> => client!.service(Shop).Add({ A, B }),
  echo: async (length: number): Promise<number> => (await client!.service(Shop).Echo('é'.repeat(length))).length,
  async failure(what: 'sold out' | 'late'): Promise<unknown> {
    const call = what === 'late' ? client!.call('Shop', 'Never', null, { timeoutMs: 100 }) : client!.service(Shop).Buy({ Sku: 'none' });
    return call.then(() => 'nothing', (error: unknown) => (RpcError.is(error) ? { code: error.code, reason: error.reason, details: error.details } : String(error)));
  },
  async dial(address: string, path?: string): Promise<string> {
    const [network = '', host = ''] = address.split('@');
    return webSocket(path === undefined ? {} : { path }).dial({ network, host }, { runtime }).then(
      (connection: Connection) => {
        connection.abort();
        return 'connected';
      },
      (error: Error) => error.message,
    );
  },
  close: (): Promise<void> => client!.close(),
};
export type Program = typeof program;
(globalThis as { program?: Program }).program = program;
