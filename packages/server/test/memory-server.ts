// A server of its own process, for tests that measure memory: it tells its address, then its memory whenever it is asked.
import { tcp } from '@rpcxjs/transport-tcp';
import { createServer } from '../src/index.ts';

const shared = new Uint8Array(8 * 1024 * 1024);
const server = createServer({ transports: [tcp()], logger: { debug() {}, info() {}, warn() {}, error() {}, child() { return this; } } });
server.handle('S', 'Large', (message) => ({ ...message, payload: shared }));
server.registerFunction('S', 'Echo', (input: unknown) => input);
const [address] = await server.listen('tcp@127.0.0.1:0');
process.send?.({ address });
process.on('message', () => {
  global.gc?.();
  process.send?.({ rss: process.memoryUsage.rss(), connections: server.stats().connections, calls: server.stats().calls, protocolErrors: server.stats().protocolErrors });
});
