// A service that says who it is: `node --import tsx service.ts etcd 127.0.0.1:2379`. It writes itself into the registry, and takes itself out when it is told to end.
import { createServer } from '@rpcxjs/rpcx';
import { openRegistry } from './open-registry.ts';
import type { Where } from './where.ts';

const registry = await openRegistry(process.argv.slice(2));
const server = createServer({ registries: [registry] });
const where: Where = { Who: async () => ({ From: 'typescript' }) };
server.register('Where', where, { methods: ['Who'] });
const [address] = await server.listen('tcp@127.0.0.1:0');
console.log(`serving at ${address}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void server.close().then(() => registry.close()));
}
