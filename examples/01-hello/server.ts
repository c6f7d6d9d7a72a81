import { setTimeout as wait } from 'node:timers/promises';
import { createServer, type Registry, type Server } from '@rpcxjs/rpcx';
import { Orders } from './orders.ts';

/** One server with all its services, on a free port; written into the registry, if there is one. */
export async function startServer(name: string, registry?: Registry): Promise<{ server: Server; address: string }> {
  const server = createServer(registry === undefined ? {} : { registries: [registry] });
  server.register(Orders, {
    Find(input, call) {
      call.responseMetadata['served-by'] = `${name} for ${call.metadata['user'] ?? 'nobody'}`;
      return { Sku: `A${input.Id}`, From: name };
    },
    async Place({ Count }, call) {
      if (Count > 3) throw call.fail('OutOfStock', { left: 3 });
      await call.peer.push(Orders.methods.Shipped, { Id: 7 });
      return { Id: 7 };
    },
    async Pack({ Ms }, call) {
      await wait(Ms, undefined, { signal: call.signal });
      return 'packed';
    },
  });
  // For callers in Go: an object with a list of the methods that they may call.
  server.register('Arith', { Mul: ({ A, B }: { A: number; B: number }) => ({ C: A * B }) }, { methods: ['Mul'] });
  const [address = ''] = await server.listen('tcp@127.0.0.1:0');
  return { server, address };
}
