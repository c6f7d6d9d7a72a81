// A server of `Town.Who` in the registry that its argument describes; ends when its standard input does.
import type { KeyValueRegistry } from '@rpcxjs/registry-kit';
import { createServer } from '@rpcxjs/rpcx';
import { registryOf } from './registry-of-program.ts';

const registry: KeyValueRegistry = await registryOf(JSON.parse(process.argv[2] ?? '{}'));
const server = createServer({ registries: [registry] });
server.registerFunction('Town', 'Who', () => 'apart');
const [address = ''] = await server.listen('tcp@127.0.0.1:0');
process.stdin.resume().once('end', () => {
  void server.close({ graceMs: 0, lameDuckMs: 0 }).then(() => registry.close());
});
process.stdout.write(`${JSON.stringify({ address })}\n`);
